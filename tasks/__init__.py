"""Task definitions: one file a task, found by listing this folder."""

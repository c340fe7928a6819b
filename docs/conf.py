"""Sphinx: MyST pages, no network."""

project = "archbench"
extensions = ["myst_parser"]
html_theme = "furo"
exclude_patterns = ["_build", "examples"]

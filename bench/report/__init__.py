"""Reports: the same rows as a terminal table, a data frame, figures and Markdown. Nothing heavy is imported here."""

"""CSV: `summary.csv`, an architecture on a task a line, and `cells.csv`, a cell a line; those of the report.

Scores are as they are, in columns of their own beside `higher_is_better`; failed and skipped cells are lines with their
status and reason.
"""

from bench.export._format import Exported, Format, Request
from bench.report.tables import cell, csv_text, summary


def _export(request: Request) -> Exported:
    tables = {"summary.csv": summary(request.runs.records), "cells.csv": [cell(each) for each in request.runs.records]}
    return Exported([(name, csv_text(lines).encode(errors="backslashreplace")) for name, lines in tables.items()], [])


FORMAT = Format(_export)

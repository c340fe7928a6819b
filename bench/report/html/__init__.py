"""The report as one page: `report.html`, which needs no other file and asks for none."""

from pathlib import Path

from bench.catalogue import discover
from bench.report.html.claims import claims_of
from bench.report.html.page import write_html
from bench.runs import Runs

__all__ = ["claims_of", "write_html", "write_page"]


def write_page(runs: Runs, folder: Path, *, title: str) -> list[Path]:
    """Write `report.html` into `folder`, with the claims that the runs are evidence for; its path."""
    claims = claims_of(runs.records, runs.curves, discover())
    page = write_html(
        runs.records, runs.curves, folder, title=title, claims=claims, notes=runs.notes, missing=runs.missing
    )
    return [page]

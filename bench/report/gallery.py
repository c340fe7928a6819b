"""The figures of a report as files, SVG and PNG, for a page or a paper of one's own."""

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from bench.errors import StoreError
from bench.report import lengths
from bench.report.aggregate import task_tables
from bench.report.canvas import render
from bench.report.figures import FIGURES
from bench.report.ladder_figures import half_life_length, success
from bench.report.output import save
from bench.report.rows import remembered
from bench.report.text import slug
from bench.runs import Runs


def write_figures(runs: Runs, folder: Path, *, title: str) -> list[Path]:
    """Draw every figure there are records for into `figures/` in `folder`; that folder's path.

    Raises StoreError where there is nothing to draw, or nothing can be written.
    """
    place = folder / "figures"
    paths = [
        save(place / f"{name}.{form}", render(figure, form))
        for name, figure in _figures(runs)
        for form in ("svg", "png")
    ]
    if not paths:
        raise StoreError("cannot draw figures: no run has a score, and nothing was recorded; --format html says why")
    return [place]


def _figures(runs: Runs) -> Iterator[tuple[str, Figure]]:
    """File name and figure: of every task, and across the lengths of one."""
    taken = set[str]()
    for table in task_tables(runs.records):
        stem = slug(table.label, taken)
        taken.add(stem)
        curves = remembered(runs.curves)
        for kind, (draw, _) in FIGURES.items():
            if figure := draw(table, curves):
                yield f"{stem}-{kind}", figure
    climbs, taken = lengths.climbs(runs.records), set()
    for climb in climbs:
        stem = slug(climb.task, taken)
        taken.add(stem)
        yield f"{stem}-success", success(climb)
    if figure := half_life_length(climbs):
        yield "all-half-life-length", figure

"""The figures of a report: drawn, written as SVG and PNG, and shown in Markdown, each with its sentence."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from bench.errors import StoreError
from bench.record import Record
from bench.report import lengths
from bench.report.canvas import render
from bench.report.figures import FIGURES
from bench.report.ladder_figures import half_life_length, success
from bench.report.rows import Curves, TaskTable
from bench.report.text import enumerate_words, markdown, shorten, slug
from bench.store import write_atomic

_NAME = 80
_CAPTIONS = {
    "lag-map": "Gradient over lag and training",
    "half-life": "Half-life of the gradient",
    "gates": "Gates over a sequence",
    "success": "Success against length",
    "half-life-length": "Half-life and longest solved length",
}
"""Of figures whose kind does not say it."""


def across(records: Sequence[Record], folder: Path) -> Iterator[str]:
    """What several tables show together: tasks at two lengths or more."""
    found = lengths.climbs(records)
    if not found:
        return
    yield "## Across lengths"
    taken = set[str]()
    for climb in found:
        stem = slug(climb.task, taken)
        taken.add(stem)
        yield from _shown(success(climb), "success", climb.task, lengths.success_words(climb), folder, stem)
    if figure := half_life_length(found):
        yield from _shown(figure, "half-life-length", "all", lengths.half_life_words(found), folder, "all")


def figures(table: TaskTable, curves: Curves, folder: Path, stem: str) -> Iterator[str]:
    """All figures of one task, and which there is nothing to draw for."""
    missing = []
    for kind, (draw, say) in FIGURES.items():
        if figure := draw(table, curves):
            yield from _shown(figure, kind, table.label, say(table, curves), folder, stem)
        else:
            missing.append(_caption(kind).lower())
    if missing:
        why = "nothing was recorded for them" if table.ranked else "there is no finished cell"
        yield f"No figure of {enumerate_words(missing)}: {why}."


def _shown(figure: Figure, kind: str, of: str, sentence: str, folder: Path, stem: str) -> Iterator[str]:
    """Writes a figure; its place in the text, and its sentence."""
    for form in ("svg", "png"):
        write(folder / f"{stem}-{kind}.{form}", render(figure, form))
    caption, source = _caption(kind), f"figures/{stem}-{kind}"
    yield f"![{caption} of {markdown(shorten(of, _NAME))}]({source}.svg)"
    yield f"{caption} ([PNG]({source}.png)). {sentence}".rstrip()


def _caption(kind: str) -> str:
    return _CAPTIONS.get(kind, kind.replace("-", " ").capitalize())


def remembered(curves: Curves) -> Curves:
    """Asks for each record's arrays once: several figures want the same."""
    found: dict[str, Mapping[str, np.ndarray]] = {}

    def remembered(record: Record) -> Mapping[str, np.ndarray]:
        if record.cell_id not in found:
            found[record.cell_id] = curves(record)
        return found[record.cell_id]

    return remembered


def write(path: Path, content: bytes) -> None:
    """Write a file of the report. Raises StoreError where that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}; choose another folder with --out") from None

"""Gates that keep the state, over one example sequence, before and after training; and in a sentence."""

from dataclasses import dataclass

import numpy as np

from bench.record import Record
from bench.report.rows import Curves, Row, TaskTable
from bench.report.words import extremes, names

_KEEPING = ("forget", "update")
"""Gates that scale what is kept of the state: of an LSTM, and of a GRU."""


@dataclass(frozen=True, eq=False)
class Example:
    """A gate of one seed over the first probed sequence."""

    row: Row
    record: Record
    gate: str
    values: np.ndarray
    """(2, time, units) at init and at the end; the units by their mean at the end."""
    cues: np.ndarray
    """(time,) bool."""

    @property
    def at_end(self) -> tuple[float, float]:
        """Mean at the end over the units, at the cues and elsewhere; NaN where there is no such step."""
        end = self.values[1].mean(axis=1)
        at, elsewhere = end[self.cues], end[~self.cues]
        return float(at.mean()) if at.size else np.nan, float(elsewhere.mean()) if elsewhere.size else np.nan


def examples(table: TaskTable, curves: Curves) -> list[Example]:
    """An example a gated architecture: of its first seed that solved the task, or else of its first seed."""
    return [found for row in table.rows if (found := _example(row, curves))]


def _example(row: Row, curves: Curves) -> Example | None:
    for record in sorted(row.planned, key=lambda record: not record.solved):
        arrays = curves(record) if record.curves else {}
        for gate in _KEEPING:
            values = np.asarray(arrays.get(f"example_{gate}", ()), "float64")
            if values.ndim == 3 and len(values) == 2 and values.size and np.isfinite(values).all():
                order = values[1].mean(axis=0).argsort(kind="stable")
                cues = np.asarray(arrays.get("example_cues", np.zeros(values.shape[1])), bool)
                return Example(row, record, gate, values[:, :, order], cues)
    return None


def gate_words(table: TaskTable, curves: Curves) -> str:
    """The mean gate at the cues and elsewhere, and which seed is shown."""
    drawn = examples(table, curves)
    marked = sorted((each for each in drawn if np.isfinite(each.at_end).all()), key=lambda e: e.at_end[0] - e.at_end[1])

    def at_cues(example: Example) -> str:
        at, elsewhere = example.at_end
        return f"{at:.2f} at the cues and {elsewhere:.2f} elsewhere in {names([example.row])}"

    def overall(example: Example) -> str:
        first, end = example.values.mean(axis=(1, 2))
        return f"{first:.2f} → {end:.2f} in {names([example.row])}"

    if marked:
        what = f"At the end the mean gate is {extremes(marked, at_cues, 'lowest against elsewhere', 'highest')}."
    else:
        ordered = sorted(drawn, key=lambda example: float(example.values[1].mean()))
        what = f"Mean gate from init to end: {extremes(ordered, overall, 'lowest', 'highest')}."
    return f"{what} {_shown(drawn)}"


def _shown(drawn: list[Example]) -> str:
    by_seed: dict[str, list[Row]] = {}
    for example in drawn:
        solved = "solved" if example.record.solved else "not solved"
        by_seed.setdefault(f"seed {example.record.seed}, {solved}", []).append(example.row)
    return f"Shown: {'; '.join(f'{names(rows)} ({which})' for which, rows in by_seed.items())}."

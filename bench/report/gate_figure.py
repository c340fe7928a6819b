"""Gates that keep the state, over one example sequence, before and after training, with the cues marked on top."""

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.record import Record
from bench.report import canvas
from bench.report.canvas import RED
from bench.report.rows import Curves, Row, TaskTable
from bench.report.words import extremes, names

_KEEPING = ("forget", "update")
"""Gates that scale what is kept of the state: of an LSTM, and of a GRU."""
_POINTS = 200
"""Steps drawn: a longer sequence is averaged in blocks."""


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


def gates(table: TaskTable, curves: Curves) -> Figure | None:
    """Units by time, a pair of panels per gated architecture: at init and at the end."""
    drawn = examples(table, curves)
    if not drawn:
        return None
    with canvas.look():
        figure, axes = canvas.panels(table.label, 2 * len(drawn), columns=4, height=1.6, across="step of the sequence")
        for place, example in enumerate(drawn):
            name = canvas.name(example.row.architecture, 60)
            for moment, when in enumerate(("init", "end")):
                image = _panel(axes[2 * place + moment], example, moment)
                axes[2 * place + moment].set_title(f"{name}: {example.gate}, {when}", pad=9)
        bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=30)
        bar.set_label("gate: 1 keeps, 0 drops", fontsize=8)
        bar.ax.tick_params(labelsize=7)
        figure.supylabel("units, by their mean at the end", fontsize=9)
        canvas.legend_below(figure, {k: v for panel in axes for k, v in canvas.handles(panel).items()})
    return figure


def _panel(axes: Axes, example: Example, moment: int) -> mpl.collections.QuadMesh:
    values = example.values[moment]
    edges = np.unique(np.linspace(0, len(values), min(_POINTS, len(values)) + 1).round().astype(int))
    blocks = np.add.reduceat(values, edges[:-1]) / np.diff(edges)[:, None]
    height = np.linspace(0, 1, values.shape[1] + 1)  # panels share their scale, also where widths differ
    mesh = axes.pcolormesh(edges - 0.5, height, blocks.T, cmap="cividis", vmin=0, vmax=1, rasterized=True)
    if example.cues.any():
        cues = np.flatnonzero(example.cues)
        axes.scatter(cues, np.full(cues.size, 1.05), marker="v", s=13, color=RED, linewidths=0, clip_on=False,
                     transform=axes.get_xaxis_transform(), label="cue: the step carries what is asked for")  # fmt: skip
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    axes.grid(visible=False)
    axes.tick_params(labelsize=7)
    return mesh


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

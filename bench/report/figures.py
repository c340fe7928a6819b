"""The figures of one task's table. Each takes the table and its curves; None means there is nothing to draw."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.record import Record
from bench.report import canvas, flow_words, formats, words
from bench.report.canvas import BLUE, ORANGE, RED
from bench.report.filter_figure import filters
from bench.report.filter_mosaic import filter_words
from bench.report.flow_figures import gradient_flow, half_life, lag_map
from bench.report.gate_examples import gate_words
from bench.report.gate_figure import gates
from bench.report.gradient_figure import gradient_norms
from bench.report.rows import Curves, History, Row, TaskTable, histories


def score(table: TaskTable, curves: Curves) -> Figure | None:
    """Test score of every seed by architecture, the best on top: means, chance, target, and the seeds that failed."""
    if not table.ranked:
        return None
    record = table.any
    with canvas.look():
        figure, (axes,) = canvas.panels(table.label, 1, columns=1, height=0.3 * len(table.rows) + 0.6)
        if formats.logarithmic(record) and all(value > 0 for row in table.ranked for value in row.values):
            axes.set_xscale("log")
        canvas.references(axes, record, upright=True)
        for position, row in enumerate(table.rows):
            _score_row(axes, position, row, record)
        labels = [canvas.name(row.architecture, 200) for row in table.rows]
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(canvas.score_label(record, "test") + _zoom(axes, table))
        canvas.legend_below(figure, canvas.handles(axes))
    return figure


def _zoom(axes: Axes, table: TaskTable) -> str:
    """Leave chance out of an axis on which it would press all scores into a corner; says so for the axis label."""
    record = table.any
    shown = [record.target, *(value for row in table.rows for value in row.values)]
    low, high = min(shown), max(shown)
    if axes.get_xscale() == "log" or not low > record.chance or high - low > (low - record.chance) / 5:
        return ""
    margin = max(0.08 * (high - low), 1e-3)
    axes.set_xlim(low - margin, high + margin)
    return f"; chance {record.chance:.3g} lies off the axis"


def _score_row(axes: Axes, position: int, row: Row, record: Record) -> None:
    # Seeds lie a little apart, in their order, so that equal scores stay countable.
    offsets = np.linspace(-0.18, 0.18, len(row.values)) if len(row.values) > 1 else np.zeros(len(row.values))
    axes.scatter(row.values, position + offsets, s=18, color=BLUE, alpha=0.75, linewidths=0, label="seed", zorder=3)
    if row.scored:
        axes.plot(
            [row.mean] * 2, [position - 0.32, position + 0.32], color=ORANGE, linewidth=2.2, label="mean", zorder=2
        )
    missing = len(row.planned) - len(row.scored)
    if missing:
        worst_edge = 0.012 if record.higher_is_better else 0.988
        across = axes.get_yaxis_transform()
        places = position + np.linspace(-0.18, 0.18, missing) if missing > 1 else [position]
        axes.scatter([worst_edge] * missing, places, marker="x", s=22, color=RED, transform=across, clip_on=False,
                     label="seed without a score", zorder=4)  # fmt: skip
    remark = row.failures or ("skipped" if not row.planned else "")
    axes.annotate(remark, (1.01, position), xycoords=axes.get_yaxis_transform(), va="center", fontsize=7, color=RED)


def learning_curves(table: TaskTable, curves: Curves) -> Figure | None:
    """Validation score against step, a panel per architecture: a line a seed, and their median where steps coincide."""
    drawn = [(row, found) for row in table.rows if (found := histories(row, curves))]
    if not drawn:
        return None
    record = table.any
    with canvas.look():
        figure, axes = canvas.panels(table.label, len(drawn), columns=4, height=1.9)
        if formats.logarithmic(record):
            axes[0].set_yscale("log")
        for panel, (row, found) in zip(axes, drawn, strict=True):
            _learning_panel(panel, row, found)
        figure.supylabel(canvas.score_label(record, "validation"), fontsize=9)
        canvas.legend_below(figure, {k: v for panel in axes for k, v in canvas.handles(panel).items()})
    return figure


def _learning_panel(axes: Axes, row: Row, found: Sequence[History]) -> None:
    canvas.references(axes, row.records[0])
    for record, steps, scores in found:
        axes.plot(
            steps, scores, color=BLUE, linewidth=0.7, alpha=0.7, label="seed", marker="." if len(steps) == 1 else ""
        )
        if record not in row.scored:
            end = np.flatnonzero(np.isfinite(scores))[-1]
            axes.plot(steps[end], scores[end], "x", color=RED, markersize=6, label="ended without a score", zorder=4)
    steps = found[0][1]
    if len(found) > 2 and all(np.array_equal(steps, other) for _, other, _ in found):
        median = np.median([scores for *_, scores in found], axis=0)
        axes.plot(steps, median, color=ORANGE, linewidth=2, label="median", zorder=3)
    axes.set_title(canvas.name(row.architecture, 145))
    axes.tick_params(labelsize=7)
    axes.margins(x=0.02)


class Kind(NamedTuple):
    """A figure of one table and the sentence beside it; a sentence is asked for only where there is a figure."""

    draw: Callable[[TaskTable, Curves], Figure | None]
    say: Callable[[TaskTable, Curves], str]


FIGURES = {
    "score": Kind(score, words.score),
    "learning-curves": Kind(learning_curves, words.learning_curves),
    "gradient-norms": Kind(gradient_norms, words.gradient_norms),
    "gradient-flow": Kind(gradient_flow, flow_words.gradient_flow),
    "lag-map": Kind(lag_map, flow_words.lag_map),
    "half-life": Kind(half_life, flow_words.half_life),
    "gates": Kind(gates, gate_words),
    "filters": Kind(filters, filter_words),
}
"""What a report shows of each task, in this order."""

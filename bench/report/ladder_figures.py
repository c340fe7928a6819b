"""Figures across the lengths of a task: success against length, and the gradient's half-life against it."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import canvas
from bench.report.canvas import GREY
from bench.report.lengths import Climb, Point


def success(climb: Climb) -> Figure:
    """Share of seeds that solved each length with its exact interval, a line an architecture, beside one another."""
    with canvas.look():
        figure, (axes,) = canvas.panels(climb.task, 1, columns=1, height=3.0, across="length")
        for place, (label, ladder) in enumerate(zip(climb.labels, climb.ladders, strict=True)):
            x = [climb.lengths.index(rung.length) + _beside(place, len(climb.ladders)) for rung in ladder.rungs]
            share = np.array([rung.solved / rung.seeds for rung in ladder.rungs])
            ends = np.array([rung.interval for rung in ladder.rungs]).T
            style = canvas.line_style(place)
            axes.plot(x, share, label=canvas.name(label, 160), linewidth=0.8, markersize=4.5, **style)
            axes.vlines(x, *ends, color=style["color"], linewidth=2.5, alpha=0.35)
        _lengths(axes, climb, list(map(str, climb.lengths)))
        axes.set_ylim(-0.04, 1.04)
        axes.set_ylabel("share of seeds that solved it")
        canvas.legend_beside(axes)
    return figure


def _beside(place: int, count: int) -> float:
    """Where the `place`-th of `count` stands within a unit, so that none hides another."""
    return 0.8 * ((place + 0.5) / count - 0.5)


def _lengths(axes: Axes, climb: Climb, names: Sequence[str]) -> None:
    """Names the columns, the last of which is the longest length, and draws lines between them."""
    first = len(climb.lengths) - len(names)
    axes.set_xticks(np.arange(len(names)) + first, names)
    axes.set_xlim(first - 0.5, len(climb.lengths) - 0.5)
    axes.grid(visible=False, axis="x")
    for column in range(first, len(climb.lengths) - 1):
        axes.axvline(column + 0.5, color="0.9", linewidth=1, zorder=0)


def half_life_length(found: Sequence[Climb]) -> Figure | None:
    """Half-life at the end (filled) and at init (hollow) against the longest length a seed solved, a panel a task."""
    drawn = [climb for climb in found if climb.points]
    if not drawn:
        return None
    labels = sorted({label for climb in drawn for label in climb.labels})
    with canvas.look():
        figure, axes = canvas.panels(
            "Half-life and longest solved length", len(drawn), columns=3, height=2.6, shared=False,
            across="longest length that the seed solved",
        )  # fmt: skip
        every = [value for climb in drawn for point in climb.points for value in (point.init, point.end)]
        for panel, climb in zip(axes, drawn, strict=True):
            ceiling = canvas.half_life_axis(panel, np.array(every))
            for point in climb.points:
                _seed(panel, climb, point, labels, ceiling)
            _lengths(panel, climb, [f"< {climb.lengths[0]}", *map(str, climb.lengths[:-1]), f"≥ {climb.lengths[-1]}"])
            panel.set_title(canvas.name(climb.task, 200))
            panel.tick_params(labelsize=7)
        axes[0].set_ylabel("half-life (steps)")
        _keys(figure, axes[0], labels, drawn)
    return figure


def _seed(axes: Axes, climb: Climb, point: Point, labels: Sequence[str], ceiling: float) -> None:
    place = labels.index(climb.labels[point.ladder])
    style = canvas.line_style(place)
    column = -1 if point.longest is None else climb.lengths.index(point.longest)
    x = column + _beside(place, len(labels))
    for value, face in ((point.init, "none"), (point.end, style["color"])):
        if not math.isnan(value):
            axes.scatter(x, min(value, ceiling), marker=style["marker"], s=20, facecolors=face,
                         edgecolors=style["color"], linewidths=0.8, alpha=0.8, zorder=3)  # fmt: skip
    if _cut_short(climb, point):
        axes.annotate("›", (x, min(point.end, ceiling)), xytext=(3, -3), textcoords="offset points", color=GREY)


def _cut_short(climb: Climb, point: Point) -> bool:
    """It solved the last length that its architecture tried, where others tried longer ones."""
    return point.at_top and point.longest != climb.lengths[-1]


def _keys(figure: Figure, axes: Axes, labels: Sequence[str], drawn: Sequence[Climb]) -> None:
    """A legend entry an architecture, and what hollow, filled and marked points are."""
    for place, label in enumerate(labels):
        style = canvas.line_style(place)
        axes.scatter([], [], marker=style["marker"], color=style["color"], s=20, label=canvas.name(label, 130))
    axes.scatter([], [], marker="o", s=20, facecolors="none", edgecolors=GREY, label="hollow: at init")
    axes.scatter([], [], marker="o", s=20, color=GREY, label="filled: at the end")
    if any(_cut_short(climb, point) for climb in drawn for point in climb.points):
        axes.scatter([], [], marker="$›$", s=20, color=GREY, label="no longer length tried")
    canvas.legend_below(figure, canvas.handles(axes))

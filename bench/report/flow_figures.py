"""How far the gradient reaches back in time: its norm over lag, over lag and training, and its half-life."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.record import Record
from bench.report import canvas
from bench.report.canvas import BLUE, GREY, ORANGE
from bench.report.flow import (
    DEEPEST,
    END,
    SYMBOL,
    TOLD_APART,
    Arm,
    Column,
    arms,
    columns,
    decades,
    decay_state,
    half_lives,
    thin,
)
from bench.report.rows import Curves, TaskTable

_STYLES = {"init": (ORANGE, (0, (4, 1.5))), "during": ("0.55", (0, (1, 1))), END: (BLUE, "-")}
"""Colour and dashes of a moment: they differ in lightness too, for print."""
_BAND = "10–90 % of sequences"
_ACROSS = "training step (end: wherever a seed stopped)"


def gradient_flow(table: TaskTable, curves: Curves) -> Figure | None:
    """Log10 of the gradient's norm over lag, a panel per architecture, at init, during and at the end."""
    drawn = arms(table, curves)
    if not drawn:
        return None
    with canvas.look():
        figure, axes = canvas.panels(
            table.label, len(drawn), columns=4, height=1.6, across="lag (steps back from the loss)"
        )
        for panel, arm in zip(axes, drawn, strict=True):
            _flow_panel(panel, arm)
        cut = _cut(axes[0])
        for panel, arm in zip(axes, drawn, strict=True):
            _mark_floor(panel, arm)
        figure.supylabel(f"log10 of the gradient norm{cut}", fontsize=9)
        canvas.legend_below(figure, _in_order(axes))
    return figure


def _flow_panel(axes: Axes, arm: Arm) -> None:
    for moment, (colour, dashes) in _STYLES.items():
        if line := arm.line(moment):
            lag = thin(len(line.mean))
            marker = "." if len(lag) == 1 else ""
            axes.plot(lag, line.mean[lag], color=colour, linestyle=dashes, linewidth=1.5, marker=marker, label=moment)
            axes.fill_between(lag, line.low[lag], line.high[lag], color=colour, alpha=0.18, linewidth=0,
                              label=_BAND)  # fmt: skip
        if arm.state == "h" and moment != "during" and (line := arm.line(moment, "c")):
            lag = thin(len(line.mean))[1:]  # the c of the last step is not carried on: no gradient at lag 0
            axes.plot(lag, line.mean[lag], color=colour, linewidth=0.8, marker=".", markersize=4,
                      markevery=max(len(lag) // 8, 1), label=f"{SYMBOL['c']}, {moment}")  # fmt: skip
    axes.set_title(f"{canvas.name(arm.row.architecture, 118)}: {SYMBOL[arm.state]}")
    axes.tick_params(labelsize=7)
    axes.margins(x=0.02)
    axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5, integer=True))


def _cut(axes: Axes) -> str:
    """Let the lines leave axes far below the largest norm, where nothing could be told apart; says so for the label."""
    bottom, top = axes.get_ylim()
    if top - bottom <= DEEPEST:
        return ""
    axes.set_ylim(bottom=top - DEEPEST)
    return f",\nthe upper {DEEPEST:.0f} decades"


def _mark_floor(axes: Axes, arm: Arm) -> None:
    """The floor, or where it is off the axes, bars at their foot over the lags at the floor; names lines not seen."""
    floor, (bottom, top) = arm.seeds[0].floor, axes.get_ylim()
    below = [moment for moment in _STYLES if (line := arm.line(moment)) and np.nanmax(line.mean) < bottom]
    if below:
        axes.text(0.98, 0.9, f"below the axis: {', '.join(below)}", transform=axes.transAxes, ha="right", va="top",
                  fontsize=7, color=GREY)  # fmt: skip
    if bottom < floor:
        axes.axhspan(bottom, floor, color="0.85", linewidth=0, label="at the floor of float32", zorder=0)
        axes.axhline(floor, color=GREY, linestyle="--", linewidth=1, zorder=1)
        axes.set_ylim(bottom, top)
        return
    for place, (moment, (colour, _)) in enumerate(_STYLES.items()):
        line = arm.line(moment)
        if line and (lags := np.flatnonzero(line.at_floor)).size:
            axes.axvspan(lags[0], lags[-1], 0.07 * place, 0.07 * place + 0.06, facecolor=colour, hatch="////",
                         edgecolor="white", linewidth=0, zorder=4, label="at the floor of float32")  # fmt: skip


def _in_order(axes: Sequence[Axes]) -> dict[str, object]:
    """The legend of all panels, moments before marks."""
    found = {label: handle for panel in axes for label, handle in canvas.handles(panel).items()}
    order = [*_STYLES, *(label for label in found if label not in _STYLES)]
    return {label: found[label] for label in order if label in found}


def lag_map(table: TaskTable, curves: Curves) -> Figure | None:
    """Log10 of the gradient's norm over that at lag 0, over lag and training, a panel per architecture."""
    drawn = arms(table, curves)
    across = columns(seed.record for arm in drawn for seed in arm.seeds)
    maps = [decades(arm, across) for arm in drawn]
    if len(across) < 2 or not any(np.isfinite(each).any() for each in maps):
        return None
    top = max(float(np.nanmax(each)) for each in maps if np.isfinite(each).any())
    bottom = max(min(float(np.nanmin(each)) for each in maps if np.isfinite(each).any()), top - TOLD_APART)
    with canvas.look():
        figure, axes = canvas.panels(table.label, len(drawn), columns=4, height=1.6, across="training step")
        for panel, arm, each in zip(axes, drawn, maps, strict=True):
            norm = mpl.colors.Normalize(bottom, max(top, bottom + 1))
            image = _map_panel(panel, arm, each, across, norm)
        bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=30, extend="min")
        bar.set_label("log10 of the gradient norm over that at lag 0", fontsize=8)
        bar.ax.tick_params(labelsize=7)
        figure.supylabel("lag (steps back from the loss)", fontsize=9)
    return figure


def _map_panel(
    axes: Axes, arm: Arm, values: np.ndarray, across: Sequence[Column], norm: mpl.colors.Normalize
) -> mpl.collections.QuadMesh:
    lag = thin(len(values))
    edges = np.concatenate([[lag[0] - 0.5], (lag[:-1] + lag[1:]) / 2, [lag[-1] + 0.5]])
    axes.set_facecolor("0.92")
    axes.grid(visible=False)
    mesh = axes.pcolormesh(np.arange(len(across) + 1) - 0.5, edges, values[lag], cmap="viridis", norm=norm,
                           rasterized=True)  # fmt: skip
    if END in across:
        axes.axvline(len(across) - 1.5, color="white", linewidth=2)
    _name_columns(axes, across, most=5)
    axes.set_title(f"{canvas.name(arm.row.architecture, 118)}: {SYMBOL[arm.state]}")
    axes.tick_params(labelsize=7)
    return mesh


def _name_columns(axes: Axes, across: Sequence[Column], *, most: int) -> None:
    """Ticks at the steps probed, as many as fit, and at the end."""
    steps = len(across) - (END in across)
    shown = [*thin(steps, most - 1), *([steps] if END in across else [])]
    if END in across and len(shown) > most - 1 and steps - shown[-2] < len(across) / most:
        del shown[-2]  # too near to "end"
    axes.set_xticks(shown, [str(across[i]) for i in shown])


def half_life(table: TaskTable, curves: Curves) -> Figure | None:
    """Half-life of the gradient against training, a line per architecture: median and range over seeds."""
    across = columns(record for row in table.rows for record in row.planned)
    drawn = [(row, state) for row in table.rows if (state := decay_state(row))]
    points = [(row, state, _points(row.planned, state, across)) for row, state in drawn]
    points = [each for each in points if each[2].size]
    if not points:
        return None
    with canvas.look():
        figure, (axes,) = canvas.panels(table.label, 1, columns=1, height=3.0, across=_ACROSS)
        ceiling = canvas.half_life_axis(axes, np.concatenate([each[:, 1:].ravel() for *_, each in points]))
        for place, (row, state, each) in enumerate(points):
            shift = 0.5 * ((place + 0.5) / len(points) - 0.5)
            label = f"{canvas.name(row.architecture, 130)}: {SYMBOL[state]}"
            _half_life_line(axes, place, each, shift, label=label, ceiling=ceiling)
        axes.set_xlim(-0.5, len(across) - 0.5)
        _name_columns(axes, across, most=12)
        axes.set_ylabel("half-life (steps)")
        canvas.legend_beside(axes)
    return figure


def _points(records: Sequence[Record], state: str, across: Sequence[Column]) -> np.ndarray:
    """(points, 4): column, median, least and greatest half-life; (0,) where there is none."""
    found = [(i, half_lives(records, state, column)) for i, column in enumerate(across)]
    return np.array([(i, each.middle, each.least, each.greatest) for i, each in found if each])


def _half_life_line(axes: Axes, place: int, points: np.ndarray, shift: float, *, label: str, ceiling: float) -> None:
    style = canvas.line_style(place)
    x, (middle, low, high) = points[:, 0] + shift, np.minimum(points[:, 1:], ceiling).T
    axes.vlines(x, low, high, color=style["color"], linewidth=2.5, alpha=0.35)
    axes.plot(x, middle, markersize=4.5, linewidth=1, label=label, **style)

"""Gradient norms of every variable over the training, a panel per architecture."""

import math

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import canvas
from bench.report.canvas import GREY, LINES, RED
from bench.report.gradient_norms import Norms, norms_of
from bench.report.rows import Curves, Row, TaskTable
from bench.report.text import shorten_path

_BINS = 200
"""Points a line: more cannot be told apart in a panel three inches wide."""
_NAMED = 10
"""Lines with a colour and a legend entry of their own; more variables get a colour map."""


def gradient_norms(table: TaskTable, curves: Curves) -> Figure | None:
    """Norm of each variable's gradient before clipping against step, median over seeds, logarithmic."""
    drawn = [(row, norms) for row in table.rows if (norms := norms_of(row, curves, bins=_BINS))]
    if not drawn:
        return None
    with canvas.look():
        figure, axes = canvas.panels(table.label, len(drawn), columns=2, height=2.2)
        axes[0].set_yscale("log")
        for panel, (row, norms) in zip(axes, drawn, strict=True):
            _panel(panel, row, norms)
        figure.supylabel("gradient norm before clipping (median over seeds)", fontsize=9)
    return figure


def _panel(axes: Axes, row: Row, norms: Norms) -> None:
    count = len(norms.variables)
    colours = LINES if count <= _NAMED else list(mpl.colormaps["viridis"](np.linspace(0, 0.95, count)))
    named = set(range(count)) if count <= _NAMED else set(np.linspace(0, count - 1, 6).round().astype(int).tolist())
    for index, (variable, norm) in enumerate(zip(_short(norms.variables), norms.each.T, strict=True)):
        label = variable if (norm > 0).any() else f"{variable} = 0"
        style = "-" if index % 2 == 0 or count > _NAMED else (0, (4, 1))
        axes.plot(norms.step, np.where(norm > 0, norm, np.nan), color=colours[index], linestyle=style, linewidth=1.1,
                  label=label if index in named else None)  # fmt: skip
    axes.plot(
        norms.step,
        np.where(norms.whole > 0, norms.whole, np.nan),
        color="0.65",
        linewidth=3,
        label="all variables",
        zorder=1,
    )
    clip = row.records[0].training.clip
    if clip is not None and math.isfinite(clip):
        axes.axhline(clip, color=GREY, linestyle="--", linewidth=1, label="clip (all variables)")
    if norms.not_finite.size:
        axes.plot(norms.not_finite, np.full(norms.not_finite.size, 0.97), "|", color=RED, markersize=7, clip_on=False,
                  transform=axes.get_xaxis_transform(), label=f"{norms.not_finite.size} steps not finite")  # fmt: skip
    axes.set_title(canvas.name(row.architecture, 250))
    axes.tick_params(labelsize=7)
    axes.margins(x=0.02)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.04), fontsize=6, frameon=False, labelspacing=0.25, handlelength=1.8
    )


def _short(variables: list[str]) -> list[str]:
    """As 'layer/weight', with as many folders before it as tell them apart; what is still too long loses its front."""
    parts = [name.split("/") for name in variables]
    deepest = max(map(len, parts))
    depth = next((d for d in range(2, deepest) if len({tuple(part[-d:]) for part in parts}) == len(parts)), deepest)
    return [canvas.name("/".join(part[-depth:]), 110, size=6, cut=shorten_path) for part in parts]

"""Gradient norms of every variable over the training, a panel per architecture."""

import math
import warnings
from dataclasses import dataclass
from itertools import pairwise

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import canvas
from bench.report.canvas import GREY, LINES, RED
from bench.report.rows import Curves, Row, TaskTable
from bench.report.text import shorten_path

_BINS = 200
"""Points a line: more cannot be told apart in a panel three inches wide."""
_NAMED = 10
"""Lines with a colour and a legend entry of their own; more variables get a colour map."""


@dataclass(frozen=True)
class Norms:
    """Gradient norms of an architecture's variables, smoothed."""

    variables: list[str]
    step: np.ndarray
    """(bins,) middle of each bin."""
    each: np.ndarray
    """(bins, variables) median over seeds and the steps of a bin."""
    whole: np.ndarray
    """(bins,) norm over all variables, median likewise."""
    not_finite: np.ndarray
    """Steps at which a seed had a NaN or infinite gradient."""


def gradient_norms(table: TaskTable, curves: Curves) -> Figure | None:
    """Norm of each variable's gradient before clipping against step, median over seeds, logarithmic."""
    drawn = [(row, norms) for row in table.rows if (norms := norms_of(row, curves))]
    if not drawn:
        return None
    with canvas.look():
        figure, axes = canvas.panels(table.label, len(drawn), columns=2, height=2.2)
        axes[0].set_yscale("log")
        for panel, (row, norms) in zip(axes, drawn, strict=True):
            _panel(panel, row, norms)
        figure.supylabel("gradient norm before clipping (median over seeds)", fontsize=9)
    return figure


def norms_of(row: Row, curves: Curves, *, bins: int = _BINS, by_variable: bool = True) -> Norms | None:
    """The norms of a row; None where none was recorded or all are 0. Without `by_variable` `each` is the whole too."""
    arrays = [curves(record) for record in row.planned if record.curves]
    arrays = [each for each in arrays if "gradient_norm" in each and each["gradient_norm"].size]
    if not arrays:
        return None
    names = [str(variable) for variable in arrays[0]["variables"]]
    seeds = [each["gradient_norm"].astype("float64") for each in arrays if len(each["variables"]) == len(names)]
    bad = [np.flatnonzero(~np.isfinite(seed).all(axis=1)) + 1 for seed in seeds]
    length = max(map(len, seeds))
    edges = np.linspace(0, length, min(bins, length) + 1).astype(int)
    slices = list(pairwise(edges))
    wholes = [np.linalg.norm(seed, axis=1, keepdims=True) for seed in seeds]
    whole = np.array([_median([seed[a:b] for seed in wholes]) for a, b in slices])
    each = np.array([_median([seed[a:b] for seed in seeds]) for a, b in slices]) if by_variable else whole
    if not (each > 0).any():
        return None  # nothing that a logarithmic axis can show
    return Norms(names, (edges[:-1] + edges[1:] + 1) / 2, each, whole[:, 0], np.unique(np.concatenate(bad)))


def _median(parts: list[np.ndarray]) -> np.ndarray:
    """Median over the rows of all parts, what is not finite left out (it is marked apart)."""
    rows = np.concatenate(parts)
    if np.isfinite(rows).all():
        return np.asarray(np.median(rows, axis=0))  # a tenth of the time
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN slice")
        return np.asarray(np.nanmedian(np.where(np.isfinite(rows), rows, np.nan), axis=0))


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

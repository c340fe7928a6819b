"""What all figures share: look, panels, reference lines, names, and files that are equal byte for byte."""

import io
import math
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from bench.record import Record
from bench.report.formats import direction
from bench.report.text import plain, shorten

_PALETTE = sns.color_palette("colorblind").as_hex()
BLUE, ORANGE, GREEN, RED = (_PALETTE[i] for i in (0, 1, 2, 3))
LINES = [_PALETTE[i] for i in (0, 1, 2, 4, 5, 6, 8, 9, 3, 7)]
_MARKERS = "osD^vP*X<>h"
"""As many as do not share a divisor with the colours."""
GREY = "0.35"
_FONT = "DejaVu Sans"
"""Comes with matplotlib, so that a figure looks the same on every machine."""
_WIDTH = 10.0
"""Inches: the figure fills the width of a printed page without its text falling below 6 points."""


@contextmanager
def look() -> Iterator[None]:
    """The style of every figure; matplotlib's own settings are untouched outside."""
    style: dict[Any, Any] = {
        **sns.axes_style("whitegrid"),
        **sns.plotting_context("paper"),
        "grid.color": "0.9",
        "axes.titlesize": 9,
        "axes.titlelocation": "left",
        "legend.fontsize": 7,
        "font.family": _FONT,
    }
    with mpl.rc_context(style):
        yield


def name(text: object, points: float, size: float = 9, *, cut: Callable[[str, int], str] = shorten) -> str:
    """An untrusted name in a figure: one line that fits into `points`, and no dollar starts a formula.

    `cut(text, width)` gives at most `width` characters of what is too long.
    """
    whole = plain(text)[:400]
    lengths = range(4, min(len(whole), 100) + 1)
    fitting = bisect_right(lengths, points, key=lambda length: _points(cut(whole, length), size))
    return cut(whole, lengths[fitting - 1] if fitting else 3).replace("$", r"\$")


def _points(text: str, size: float) -> float:
    """Width of `text` as drawn."""
    with _missing_glyphs():
        font = FontProperties(family=_FONT, size=size)
        return float(TextToPath().get_text_width_height_descent(text, font, ismath=False)[0])


@contextmanager
def _missing_glyphs() -> Iterator[None]:
    # A name may hold characters that the font lacks: a box is drawn, and the tables hold the name in full.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def panels(
    title: str, count: int, *, columns: int, height: float, across: str = "training step", shared: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure titled `title` and `count` axes wrapped into rows that share both scales; `across` labels the lowest."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(_WIDTH, height * rows + 1.1), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=shared, sharey=shared, squeeze=False).ravel()
    for empty in axes[count:]:
        empty.set_visible(False)
    for above in axes[max(count - columns, 0) : count]:
        above.tick_params(labelbottom=True)  # the last panel of each column, also where the last row is not full
        above.set_xlabel(across)
    figure.suptitle(name(title, 600, size=11), fontsize=11, fontweight="bold")
    return figure, list(axes[:count])


def references(axes: Axes, record: Record, *, upright: bool = False) -> None:
    """Lines at chance and at the target."""
    line = axes.axvline if upright else axes.axhline
    for label, value, colour, dashes in (("chance", record.chance, GREY, "--"), ("target", record.target, GREEN, ":")):
        if math.isfinite(value):
            line(value, color=colour, linestyle=dashes, linewidth=1.2, label=label, zorder=1)


def score_label(record: Record, split: str) -> str:
    """The axis label, with the direction."""
    return f"{split} {name(record.metric, 120)} ({direction(record)})"


def legend_below(figure: Figure, handles: Mapping[str, Any]) -> None:
    """One legend for all panels, outside of them."""
    if handles:
        columns = min(len(handles), 5)
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=columns, frameon=False)


def legend_beside(axes: Axes) -> None:
    """The legend of a single panel, to its right."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), frameon=False, labelspacing=0.4, handlelength=3)


def line_style(place: int) -> dict[str, Any]:
    """Colour, dashes and marker of the `place`-th of several lines; in grey the marker tells them apart."""
    dashes = ("-", (0, (4, 1.5)))[place // len(LINES) % 2]
    return {"color": LINES[place % len(LINES)], "linestyle": dashes, "marker": _MARKERS[place % len(_MARKERS)]}


def half_life_axis(axes: Axes, values: np.ndarray) -> float:
    """Makes the y axis fit half-lives; where infinite ones stand, above all others and marked if there are any."""
    finite = values[np.isfinite(values) & (values > 0)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (1.0, 10.0)
    axes.set_yscale("log")
    ceiling: float = high * max((high / low) ** 0.15, 1.5)
    if np.isposinf(values).any():
        axes.axhline(ceiling, color=GREY, linestyle="--", linewidth=1, zorder=1)
        axes.annotate("does not fall", (0.004, ceiling), xycoords=axes.get_yaxis_transform(), fontsize=7, color=GREY,
                      xytext=(0, 3), textcoords="offset points")  # fmt: skip
    axes.set_ylim(low / max((high / low) ** 0.05, 1.2), ceiling * max((high / low) ** 0.12, 1.3))
    return ceiling


def handles(axes: Axes) -> dict[str, Any]:
    """Label -> artist of `axes`."""
    artists, labels = axes.get_legend_handles_labels()
    return dict(zip(labels, artists, strict=True))


def render(figure: Figure, form: str) -> bytes:
    """The figure as 'svg' or 'png' (150 dpi); the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with look(), mpl.rc_context({"svg.hashsalt": "archbench"}), _missing_glyphs():
        figure.savefig(buffer, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {"Software": None})
    return buffer.getvalue()

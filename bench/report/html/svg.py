"""A panel of a chart as inline SVG: two axes and marks, in plain text. The page's style sheet gives colours and dashes.

Matplotlib draws the figures of `--format figures`, at about a second each; a page of hundreds needs them in
milliseconds, small, and readable on dark ground.
"""

import base64
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib import colormaps
from matplotlib.ticker import LogLocator, MaxNLocator
from PIL import Image

from bench.report.text import plain, shorten

_SIGN = 5.6
"""Pixels of a character of 11 px, on average."""


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, `low` < `high`; both positive where it is logarithmic."""

    low: float
    high: float
    log: bool = False
    label: str = ""
    named: tuple[tuple[float, str], ...] | None = None
    """Ticks with names; None: round numbers."""

    @classmethod
    def around(cls, values: Iterable[float], *, log: bool = False, label: str = "", margin: float = 0.05) -> "Axis":
        """An axis that shows all finite values, logarithmic only where all of them are positive."""
        known = [value for value in values if math.isfinite(value)]
        log = log and bool(known) and min(known) > 0
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        if log:
            low, high = math.log10(low), math.log10(high)
        gap = (high - low) * margin or (0.3 if log else abs(high) * 0.1 or 0.5)
        low, high = low - gap, high + gap
        return cls(10.0**low, 10.0**high, log=True, label=label) if log else cls(low, high, label=label)

    def share(self, values: Sequence[float] | np.ndarray) -> np.ndarray:
        """Where values lie, from 0 at `low` to 1 at `high`; NaN where a logarithm has no place for one."""
        given = np.asarray(values, "float64")
        if not self.log:
            return np.asarray((given - self.low) / (self.high - self.low))
        places = np.log(np.where(given > 0, given, np.nan) / self.low) / math.log(self.high / self.low)
        return np.asarray(places)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Values and their names."""
        if self.named is not None:
            return list(self.named)
        if self.log and self.high / self.low > 8:
            found = LogLocator(numticks=most).tick_values(self.low, self.high)
        else:
            found = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        inside = [float(value) for value in found if self.low <= value <= self.high]
        return [(value, _tick(value, inside)) for value in inside]


def _tick(value: float, all_of_them: Sequence[float]) -> str:
    largest = max(map(abs, all_of_them))
    if abs(value) < 1e-9 * largest:
        return "0"
    if largest >= 1e6 or abs(value) < 1e-3:
        return f"{value:.2g}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.10g}" if abs(value) >= 1 else f"{value:.4g}"


@dataclass
class Panel:
    """Marks between two axes; `x` and `y` of every method are values, in the units of the axes."""

    x: Axis
    y: Axis
    width: int = 300
    height: int = 190
    left: int = 46
    right: int = 18
    marks: list[Markup] = field(default_factory=list)
    over: list[Markup] = field(default_factory=list)
    """Marks that may leave the frame."""

    top, bottom = 8, 34

    def line(self, x: np.ndarray, y: np.ndarray, css: str, *, title: str = "", dots: bool = False) -> None:
        """A line, broken where a value is not finite; with `dots` a dot at each point, as at a point alone."""
        path = self._path(x, y)
        if path:
            self.marks.append(_titled(Markup('<path class="line {}" d="{}"').format(css, path), "path", title))
        known = np.isfinite(np.asarray(x, "float64")) & np.isfinite(np.asarray(y, "float64"))
        if dots or known.sum() == 1:
            self.points(np.asarray(x)[known], np.asarray(y)[known], css, radius=2.2)

    def band(self, x: np.ndarray, low: np.ndarray, high: np.ndarray, css: str) -> None:
        """The area between two lines."""
        known = np.isfinite(low) & np.isfinite(high)
        x, low, high = np.asarray(x)[known], low[known], high[known]
        if len(x) > 1:
            path = self._path(np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]]))
            self.marks.append(Markup('<path class="band {}" d="{}Z"/>').format(css, path))

    def points(
        self, x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, css: str, *, radius: float = 3.0,
        title: str = "",
    ) -> None:  # fmt: skip
        """Dots."""
        for px, py in zip(self._px(x), self._py(y), strict=True):
            if math.isfinite(px) and math.isfinite(py):
                dot = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="{}"').format(css, px, py, radius)
                self.marks.append(_titled(dot, "circle", title))

    def crosses(self, x: Sequence[float], y: Sequence[float], css: str) -> None:
        """Crosses: ends without a result."""
        for px, py in zip(self._px(x), self._py(y), strict=True):
            if math.isfinite(px) and math.isfinite(py):
                arms = f"M{px - 3:.1f} {py - 3:.1f}l6 6m0-6l-6 6"
                self.over.append(Markup('<path class="cross {}" d="{}"/>').format(css, arms))

    def segment(self, x: tuple[float, float], y: tuple[float, float], css: str, *, title: str = "") -> None:
        """A straight line between two points."""
        path = self._path(np.array(x), np.array(y))
        if path:
            self.marks.append(_titled(Markup('<path class="segment {}" d="{}"').format(css, path), "path", title))

    def level(self, value: float, css: str, *, upright: bool = False) -> None:
        """A line across the whole panel; nothing where it lies outside."""
        axis = self.x if upright else self.y
        if axis.low <= value <= axis.high:
            ends, both = (value, value), ((self.y if upright else self.x).low, (self.y if upright else self.x).high)
            self.segment(ends if upright else both, both if upright else ends, css)

    def text(self, x: float, y: float, text: str, css: str = "", *, shift: tuple[float, float] = (0, 0)) -> None:
        """One line of text at a point."""
        px, py = float(self._px([x])[0]) + shift[0], float(self._py([y])[0]) + shift[1]
        if math.isfinite(px) and math.isfinite(py):
            self.over.append(
                Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(css, px, py, plain(text))
            )

    def labels(self, named: Sequence[tuple[float, float, str]]) -> None:
        """Names beside points, each where it hides no name before it; one that finds no place is left to the legend."""
        across, up = self._px([x for x, *_ in named]).tolist(), self._py([y for _, y, _ in named]).tolist()
        taken = [(px - 5, py - 5, px + 5, py + 5) for px, py in zip(across, up, strict=True)]
        for x, y, label in named:
            shown = shorten(plain(label), 24)
            px, py, wide = float(self._px([x])[0]), float(self._py([y])[0]), _SIGN * len(shown) + 6
            for dx, dy in ((8, 4), (-wide - 3, 4), (6, 15), (6, -7), (-wide - 1, 15), (-wide - 1, -7)):
                box = (px + dx, py + dy - 10, px + dx + wide, py + dy + 2)
                inside = box[0] > self.left and box[2] < self.width and box[1] > 0 and box[3] < self.top + self._up
                if inside and not any(_meet(box, other) for other in taken):
                    taken.append(box)
                    self.over.append(
                        Markup('<text class="name" x="{:.1f}" y="{:.1f}">{}</text>').format(px + dx, py + dy, shown)
                    )
                    break

    def image(self, values: np.ndarray, colours: str, *, least: float, greatest: float) -> None:
        """Fills the panel with `values` (rows, columns), the first row at the bottom; NaN is left clear."""
        scaled = np.clip((values - least) / (greatest - least), 0, 1)
        pixels = (colormaps[colours](np.nan_to_num(scaled)) * 255).round().astype("uint8")
        pixels[~np.isfinite(values)] = 0
        buffer = io.BytesIO()
        Image.fromarray(pixels[::-1]).save(buffer, "PNG", optimize=True)
        place = Markup('x="{}" y="{}" width="{}" height="{}"').format(self.left, self.top, self._across, self._up)
        uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
        self.marks.append(Markup('<image class="pixels" {} preserveAspectRatio="none" href="{}"/>').format(place, uri))

    def svg(self, ident: str, title: str, description: str) -> Markup:
        """The panel with its text alternative; `ident` is unique in the page. `title` is untrusted."""
        head = Markup(
            '<svg id="{i}" class="panel" role="img" aria-labelledby="{i}-t {i}-d" viewBox="0 0 {w} {h}" width="{w}" '
            'height="{h}" xmlns="http://www.w3.org/2000/svg"><title id="{i}-t">{t}</title><desc id="{i}-d">{d}</desc>'
        ).format(i=ident, w=self.width, h=self.height, t=plain(title), d=plain(description))
        # An inner svg clips what leaves the frame, and needs no id for it.
        frame = Markup('<svg x="{0}" y="{1}" width="{2}" height="{3}" viewBox="{0} {1} {2} {3}">').format(
            self.left, self.top, self._across, self._up
        )
        parts = [head, self._axes(), frame, *self.marks, Markup("</svg>"), *self.over, Markup("</svg>")]
        return Markup("").join(parts)

    @property
    def _across(self) -> int:
        return self.width - self.left - self.right

    @property
    def _up(self) -> int:
        return self.height - self.top - self.bottom

    def _px(self, values: Sequence[float] | np.ndarray) -> np.ndarray:
        return self.left + self._across * self.x.share(values)

    def _py(self, values: Sequence[float] | np.ndarray) -> np.ndarray:
        return self.top + self._up * (1 - self.y.share(values))

    def _path(self, x: np.ndarray, y: np.ndarray) -> str:
        parts, pen = [], "M"
        # Far outside the frame a coordinate says no more than just outside.
        across, up = self._px(x), self._py(y)
        known = (np.isfinite(across) & np.isfinite(up)).tolist()
        across, up = np.clip(across, -1e4, 1e4), np.clip(up, -1e4, 1e4)
        for px, py, there in zip(across.tolist(), up.tolist(), known, strict=True):
            if there:
                parts.append(f"{pen}{px:.1f} {py:.1f}")
                pen = "L"
            else:
                pen = "M"
        return "".join(parts) if len(parts) > 1 else ""

    def _axes(self) -> Markup:
        return _drawn_axes(self.x, self.y, self.width, self.height, self.left, self.right)


@lru_cache(maxsize=256)
def _drawn_axes(*given: Any) -> Markup:
    # Panels of a figure share their axes: drawn once.
    panel = Panel(*given)
    foot, right = panel.top + panel._up, panel.left + panel._across
    found: list[Markup] = []
    lines = ""
    for value, label in panel.y.ticks(5):
        at = float(panel._py([value])[0])
        lines += f"M{panel.left} {at:.1f}H{right}"
        shown = shorten(plain(label), max(int((panel.left - 6) / _SIGN), 3))
        found.append(
            Markup('<text class="tick end" x="{}" y="{:.1f}">{}</text>').format(panel.left - 5, at + 3.5, shown)
        )
    for value, label in panel.x.ticks(max(panel._across // 55, 2)):
        at = float(panel._px([value])[0])
        lines += f"M{at:.1f} {panel.top}V{foot}"
        found.append(
            Markup('<text class="tick middle" x="{:.1f}" y="{}">{}</text>').format(at, foot + 13, plain(label))
        )
    if panel.x.label:
        middle = panel.left + panel._across / 2
        found.append(
            Markup('<text class="axis middle" x="{:.1f}" y="{}">{}</text>').format(
                middle, foot + 28, plain(panel.x.label)
            )
        )
    if panel.y.label:
        turn = Markup('<text class="axis middle" transform="translate(11 {:.1f}) rotate(-90)">{}</text>')
        found.append(turn.format(panel.top + panel._up / 2, plain(panel.y.label)))
    found.append(Markup('<path class="frame" d="M{} {}V{}H{}"/>').format(panel.left, panel.top, foot, right))
    return Markup("").join([Markup('<path class="grid" d="{}"/>').format(lines or "M0 0"), *found])


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _titled(opening: Markup, tag: str, title: str) -> Markup:
    """A mark, with what a pointer that rests on it is told."""
    if not title:
        return opening + Markup("/>")
    return opening + Markup("><title>{}</title></{}>").format(plain(title), Markup(tag))  # noqa: S704  # our own tags

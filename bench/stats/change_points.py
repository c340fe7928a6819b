"""Where the level of a series changed: E-divisive (Matteson and James, 2014), tested by Student's t.

A segment is split where the energy distance between what lies before and what lies behind, up to an end that is chosen
too, is largest. As in Hunter (Fleming et al., 2023) a t-test takes the place of the permutation test, which has no p
small enough at short segments; splits are made at a looser p first, since two changes can hide one another, and those
that do not hold between the final segments are merged away. No randomness. Pure.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy import special

P: Final = 1e-4
"""Two-sided p of the t-test that a change point may have at most."""
LEAST: Final = 4
"""Points that a segment has at least."""
EFFECT: Final = 0.02
"""Change of the mean below which a change is too small to be one."""
_LOOSER: Final = 10
"""Times P: the p of the splits that are tried."""
_ROUNDING: Final = 1e-9
"""Spread by the size of the values below which they are equal."""


class ChangePoint(NamedTuple):
    """A change of level between two segments of a series."""

    at: int
    """The first value of the new level."""
    before: float
    after: float
    """Means of the segments on either side."""
    p: float


def change_points(values: Sequence[float] | np.ndarray, *, scale: float | None = None) -> list[ChangePoint]:
    """The change points of `values` (points,), in order.

    An effect is the difference of the means by `scale`; None: by the size of the mean before. Raises ValueError unless
    all values are finite and `scale` is above 0.
    """
    series = np.asarray(values, "float64")
    if series.ndim != 1 or not np.isfinite(series).all():
        raise ValueError("invalid series: expected finite numbers on one axis")
    if scale is not None and not 0 < scale < math.inf:
        raise ValueError(f"invalid scale: expected a number above 0, received {scale}")
    size = float(np.abs(series).max(initial=0.0)) or 1.0
    shares = series / size  # what is found must not depend on the unit
    found = _merged(shares, _splits(shares), scale and scale / size)
    return [point._replace(before=point.before * size, after=point.after * size) for point in found]


def best_split(series: np.ndarray) -> tuple[int, int] | None:
    """The split and the end behind it at which the scaled energy distance is largest; None below two segments.

    Of x = series[:split] and y = series[split:end] it is n m / (n + m) times 2 E|x - y| - E|x - x'| - E|y - y'|, means
    over pairs of different points (Matteson and James, 2014, equations 5 to 7, at exponent 1).
    """
    count = len(series)
    if count < 2 * LEAST:
        return None
    sums = np.zeros((count + 1, count + 1))
    sums[1:, 1:] = np.abs(series[:, None] - series[None, :]).cumsum(0).cumsum(1)
    split = np.arange(LEAST, count - LEAST + 1)[:, None]
    end = np.arange(2 * LEAST, count + 1)[None, :]
    n, m = split, np.maximum(end - split, LEAST)  # shorter ends are left out below
    before = sums[split, split]
    across = sums[split, end] - before
    behind = sums[end, end] - 2 * sums[split, end] + before
    distance = 2 * across / (n * m) - before / (n * (n - 1)) - behind / (m * (m - 1))
    scaled = np.where(end - split >= LEAST, distance * n * m / (n + m), -math.inf)
    row, column = np.unravel_index(int(scaled.argmax()), scaled.shape)
    return int(split[row, 0]), int(end[0, column])


def _splits(series: np.ndarray) -> list[int]:
    """Candidates: the places where segment after segment is split, as long as the looser test holds."""
    found, open_segments = [], [(0, len(series))]
    while open_segments:
        start, stop = open_segments.pop()
        best = best_split(series[start:stop])
        if best is None:
            continue
        split, end = start + best[0], start + best[1]
        if _p(series[start:split], series[split:end]) <= _LOOSER * P:
            found.append(split)
            open_segments += [(start, split), (split, stop)]
    return sorted(found)


def _merged(series: np.ndarray, splits: Sequence[int], scale: float | None) -> list[ChangePoint]:
    """The splits that hold between their neighbours; the weakest goes first, and the others are judged anew."""
    kept = list(splits)
    while True:
        points = _points(series, kept)
        effects = [_effect(point, scale) for point in points]
        weak = [(point.p, i) for i, point in enumerate(points) if point.p > P]
        small = [(effect, i) for i, effect in enumerate(effects) if effect < EFFECT]
        if weak:
            del kept[max(weak)[1]]
        elif small:
            del kept[min(small)[1]]
        else:
            return points


def _effect(point: ChangePoint, scale: float | None) -> float:
    """How large a change is; from 0 any is infinite."""
    whole = abs(point.before) if scale is None else scale
    return abs(point.after - point.before) / whole if whole else math.inf


def _points(series: np.ndarray, splits: Sequence[int]) -> list[ChangePoint]:
    edges = [0, *splits, len(series)]
    found = []
    for start, split, stop in zip(edges, edges[1:], edges[2:], strict=False):
        before, after = series[start:split], series[split:stop]
        found.append(ChangePoint(split, float(before.mean()), float(after.mean()), _p(before, after)))
    return found


def _p(a: np.ndarray, b: np.ndarray) -> float:
    """Student's (1908) two-sided p that the means are equal, of one spread: at four points a side Welch's, which takes
    each side's own, tells hardly anything. 0 where neither side varies and they differ."""
    freedom = len(a) + len(b) - 2
    spread = math.sqrt((((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()) / freedom)
    distance = abs(float(a.mean() - b.mean()))
    if spread <= _ROUNDING * max(abs(float(a.mean())), abs(float(b.mean()))):
        return 0.0 if distance > _ROUNDING * max(abs(float(a.mean())), abs(float(b.mean()))) else 1.0
    return float(2 * special.stdtr(freedom, -distance / (spread * math.sqrt(1 / len(a) + 1 / len(b)))))

"""Rank correlation over independent units, with its interval and a permutation p."""

import math
from collections.abc import Sequence
from itertools import permutations
from typing import Final, NamedTuple

import numpy as np
from scipy import special

from bench.stats.intervals import LEAST, LEVEL, Interval
from bench.stats.ranks import mid_ranks

_EXACT: Final = 8
"""Units up to which all permutations are taken: 8! = 40,320."""


def correlation_interval(rho: float, n: int) -> Interval | None:
    """Bonett and Wright's (2000) interval of Spearman's rho over `n` independent units; None below four of them."""
    if n <= LEAST or math.isnan(rho):
        return None
    half = float(special.ndtri((1 + LEVEL) / 2)) * math.sqrt((1 + rho**2 / 2) / (n - 3))
    z = math.atanh(max(-1 + 1e-12, min(1 - 1e-12, rho)))
    return Interval(math.tanh(z - half), math.tanh(z + half))


class Correlation(NamedTuple):
    """Spearman's rank correlation, its two-sided p, and the units that were permuted for it."""

    rho: float
    p: float
    n: int


def rank_correlation(
    x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, *, seed: int = 0, draws: int = 9_999
) -> Correlation:
    """Spearman's rho of all values of `x` and `y`, (units,) or (units, runs), with a permutation p.

    Whole units are permuted, so that runs of one unit (the seeds of an arm, say) are not taken for independent; all
    permutations up to eight units, `draws` random ones beyond. Infinities have a rank as any number. NaN where `x` or
    `y` is constant or holds a NaN. Raises ValueError where the shapes differ.
    """
    first, second = np.asarray(x, "float64"), np.asarray(y, "float64")
    if first.shape != second.shape or first.ndim not in (1, 2):
        raise ValueError(f"invalid pairs: expected two equal shapes of 1 or 2 axes: {first.shape}, {second.shape}")
    n = len(first)
    if (
        n < 2
        or np.isnan(first).any()
        or np.isnan(second).any()
        or np.ptp(mid_ranks(first)) * np.ptp(mid_ranks(second)) == 0
    ):
        return Correlation(math.nan, math.nan, n)
    a, b = _standard(mid_ranks(first)), _standard(mid_ranks(second))
    rho = float((a * b).mean())
    rng = np.random.default_rng(seed)
    orders = permutations(range(n)) if n <= _EXACT else (rng.permutation(n) for _ in range(draws))
    found = np.array([(a * b[list(order)]).mean() for order in orders])
    as_far = int((np.abs(found) >= abs(rho) - 1e-12).sum())
    # The order found is one of all permutations, and has to be added to the drawn ones (Phipson and Smyth, 2010).
    p = as_far / len(found) if n <= _EXACT else (as_far + 1) / (len(found) + 1)
    return Correlation(rho, p, n)


def _standard(ranks: np.ndarray) -> np.ndarray:
    return np.asarray((ranks - ranks.mean()) / ranks.std())

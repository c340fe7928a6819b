"""Intervals, tests and effect sizes over seeds: the unit is always the run, never the step. Pure.

Intervals hold 95 %. Those of means are Student's: at five runs the percentile bootstrap holds 88 %, the t intervals
what they say. Below `LEAST` values there is none and the answer is None; a value that is not finite leaves none either,
since dropping it would hide a run that failed.
"""

import math
from collections.abc import Sequence
from itertools import combinations, permutations
from typing import Final, NamedTuple

import numpy as np
from scipy import stats

LEVEL: Final = 0.95
LEAST: Final = 3
"""Values below which a spread is a guess: no interval is given."""
_DEALS: Final = math.comb(20, 10)
_EXACT: Final = 8
"""Units up to which all permutations are taken: 8! = 40,320."""


class Interval(NamedTuple):
    """Both ends of a 95 % interval."""

    low: float
    high: float


def binomial_interval(k: int, n: int) -> Interval:
    """Clopper and Pearson's (1934) exact interval of a share, `k` of `n`; it is one for any n, so also below `LEAST`.

    Raises ValueError unless 0 <= k <= n and n >= 1.
    """
    if not 0 <= k <= n or n < 1:
        raise ValueError(f"invalid share: expected 0 <= k <= n and n >= 1, received {k} of {n}")
    half = (1 - LEVEL) / 2
    low = 0.0 if k == 0 else float(stats.beta.ppf(half, k, n - k + 1))
    high = 1.0 if k == n else float(stats.beta.ppf(1 - half, k + 1, n - k))
    return Interval(low, high)


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Student's interval of the mean of independent runs; None below three values."""
    return _t_interval([(1.0, values)])


def difference_interval(a: Sequence[float], b: Sequence[float]) -> Interval | None:
    """Welch's (1947) interval of mean(a) - mean(b), whose spreads may differ; None below three values a side."""
    return _t_interval([(1.0, a), (-1.0, b)])


def share_difference_interval(k: int, n: int, other_k: int, other_n: int) -> Interval:
    """Newcombe's (1998, method 10) interval of k/n - other_k/other_n, from Wilson's score intervals."""
    (low, high), (other_low, other_high) = _wilson(k, n), _wilson(other_k, other_n)
    share, other = k / n, other_k / other_n
    return Interval(
        share - other - math.hypot(share - low, other_high - other),
        share - other + math.hypot(high - share, other - other_low),
    )


def fisher(*strata: tuple[int, int, int, int]) -> float:
    """Two-sided p of the exact test that `k` of `n` and `other_k` of `other_n` succeed equally often, in each stratum.

    A stratum is (k, n, other_k, other_n). Of one it is Fisher's test; of several the sum of k is held against its
    distribution where the successes of every stratum fall on either side by chance (Gart, 1970): strata that are easy
    or hard for both hide no difference, and differences that point either way cancel.
    """
    chances, found = np.ones(1), 0
    for k, n, other_k, other_n in strata:
        chances = np.convolve(chances, stats.hypergeom.pmf(np.arange(n + 1), n + other_n, k + other_k, n))
        found += k
    # Sums as likely as the one found are as extreme, but for rounding.
    return min(1.0, float(chances[chances <= chances[found] * (1 + 1e-7)].sum()))


def rank_test(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p that values of `a` and `b` are drawn alike: Wilcoxon's rank sum (1945), mid-ranks for ties.

    Exact, over all ways to deal the values out, up to 10 and 10; infinities have a rank as any number. Raises
    ValueError for more values, or a NaN.
    """
    if math.comb(len(a) + len(b), len(a)) > _DEALS or any(map(math.isnan, [*a, *b])):
        raise ValueError(f"invalid samples: expected up to 10 and 10 numbers, received {len(a)} and {len(b)}")
    ranks = stats.rankdata([*a, *b])
    sums = np.array([sum(deal) for deal in combinations(ranks.tolist(), len(a))])
    middle = len(a) * (len(ranks) + 1) / 2
    as_far = np.abs(sums - middle) >= abs(ranks[: len(a)].sum() - middle) - 1e-9
    return float(as_far.mean())


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p of each test of a family, in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(order), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def correlation_interval(rho: float, n: int) -> Interval | None:
    """Bonett and Wright's (2000) interval of Spearman's rho over `n` independent units; None below four of them."""
    if n <= LEAST or math.isnan(rho):
        return None
    half = float(stats.norm.ppf((1 + LEVEL) / 2)) * math.sqrt((1 + rho**2 / 2) / (n - 3))
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
    if n < 2 or np.isnan(first).any() or np.isnan(second).any() or np.ptp(_ranks(first)) * np.ptp(_ranks(second)) == 0:
        return Correlation(math.nan, math.nan, n)
    a, b = _standard(_ranks(first)), _standard(_ranks(second))
    rho = float((a * b).mean())
    rng = np.random.default_rng(seed)
    orders = permutations(range(n)) if n <= _EXACT else (rng.permutation(n) for _ in range(draws))
    found = np.array([(a * b[list(order)]).mean() for order in orders])
    as_far = int((np.abs(found) >= abs(rho) - 1e-12).sum())
    # The order found is one of all permutations, and has to be added to the drawn ones (Phipson and Smyth, 2010).
    p = as_far / len(found) if n <= _EXACT else (as_far + 1) / (len(found) + 1)
    return Correlation(rho, p, n)


def runs_to_settle(value: float, interval: Interval, bound: float, runs: int) -> int | None:
    """Runs after which an interval as wide as this one would leave `bound` out; None where `value` is the bound.

    The half-width falls with the root of the runs; the quantile of t, which falls too, is left as it is: no fewer.
    """
    distance = abs(value - bound)
    half = max(interval.high - value, value - interval.low)
    return math.ceil(runs * (half / distance) ** 2) if distance > 0 else None


def _t_interval(groups: Sequence[tuple[float, Sequence[float]]]) -> Interval | None:
    """Of the weighted sum of the groups' means, with Welch and Satterthwaite's degrees of freedom."""
    if any(len(values) < LEAST or not all(map(math.isfinite, values)) for _, values in groups):
        return None
    center = sum(weight * _mean_variance(values)[0] for weight, values in groups)
    parts = [(weight**2 * _mean_variance(values)[1] / len(values), len(values) - 1) for weight, values in groups]
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return Interval(center, center)
    freedom = variance**2 / sum(part**2 / df for part, df in parts)
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * math.sqrt(variance)
    return Interval(center - half, center + half)


def _mean_variance(values: Sequence[float]) -> tuple[float, float]:
    # Rounding would give equal values a spread, and two groups of them a difference.
    constant = min(values) == max(values)
    return (float(values[0]), 0.0) if constant else (float(np.mean(values)), float(np.var(values, ddof=1)))


def _wilson(k: int, n: int) -> Interval:
    low, high = stats.binomtest(k, n).proportion_ci(LEVEL, method="wilson")
    return Interval(float(low), float(high))


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.asarray(stats.rankdata(values, axis=None).reshape(values.shape))


def _standard(ranks: np.ndarray) -> np.ndarray:
    return np.asarray((ranks - ranks.mean()) / ranks.std())

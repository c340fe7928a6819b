"""Tests over seeds, and what many of them at once come to."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import scipy  # which imports scipy.stats once that is asked for: it takes most of a second, and few reports need it
from scipy import special

from bench.stats.intervals import LEAST, moments
from bench.stats.ranks import mid_ranks

_EXACT: Final = 60
"""Values up to which all ways to deal them out are counted: milliseconds."""
_PART: Final = 200
"""Permutations at a time."""


def fisher(*strata: tuple[int, int, int, int]) -> float:
    """Two-sided p of the exact test that `k` of `n` and `other_k` of `other_n` succeed equally often, in each stratum.

    A stratum is (k, n, other_k, other_n). Of one it is Fisher's test; of several the sum of k is held against its
    distribution where the successes of every stratum fall on either side by chance (Gart, 1970): strata that are easy
    or hard for both hide no difference, and differences that point either way cancel.
    """
    chances, found = np.ones(1), 0
    for k, n, other_k, other_n in strata:
        chances = np.convolve(chances, _hypergeometric(k + other_k, n, n + other_n))
        found += k
    # Sums as likely as the one found are as extreme, but for rounding.
    return min(1.0, float(chances[chances <= chances[found] * (1 + 1e-7)].sum()))


def _hypergeometric(marked: int, drawn: int, whole: int) -> np.ndarray:
    """(drawn + 1,) chances that so many of those `drawn` are among the `marked` of the `whole`."""
    least, most = max(0, drawn - (whole - marked)), min(drawn, marked)
    chances, every = np.zeros(drawn + 1), math.comb(whole, drawn)
    ways = math.comb(marked, least) * math.comb(whole - marked, drawn - least)
    for found in range(least, most + 1):
        chances[found] = ways / every
        ways = ways * (marked - found) * (drawn - found) // ((found + 1) * (whole - marked - drawn + found + 1))
    return chances


def welch_test(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Two-sided p that the means are equal, whose spreads may differ (Welch, 1947): below 5 % where 0 lies outside
    the `difference_interval`. None below three values a side, with one that is not finite, or where no side varies.
    """
    found = moments([(1.0, a), (-1.0, b)])
    if found is None or found.error == 0:
        return None
    return float(2 * special.stdtr(found.freedom, -abs(found.value) / found.error))


def rank_test(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p that values of `a` and `b` are drawn alike: Wilcoxon's rank sum (1945), mid-ranks for ties.

    Exact over all ways to deal the values out, up to 60 values; the normal approximation with corrections for ties
    and continuity (Mann and Whitney, 1947) beyond. Infinities have a rank as any number. Raises ValueError for a NaN.
    """
    if any(map(math.isnan, [*a, *b])):
        raise ValueError("invalid samples: expected numbers, received a NaN")
    ranks = mid_ranks(np.array([*a, *b]))
    if not a or not b or np.ptp(ranks) == 0:
        return 1.0
    if len(ranks) > _EXACT:
        return float(scipy.stats.mannwhitneyu(ranks[: len(a)], ranks[len(a) :], method="asymptotic").pvalue)
    # Twice a mid-rank is a whole number.
    doubled = np.rint(2 * ranks).astype(int)
    deals = _sums(doubled, len(a))
    distance = np.abs(np.arange(len(deals)) - len(a) * (len(ranks) + 1))
    return float(deals[distance >= distance[doubled[: len(a)].sum()]].sum() / deals.sum())


def _sums(numbers: np.ndarray, size: int) -> np.ndarray:
    """How many of the ways to choose `size` of whole `numbers` come to each sum from 0 on, one number after another."""
    ways = np.zeros((size + 1, int(np.sort(numbers)[-size:].sum()) + 1))
    ways[0, 0] = 1
    for number in numbers:
        ways[1:, number:] += ways[:-1, : ways.shape[1] - number].copy()
    return np.asarray(ways[size])


def omnibus_test(groups: Sequence[Sequence[float]], *, seed: int = 0, draws: int = 1_999) -> float:
    """p that all groups are drawn alike, whatever the shape: the least of all pairs' Welch p, permuted (Westfall and
    Young, 1993). Values are dealt out at random `draws` times; groups below three values are left out. 1 for fewer than
    two groups; raises ValueError unless finite.
    """
    values = np.array([value for group in groups if len(group) >= LEAST for value in group], "float64")
    sizes = np.array([len(group) for group in groups if len(group) >= LEAST])
    if not all(np.isfinite(group).all() for group in groups):
        raise ValueError("invalid groups: expected finite numbers")
    if len(sizes) < 2 or np.ptp(values) == 0:
        return 1.0
    values = (values - values.mean()) / np.ptp(values)
    found = _least_welch(values, sizes)
    rng = np.random.default_rng(seed)
    as_far, left = 0, draws
    while left:  # a part at a time: thousands of pairs need not fit in memory
        part = min(left, _PART)
        dealt = rng.permuted(np.tile(values, (part, 1)), axis=1)
        as_far += int((_least_welch(dealt, sizes) <= found * (1 + 1e-9)).sum())
        left -= part
    # The deal found is one of all, and has to be added to the drawn ones (Phipson and Smyth, 2010).
    return (as_far + 1) / (draws + 1)


def _least_welch(values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The least two-sided p of all pairs of groups, whose values, on a scale of 1, stand in turn on the last axis."""
    starts = np.cumsum(sizes) - sizes
    mean = np.add.reduceat(values, starts, axis=-1) / sizes
    squares = np.add.reduceat(values**2, starts, axis=-1) - sizes * mean**2
    # Rounding would give equal values a spread.
    error = np.where(squares > 1e-13, squares, 0.0) / (sizes - 1) / sizes
    first, second = np.triu_indices(len(sizes), 1)
    a, b = error[..., first], error[..., second]
    apart = np.abs(mean[..., first] - mean[..., second])
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (a + b) ** 2 / (a**2 / (sizes[first] - 1) + b**2 / (sizes[second] - 1))
        p = 2 * special.stdtr(freedom, -apart / np.sqrt(a + b))
    p = np.where(a + b > 0, p, np.where(apart > 1e-9, 0.0, 1.0))
    return np.asarray(p.min(axis=-1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p of each test of a family, in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(order), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted

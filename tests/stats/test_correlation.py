"""Rank correlation against SciPy."""

import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats as reference

from bench import stats


def test_the_interval_of_a_rank_correlation_covers_what_it_says():
    rng = np.random.default_rng(0)
    rho, n, inside = 0.6, 12, 0
    pearson = 2 * math.sin(math.pi * rho / 6)  # of a normal pair with that rank correlation
    for _ in range(600):
        x = rng.normal(size=n)
        y = pearson * x + math.sqrt(1 - pearson**2) * rng.normal(size=n)
        low, high = stats.correlation_interval(reference.spearmanr(x, y).statistic, n)
        inside += low <= rho <= high
    assert 0.92 < inside / 600 < 0.98
    assert stats.correlation_interval(0.5, 3) is None
    assert stats.correlation_interval(math.nan, 9) is None
    assert stats.correlation_interval(1.0, 9).high == pytest.approx(1)


def test_a_rank_correlation_is_spearmans_with_the_exact_p():
    x, y = [1, 2, 3, 4, 5, 6], [2, 1, 4, 3, 6, 6]
    found = stats.rank_correlation(x, y)
    assert found.rho == pytest.approx(reference.spearmanr(x, y).statistic)
    every = [reference.spearmanr(x, order).statistic for order in permutations(y)]
    assert found.p == pytest.approx(np.mean(np.abs(every) >= abs(found.rho) - 1e-9))


def test_more_than_eight_units_are_permuted_at_random_to_the_same_p():
    rng = np.random.default_rng(1)
    x = rng.normal(size=12)
    y = x + rng.normal(size=12)
    found = stats.rank_correlation(x, y)
    exact = reference.permutation_test(
        (x,), lambda part: reference.spearmanr(part, y).statistic, permutation_type="pairings", n_resamples=4000, rng=0
    )
    assert found.p == pytest.approx(exact.pvalue, abs=0.02)
    assert found == stats.rank_correlation(x, y)


def test_runs_of_one_unit_are_not_taken_for_independent():
    arms = np.arange(5.0)[:, None].repeat(5, axis=1)
    found = stats.rank_correlation(arms, arms)
    assert (found.rho, found.n) == (pytest.approx(1), 5)
    assert found.p == pytest.approx(2 / 120)  # the 25 points taken for independent would give 1e-25
    assert reference.spearmanr(arms.ravel(), arms.ravel()).pvalue < 1e-20


def test_infinities_have_a_rank_and_constants_have_no_correlation():
    assert stats.rank_correlation([1, 2, math.inf], [1, 2, 3]).rho == pytest.approx(1)
    for x, y in [([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [0, 0, 0]), ([1, math.nan, 3], [1, 2, 3]), ([1], [1]), ([], [])]:
        assert math.isnan(stats.rank_correlation(x, y).rho)
        assert math.isnan(stats.rank_correlation(x, y).p)


def test_pairs_of_unequal_shape_are_refused():
    with pytest.raises(ValueError, match="two equal shapes"):
        stats.rank_correlation([1, 2], [1, 2, 3])

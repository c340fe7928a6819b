"""Intervals against SciPy and published tables, and what they cover at five and ten runs."""

import math

import numpy as np
import pytest
from scipy import stats as reference
from statsmodels.stats import weightstats

from bench import stats

A, B = [3.1, 2.7, 3.9, 3.3, 2.9], [2.0, 2.6, 1.1, 2.4, 1.9, 2.2]


@pytest.mark.parametrize(("k", "n"), [(0, 5), (1, 5), (3, 5), (5, 5), (7, 20), (0, 1)])
def test_the_binomial_interval_is_clopper_and_pearsons(k, n):
    expected = reference.binomtest(k, n).proportion_ci(0.95, method="exact")
    assert stats.binomial_interval(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_five_of_five_is_no_proof_of_certainty():
    assert stats.binomial_interval(5, 5) == pytest.approx((0.4782, 1), abs=1e-4)  # 0.025 ** (1 / 5)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_a_share_that_cannot_be_is_refused(k, n):
    with pytest.raises(ValueError, match="expected 0 <= k <= n and n >= 1, received"):
        stats.binomial_interval(k, n)


def test_the_interval_of_a_mean_is_students():
    expected = reference.ttest_1samp(A, 0).confidence_interval(0.95)
    assert stats.mean_interval(A) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_a_difference_is_welchs():
    expected = reference.ttest_ind(A, B, equal_var=False).confidence_interval(0.95)
    assert stats.difference_interval(A, B) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0, 2.0, math.nan], [1.0, 2.0, math.inf]])
def test_there_is_no_interval_below_three_values_or_with_one_that_is_not_finite(values):
    assert stats.mean_interval(values) is None
    assert stats.difference_interval(values, A) is None
    assert stats.difference_interval(A, values) is None


def test_equal_values_have_an_interval_of_no_width():
    assert stats.difference_interval([2.0] * 5, [1.0] * 5) == (1, 1)


def test_scores_that_blew_up_have_an_interval_still():
    low, high = stats.difference_interval([1e100, 2e100, 3e100], [0.1, 0.2, 0.3])
    expected = stats.mean_interval([1e100, 2e100, 3e100])
    assert (low, high) == pytest.approx(expected)


def _two_peaks(rng, size):
    """Half of the runs solve the task, a fifth of the way being the spread of either half."""
    return (rng.random(size) < 0.5) + rng.normal(0, 0.2, size)


SHAPES = {
    "normal": (lambda rng, size: rng.normal(0, 1, size), 0.0),
    "skewed": (lambda rng, size: rng.lognormal(0, 0.5, size), math.exp(0.125)),
    "two-peaked": (_two_peaks, 0.5),
}


@pytest.mark.parametrize("seeds", [5, 10])
@pytest.mark.parametrize("shape", SHAPES)
def test_welchs_interval_holds_its_level(shape, seeds):
    draw, _ = SHAPES[shape]
    rng = np.random.default_rng(0)
    intervals = [stats.difference_interval(*pair) for pair in draw(rng, (4000, 2, seeds)).tolist()]
    covered = np.mean([low < 0 < high for low, high in intervals])  # its standard error is 0.0035
    assert 0.93 < covered < 0.97


@pytest.mark.parametrize("seeds", [5, 10])
def test_welchs_interval_holds_its_level_where_spreads_or_shapes_differ(seeds):
    rng = np.random.default_rng(1)
    for draw, mean in SHAPES.values():
        a, b = draw(rng, (3000, seeds)) - mean, rng.normal(0, 0.7, (3000, seeds))
        intervals = [stats.difference_interval(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
        assert 0.93 < np.mean([low < 0 < high for low, high in intervals]) < 0.97


def test_the_percentile_bootstrap_would_not_hold_it():
    rng = np.random.default_rng(0)
    runs = rng.normal(size=(1000, 2, 5))
    means = runs[..., rng.integers(5, size=(500, 5))].mean(axis=-1)
    low, high = np.quantile(means[:, 0] - means[:, 1], [0.025, 0.975], axis=1)
    assert np.mean((low < 0) & (high > 0)) < 0.91


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((56, 70, 48, 80), (0.0524, 0.3339)), ((9, 10, 3, 10), (0.1705, 0.8090)), ((10, 10, 0, 10), (0.6075, 1.0))],
)
def test_the_difference_of_shares_is_newcombes_of_his_table(counts, expected):
    assert stats.share_difference_interval(*counts) == pytest.approx(expected, abs=1e-4)


def test_four_times_the_runs_halve_an_interval():
    assert stats.runs_to_settle(2.0, stats.Interval(0.0, 4.0), 1.0, 5) == 20
    assert stats.runs_to_settle(2.0, stats.Interval(0.0, 4.0), 2.0, 5) is None


def test_the_seeds_that_settle_a_difference_are_the_first_that_welchs_test_takes():
    rng = np.random.default_rng(0)
    for gap, spread in [(1.0, 1.0), (0.3, 4.0), (5.0, 0.1)]:
        a, b = rng.normal(gap, 1, 5), rng.normal(0, spread, 8)
        moments = np.mean(a), np.mean(b), np.std(a, ddof=1), np.std(b, ddof=1)
        for alpha in (0.05, 0.005):
            n = stats.seeds_to_settle(a.tolist(), b.tolist(), alpha=alpha)
            found = [
                reference.ttest_ind_from_stats(
                    moments[0], moments[2], size, moments[1], moments[3], size, equal_var=False
                ).pvalue
                for size in (n - 1, n)
            ]
            assert found[1] <= alpha
            assert n == 3 or found[0] > alpha


def test_nothing_settles_no_difference_no_spread_and_a_failed_run():
    assert stats.seeds_to_settle([1, 2, 3], [3, 2, 1]) is None
    assert stats.seeds_to_settle([1, 1, 1], [2, 2, 2]) is None
    assert stats.seeds_to_settle([1, 2, math.nan], [2, 2, 3]) is None


def test_a_difference_is_equivalent_where_its_whole_interval_is_within_the_margin():
    assert stats.equivalent(stats.Interval(-0.1, 0.2), 0.3)
    assert not stats.equivalent(stats.Interval(-0.1, 0.3), 0.3)
    assert not stats.equivalent(stats.Interval(-0.4, 0.2), 0.3)
    for margin in (0, -1, math.nan):
        with pytest.raises(ValueError, match="invalid margin: expected a number above 0"):
            stats.equivalent(stats.Interval(0, 0), margin)


def test_equivalence_is_two_one_sided_tests_at_a_level_of_two_and_a_half_percent():
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(200):
        a, b = rng.normal(0, 1, 10), rng.normal(0, 0.8, 12)
        p = weightstats.ttost_ind(a, b, -1.0, 1.0, usevar="unequal")[0]
        assert stats.equivalent(stats.difference_interval(a, b), 1.0) == (p < 0.025)
        seen.add(bool(p < 0.025))
    assert seen == {True, False}

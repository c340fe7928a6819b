"""Intervals and tests against SciPy, published examples, and their level at five runs."""

import itertools
import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats as reference

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


def test_welchs_interval_holds_its_level_at_five_runs():
    rng = np.random.default_rng(0)
    intervals = [stats.difference_interval(*rng.normal([[0], [0]], [[1], [3]], (2, 5))) for _ in range(2000)]
    assert 0.935 < np.mean([low < 0 < high for low, high in intervals]) < 0.97


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((56, 70, 48, 80), (0.0524, 0.3339)), ((9, 10, 3, 10), (0.1705, 0.8090)), ((10, 10, 0, 10), (0.6075, 1.0))],
)
def test_the_difference_of_shares_is_newcombes_of_his_table(counts, expected):
    assert stats.share_difference_interval(*counts) == pytest.approx(expected, abs=1e-4)


def test_fishers_test_of_the_tea_and_of_five_against_none():
    assert stats.fisher((3, 4, 1, 4)) == pytest.approx(34 / 70)
    assert stats.fisher((5, 5, 0, 5)) == pytest.approx(2 / math.comb(10, 5))
    for table in [(3, 9, 6, 7), (0, 5, 2, 11), (4, 4, 4, 4), (7, 12, 1, 9)]:
        k, n, other_k, other_n = table
        expected = reference.fisher_exact([[k, n - k], [other_k, other_n - other_k]]).pvalue
        assert stats.fisher(table) == pytest.approx(expected, rel=1e-9)


def test_fishers_test_over_strata_counts_all_ways_to_share_out_the_successes_of_each():
    strata = [(3, 4, 1, 4), (2, 3, 0, 2), (1, 5, 0, 3)]
    chances = {0: 1}
    for k, n, other_k, other_n in strata:  # every way to choose who succeeds, one by one
        ways = {}
        for chosen in itertools.combinations(range(n + other_n), k + other_k):
            ours = sum(index < n for index in chosen)
            for before, count in chances.items():
                ways[before + ours] = ways.get(before + ours, 0) + count
        chances = ways
    found = chances[sum(k for k, *_ in strata)]
    expected = sum(count for count in chances.values() if count <= found) / sum(chances.values())
    assert stats.fisher(*strata) == pytest.approx(expected, rel=1e-9)


def test_strata_show_what_pooling_hides():
    easy, hard = (5, 5, 5, 5), (5, 5, 0, 5)
    assert stats.fisher(easy, easy, hard) == pytest.approx(2 / math.comb(10, 5))
    assert stats.fisher((15, 15, 10, 15)) > 0.04
    assert stats.fisher(hard, (0, 5, 5, 5)) > 0.5  # either way in turn is no difference
    assert stats.fisher(easy) == 1


def test_the_rank_test_is_the_exact_one_and_with_ties_all_ways_to_deal_are_counted():
    rng = np.random.default_rng(0)
    for n, m in ((5, 5), (4, 7), (3, 6)):
        a, b = rng.normal(size=n), rng.normal(0.8, size=m)
        expected = reference.mannwhitneyu(a, b, method="exact").pvalue
        assert stats.rank_test(a.tolist(), b.tolist()) == pytest.approx(expected)
    assert stats.rank_test([2, math.inf, 2], [-math.inf, 1, 1]) == pytest.approx(2 / math.comb(6, 3))
    assert stats.rank_test([1, 1], [1, 1]) == 1
    with pytest.raises(ValueError, match="numbers"):
        stats.rank_test([math.nan], [1])


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


def test_holms_adjusted_p_never_fall_and_keep_their_places():
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.9, 0.8]) == [1, 1]
    assert stats.holm([]) == []


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


def test_four_times_the_runs_halve_an_interval():
    assert stats.runs_to_settle(2.0, stats.Interval(0.0, 4.0), 1.0, 5) == 20
    assert stats.runs_to_settle(2.0, stats.Interval(0.0, 4.0), 2.0, 5) is None

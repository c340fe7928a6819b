"""Tests against SciPy and published examples, and the error of a family of them."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats as reference
from statsmodels.stats.multitest import multipletests

from bench import stats


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


def test_holms_adjusted_p_never_fall_and_keep_their_places():
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([0.9, 0.8]) == [1, 1]
    assert stats.holm([]) == []


@pytest.mark.parametrize(("n", "m"), [(12, 12), (20, 11), (30, 30), (40, 35), (3, 200)])
def test_the_rank_test_takes_any_number_of_values(n, m):
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=n), rng.normal(0.5, size=m)
    expected = reference.mannwhitneyu(a, b, method="exact" if n + m <= 60 else "asymptotic").pvalue
    assert stats.rank_test(a.tolist(), b.tolist()) == pytest.approx(expected, rel=1e-9)


def test_ties_among_more_than_ten_values_are_dealt_exactly_and_among_many_corrected_for():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 12).tolist(), rng.integers(1, 5, 11).tolist()
    drawn = reference.permutation_test(
        (a, b), lambda x, y: abs(reference.rankdata([*x, *y])[: len(x)].sum() - 12 * 12),
        permutation_type="independent", n_resamples=4000, rng=0, alternative="greater",
    )  # fmt: skip
    assert stats.rank_test(a, b) == pytest.approx(drawn.pvalue, abs=0.02)
    many, more = a * 4, b * 4
    expected = reference.mannwhitneyu(many, more, method="asymptotic").pvalue
    assert stats.rank_test(many, more) == pytest.approx(expected)
    assert stats.rank_test([1.0] * 50, [1.0] * 50) == stats.rank_test([], [1.0]) == 1


def test_welchs_test_is_scipys_and_agrees_with_its_interval():
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b = rng.normal(1, 1, 5), rng.normal(0, 2, 7)
        p = stats.welch_test(a.tolist(), b.tolist())
        assert p == pytest.approx(reference.ttest_ind(a, b, equal_var=False).pvalue)
        low, high = stats.difference_interval(a.tolist(), b.tolist())
        assert (p < 0.05) == (not low < 0 < high)
    for values in ([1.0, 2.0], [1.0, 2.0, math.nan], [1.0, 2.0, math.inf]):
        assert stats.welch_test(values, [1.0, 2.0, 4.0]) is None
    assert stats.welch_test([1.0] * 5, [2.0] * 5) is None


def test_the_omnibus_test_is_the_permutation_test_of_the_least_welch_p():
    def least(*groups):
        return min(reference.ttest_ind(a, b, equal_var=False).pvalue for a, b in itertools.combinations(groups, 2))

    rng = np.random.default_rng(0)
    for groups in (rng.normal([[0], [0], [0.8]], 1, (3, 6)).tolist(), [[1, 2, 3], [2, 3, 4.5, 5, 9], [4, 4.1, 6]]):
        expected = reference.permutation_test(
            groups, least, permutation_type="independent", n_resamples=1500, rng=1, alternative="less"
        )
        assert stats.omnibus_test(groups) == pytest.approx(expected.pvalue, abs=0.04)
    assert stats.omnibus_test([[0.0] * 5, [1.0] * 5]) == pytest.approx(2 / 252, abs=0.006)


def test_a_restless_group_hides_no_difference_of_the_others_from_the_omnibus_test():
    rng = np.random.default_rng(0)
    steady = [[0.50 + 0.002 * rng.random(5), 0.52 + 0.002 * rng.random(5)] for _ in range(5)]
    assert all(stats.omnibus_test([*pair, [0.2, 0.95, 0.2, 0.95, 0.3]]) < 0.01 for pair in steady)


def test_the_omnibus_test_of_one_group_or_of_equal_values_says_nothing():
    assert stats.omnibus_test([]) == stats.omnibus_test([[1, 2, 3]]) == stats.omnibus_test([[1, 1], [1, 1]]) == 1
    with pytest.raises(ValueError, match="expected finite numbers"):
        stats.omnibus_test([[1, math.inf], [1, 2]])


def test_holms_p_are_those_of_statsmodels():
    p_values = np.random.default_rng(0).beta(0.3, 2, 45).tolist()
    assert stats.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])

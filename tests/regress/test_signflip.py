"""The sign-flip test against SciPy's, and what its interval promises."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from bench.regress import signflip
from bench.regress.signflip import DRAWS, flips, max_t


def _drawn(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.4, 1, n), rng.uniform(0.2, 3, n), rng


def _scipy_p(values: np.ndarray, weights: np.ndarray, alternative: str) -> float:
    found = stats.permutation_test(
        (values,),
        lambda flipped: float((flipped * weights).sum()),
        permutation_type="samples",
        alternative=alternative,
        vectorized=False,
        n_resamples=np.inf,
    )
    return float(found.pvalue)


@pytest.mark.parametrize("n", [2, 5, 9])
@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("centre", [0.0, 0.3])
def test_p_is_that_of_scipys_permutation_test_with_equal_and_other_weights(n, equal, centre):
    values, weights, rng = _drawn(n, n)
    weights = np.ones(n) if equal else weights
    found = flips(values, weights, rng)
    assert found.p_above(centre) == pytest.approx(_scipy_p(values - centre, weights, "greater"), abs=1e-12)
    assert found.p_below(centre) == pytest.approx(_scipy_p(values - centre, weights, "less"), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_weights_that_make_ranks_of_the_differences_give_wilcoxons_signed_rank_test(seed):
    values, _, rng = _drawn(seed, 12)
    weights = stats.rankdata(np.abs(values)) / np.abs(values)
    expected = stats.wilcoxon(values, alternative="greater", method="exact").pvalue
    assert flips(values, weights, rng).p_above(0.0) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.2])
def test_the_bounds_are_where_scipys_p_reaches_alpha(alpha):
    values, weights, rng = _drawn(7, 9)
    found = flips(values, weights, rng)
    low, high = found.lower(alpha), found.upper(alpha)
    assert (
        _scipy_p(values - low + 1e-9, weights, "greater") <= alpha < _scipy_p(values - low - 1e-9, weights, "greater")
    )
    assert _scipy_p(values - high - 1e-9, weights, "less") <= alpha < _scipy_p(values - high + 1e-9, weights, "less")


@pytest.mark.parametrize("n", [4, 10, 14])
def test_sides_that_are_swapped_swap_all_that_is_said(n):
    values, weights, rng = _drawn(n, n)
    one, other = flips(values, weights, rng), flips(-values, weights, rng)
    for alpha in (0.005, 0.05, 0.3):
        assert one.lower(alpha) == pytest.approx(-other.upper(alpha))
        assert one.upper(alpha) == pytest.approx(-other.lower(alpha))
    assert one.p_above(0.1) == other.p_below(-0.1)


def test_beyond_fourteen_drawn_signs_say_what_all_of_them_would(monkeypatch):
    values, weights, rng = _drawn(3, 14)
    exact = flips(values, weights, rng)
    monkeypatch.setattr(signflip, "EXACT", 13)
    drawn = flips(values, weights, np.random.default_rng(0))
    assert drawn.total == DRAWS + 1
    for centre in (-0.2, 0.0, 0.3):
        p = exact.p_above(centre)
        assert drawn.p_above(centre) == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / DRAWS) + 1 / DRAWS)
    assert drawn.upper(0.05) == pytest.approx(exact.upper(0.05), abs=0.03)
    again = flips(values, weights, np.random.default_rng(0))
    assert np.array_equal(again.means, drawn.means)


@pytest.mark.parametrize("n", [10, 20])
def test_the_interval_holds_its_confidence_whatever_the_shape_and_the_spreads_are(n, monkeypatch):
    monkeypatch.setattr(signflip, "DRAWS", 1999)
    rng = np.random.default_rng(n)
    centre, jobs = 0.02, 3000
    outside = {0.05: 0, 0.005: 0}
    for _ in range(jobs):
        spreads = rng.uniform(0.002, 0.05, n)  # each generation its own, heavy tails, known to the weights
        values = centre + spreads * rng.laplace(size=n)
        found = flips(values, 1 / (0.01**2 + spreads**2), rng)
        for alpha in outside:
            outside[alpha] += found.upper(alpha) < centre
    for alpha, count in outside.items():
        least, most = stats.binom.ppf([0.0005, 0.9995], jobs, alpha)
        # Of 2^10 sets of signs, 5 make 0.0049: a little less than alpha is spent.
        assert least * (0.95 if n == 10 else 1) - 1 <= count <= most, (alpha, count)


def test_too_few_differences_bound_nothing_and_the_least_p_is_one_of_all_signs():
    found = flips([1.0, 2.0, 3.0], [1, 1, 1], np.random.default_rng(0))
    assert (found.lower(0.05), found.upper(0.05)) == (-math.inf, math.inf)
    assert found.p_above(0.0) == 1 / 8
    assert found.lower(1 / 8) == 1.0
    assert found.upper(1 / 8) == 3.0


def test_differences_without_any_variance_have_themselves_as_interval():
    found = flips([0.1] * 10, np.linspace(0.3, 1, 10), np.random.default_rng(0))
    assert found.lower(0.01) == pytest.approx(0.1)
    assert found.upper(0.01) == pytest.approx(0.1)
    assert found.p_above(0.1) == 1.0  # all tie
    assert found.p_above(0.09) == 2**-10


@pytest.mark.parametrize(
    ("values", "weights"), [([], []), ([math.nan], [1]), ([math.inf], [1]), ([1.0], [0.0]), ([1.0], [math.inf])]
)
def test_what_is_no_number_is_refused(values, weights):
    with pytest.raises(ValueError, match="invalid differences"):
        flips(values, weights, np.random.default_rng(0))


@pytest.mark.parametrize("n", [3, 6, 9])
def test_the_adjusted_p_of_one_column_is_scipys_two_sided_p_of_t(n):
    values, _, rng = _drawn(n, n)
    found = stats.permutation_test(
        (values,),
        lambda flipped: abs(float(stats.ttest_1samp(flipped, 0).statistic)),
        permutation_type="samples",
        alternative="greater",
        vectorized=False,
        n_resamples=np.inf,
    )
    assert max_t(values[:, None], rng) == pytest.approx(found.pvalue, abs=1e-12)


def test_the_adjusted_p_of_several_columns_counts_the_sets_of_signs_with_a_larger_t_in_any():
    rng = np.random.default_rng(2)
    values = rng.normal([0.0, 0.9, 0.4], [1.0, 0.5, 2.0], (7, 3))

    def t(signs: tuple[int, ...]) -> np.ndarray:
        return np.abs(stats.ttest_1samp(np.array(signs)[:, None] * values, 0).statistic)

    every = [t(signs) for signs in itertools.product((1, -1), repeat=7)]
    expected = [np.mean([one.max() >= found - 1e-9 for one in every]) for found in t((1,) * 7)]
    assert max_t(values, rng) == pytest.approx(expected, abs=1e-12)
    assert len(set(expected)) == 3


def test_columns_that_are_equal_cost_nothing_and_zeros_are_never_found():
    rng = np.random.default_rng(0)
    values = rng.normal(0.5, 1, (8, 1))
    (alone,) = max_t(values, rng)
    assert max_t(np.hstack([values, 3 * values, np.zeros((8, 1))]), rng) == pytest.approx([alone, alone, 1.0])


def test_beyond_fourteen_rows_drawn_signs_say_what_all_would(monkeypatch):
    values = np.random.default_rng(1).normal(0.4, 1, (14, 4))
    exact = max_t(values, np.random.default_rng(0))
    monkeypatch.setattr(signflip, "EXACT", 13)
    assert max_t(values, np.random.default_rng(0)) == pytest.approx(exact, abs=0.015)


@pytest.mark.parametrize("values", [np.zeros((0, 3)), np.zeros(3), np.full((3, 2), np.nan)])
def test_columns_that_are_no_numbers_are_refused(values):
    with pytest.raises(ValueError, match="invalid differences"):
        max_t(values, np.random.default_rng(0))

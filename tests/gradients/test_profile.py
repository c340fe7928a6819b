"""Profiles over lag against geometric decay, SciPy's regression and a loop over the steps."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress

from bench.gradients.profile import FLOOR_LOG2, by_lag, decay, log_norms, profile

FLOOR = -100.0


def test_log_norms_are_those_of_float64_where_squares_underflow_float32() -> None:
    gradient = np.array([[[3e-30, 4e-30], [0.0, 0.0], [3e20, 4e20]]], "float32")
    found = log_norms(gradient, scale_log2=10)
    expected = [math.log(5e-30) - 10 * math.log(2), -math.inf, math.log(5e20) - 10 * math.log(2)]
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_has_no_norm(bad: float) -> None:
    assert np.isnan(log_norms(np.array([[[1.0, bad]]], "float32"))).all()


def test_lag_counts_real_steps_from_the_last_one() -> None:
    real = np.array([[0, 1, 1, 0, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], bool)
    norms = np.arange(15.0).reshape(3, 5)
    for reverse in (False, True):
        found = by_lag(norms, real, reverse=reverse)
        for row in range(3):
            steps = [t for t in (range(5) if reverse else reversed(range(5))) if real[row, t]]
            assert found[row].compressed().tolist() == norms[row, steps].tolist()
            assert (~np.ma.getmaskarray(found[row])[: len(steps)]).all()


def test_a_profile_is_the_geometric_mean_and_quantiles_over_sequences() -> None:
    norms = np.log(10) * np.random.default_rng(0).normal(-3, 1, (50, 4))
    found = profile(by_lag(norms, reverse=True), FLOOR)
    np.testing.assert_allclose(found.values[:, 0], (norms / np.log(10)).mean(axis=0))
    expected = pd.DataFrame(norms / np.log(10)).quantile([0.1, 0.5, 0.9])
    np.testing.assert_allclose(found.values[:, 1:].T, expected)
    assert not found.floored.any()


def test_what_lies_below_the_floor_is_entered_at_the_floor_and_counted() -> None:
    norms = np.array([[-1.0, -math.inf], [-1.0, -200.0], [-1.0, -2.0], [-1.0, -2.0]])
    found = profile(by_lag(norms, reverse=True), FLOOR)
    assert found.floored.tolist() == [0, 0.5]
    assert found.values[1, 0] == pytest.approx((2 * FLOOR - 4) / 4 / math.log(10))
    assert found.values[1, 1] == pytest.approx(FLOOR / math.log(10))


def test_sequences_with_a_gradient_that_is_not_finite_are_left_out_and_counted() -> None:
    norms = np.array([[-1.0, math.nan], [-1.0, -2.0]])
    found = profile(by_lag(norms, reverse=True), FLOOR)
    assert found.not_finite == 1
    np.testing.assert_allclose(found.values[:, 0] * math.log(10), [-1, -2])


@pytest.mark.parametrize("norms", [np.full((3, 4), np.nan), np.zeros((0, 4))], ids=["all bad", "none"])
def test_no_sequence_left_gives_no_number_and_no_warning(norms: np.ndarray) -> None:
    found = profile(by_lag(norms), FLOOR)
    assert np.isnan(found.values).all()
    assert math.isnan(decay(found.values[:, 0], found.floored).half_life)


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.99])
def test_the_half_life_of_geometric_decay_is_that_of_its_factor(rate: float) -> None:
    mean = np.arange(60) * math.log10(rate)
    found = decay(mean, np.zeros(60))
    assert found.half_life == pytest.approx(math.log(0.5) / math.log(rate), rel=1e-9)
    assert (found.first, found.last, found.r2) == (5, 59, pytest.approx(1))
    horizon = math.floor(math.log(1e-3) / math.log(rate)) + 1
    assert (found.horizon, found.censored) == ((horizon, False) if horizon < 60 else (59, True))


def test_the_fit_is_least_squares_over_the_window() -> None:
    mean = -0.1 * np.arange(40) + np.random.default_rng(1).normal(0, 0.2, 40)
    found, expected = decay(mean, np.zeros(40)), linregress(np.arange(5, 40), mean[5:] * math.log(10))
    assert found.rate == pytest.approx(expected.slope)
    assert found.r2 == pytest.approx(expected.rvalue**2)


def test_the_window_ends_before_the_floor() -> None:
    mean = -np.arange(40.0)
    floored = (np.arange(40) >= 20) * 0.5
    mean[20:] = -20
    found = decay(mean, floored)
    assert (found.first, found.last) == (5, 19)
    assert found.half_life == pytest.approx(math.log10(2))


def test_a_carried_state_counts_from_the_first_lag_that_is_used() -> None:
    mean = np.concatenate([[-60.0], -2.0 - 0.5 * np.arange(30)])
    floored = np.concatenate([[1.0], np.zeros(30)])
    found = decay(mean, floored)
    assert (found.first, found.last) == (5, 30)
    assert found.half_life == pytest.approx(math.log10(2) / 0.5)
    assert found.horizon == 1 + 7


@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_a_profile_that_does_not_fall_has_an_infinite_half_life(slope: float) -> None:
    found = decay(slope * np.arange(30), np.zeros(30))
    assert found.half_life == math.inf
    assert (found.horizon, found.censored) == (29, True)


@pytest.mark.parametrize("lags", [1, 5, 7])
def test_short_sequences_have_no_fit(lags: int) -> None:
    found = decay(-np.arange(float(lags)), np.zeros(lags))
    assert math.isnan(found.rate)
    assert math.isnan(found.half_life)


def test_the_floor_leaves_ten_bits_above_what_float32_flushes() -> None:
    assert 2**10 * np.finfo("float32").tiny == 2.0**FLOOR_LOG2


def test_padding_may_hold_anything_and_shorter_sequences_count_where_they_have_steps() -> None:
    norms = np.array([[math.nan, -200.0, -1.0], [-200.0, -3.0, -4.0]])
    found = profile(by_lag(norms, np.array([[False, True, True], [True, True, True]])), FLOOR)
    assert found.not_finite == 0
    assert found.floored.tolist() == [0, 0.5, 1]
    np.testing.assert_allclose(found.values[:, 0] * math.log(10), [-2.5, (FLOOR - 3) / 2, FLOOR])
    np.testing.assert_allclose(found.values[:, 2] * math.log(10), [-2.5, (FLOOR - 3) / 2, FLOOR])
    alone = profile(by_lag(norms[:1], np.array([[False, False, True]])), FLOOR)
    assert np.isnan(alone.floored).tolist() == [False, True, True]


def test_many_real_steps_stay_in_their_order() -> None:
    real = np.random.default_rng(4).random((1, 500)) < 0.5
    norms = np.arange(500.0)[None]
    assert by_lag(norms, real, reverse=True)[0].compressed().tolist() == norms[real].tolist()


def test_a_norm_at_the_floor_is_floored() -> None:
    assert profile(np.ma.masked_array([[FLOOR], [FLOOR + 1]], mask=False), FLOOR).floored.tolist() == [0.5]


def test_one_sequence_in_a_hundred_may_be_at_the_floor() -> None:
    floored = np.zeros(40)
    floored[20], floored[30] = 0.01, 0.011
    assert decay(-0.1 * np.arange(40), floored).last == 29


def test_three_lags_are_enough_for_a_fit() -> None:
    assert decay(-np.arange(8.0), np.zeros(8)).rate == pytest.approx(-math.log(10))


def test_a_horizon_is_censored_at_the_last_lag_that_a_sequence_has() -> None:
    mean = np.where(np.arange(30) < 20, -0.01 * np.arange(30), np.nan)
    found = decay(mean, np.where(np.isnan(mean), np.nan, 0))
    assert (found.last, found.horizon, found.censored) == (19, 19, True)


def test_a_gradient_that_arrives_nowhere_has_a_horizon_of_0() -> None:
    found = decay(np.full(50, -59.0), np.ones(50))
    assert (found.horizon, found.censored) == (0, False)
    assert math.isnan(found.half_life)


def test_without_a_lag_that_the_sequences_reach_the_horizon_is_unknown() -> None:
    found = decay(np.full(50, -30.0), np.full(50, 0.2))
    assert (found.horizon, found.censored) == (0, True)


def test_the_horizon_counts_from_the_first_lag_above_the_floor_wherever_it_is() -> None:
    mean, floored = -0.5 * np.arange(40), np.zeros(40)
    mean[:4], floored[:4] = -59, 1
    found = decay(mean, floored)
    assert (found.horizon, found.censored) == (4 + 7, False)
    assert math.isnan(found.rate)  # the window ends at lag 1, which is no measurement


def test_an_infinite_norm_is_not_finite() -> None:
    found = profile(np.ma.masked_array([[math.inf], [1.0]], mask=False), FLOOR)
    assert found.not_finite == 1
    np.testing.assert_allclose(found.values[0], 1 / math.log(10))

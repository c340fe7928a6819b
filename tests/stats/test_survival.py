"""Kaplan-Meier against statsmodels and the leukaemia trial of Freireich et al. (1963)."""

import math

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from bench.stats import kaplan_meier

TREATED = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
RELAPSED = [True] * 9 + [False] * 12
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_the_curve_of_the_leukaemia_trial_is_the_published_one():
    found = kaplan_meier(TREATED, RELAPSED)
    assert found.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert found.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert found.share == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)
    assert (found.median, found.interval) == (23, (13, math.inf))


def test_the_untreated_have_the_published_median_and_interval():
    found = kaplan_meier(PLACEBO, [True] * 21)
    assert (found.median, found.interval) == (8, (4, 11))


def test_curve_median_and_interval_are_those_of_statsmodels():
    rng = np.random.default_rng(0)
    bounded = 0
    for _ in range(200):
        n = int(rng.integers(4, 40))
        times = np.ceil(rng.exponential(10, n)) if rng.random() < 0.5 else rng.exponential(10, n)
        reached = rng.random(n) < 0.8
        reached[np.argmax(times)] = False  # statsmodels takes a share of 0 for a bound, which has no variance
        reached[times == times.max()] = False
        found, expected = kaplan_meier(times, reached), SurvfuncRight(times, reached)
        # statsmodels lists the times of censored runs too
        steps = np.diff(expected.surv_prob, prepend=1) < -1e-12
        assert found.times == pytest.approx(expected.surv_times[steps])
        assert found.share == pytest.approx(expected.surv_prob[steps])
        median = expected.quantile(0.5)
        if not np.isclose(found.share, 0.5).any():  # there it waits for the share to fall below
            assert found.median == (math.inf if math.isnan(median) else median)
        low, high = expected.quantile_ci(0.5)
        if found.interval is not None and not math.isnan(low):
            assert found.interval == (low, high)
            bounded += math.isfinite(high)
    assert bounded > 50


def test_a_half_that_never_reached_it_leaves_no_median_and_none_that_did_no_interval():
    assert kaplan_meier([1, 2, 9, 9, 9], [True, True, False, False, False]).median == math.inf
    none = kaplan_meier([9, 9, math.inf], [False, False, False])
    assert (none.median, none.interval, len(none.times)) == (math.inf, None, 0)


def test_a_share_of_exactly_a_half_is_the_median_however_it_is_rounded():
    for n in range(2, 60, 2):
        assert kaplan_meier(range(1, n + 1), [True] * n).median == n / 2


def test_five_runs_that_all_reach_it_set_no_upper_bound():
    found = kaplan_meier([300, 200, 500, 100, 400], [True] * 5)
    assert (found.median, found.interval) == (300, (100, math.inf))
    assert kaplan_meier([300] * 5, [True] * 5).interval == (300, math.inf)


def test_a_run_stopped_when_another_arrives_was_still_at_risk():
    assert kaplan_meier([5, 5], [True, False]).share.tolist() == [0.5]


@pytest.mark.parametrize(
    ("times", "reached", "message"),
    [
        ([], [], "a time and a flag each"),
        ([1, 2], [True], "a time and a flag each"),
        ([-1], [True], "0 or more"),
        ([math.nan], [False], "0 or more"),
        ([math.inf], [True], "finite where the target was reached"),
    ],
)
def test_times_that_cannot_be_are_refused(times, reached, message):
    with pytest.raises(ValueError, match=message):
        kaplan_meier(times, reached)

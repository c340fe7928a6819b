"""Intervals, tests and effect sizes over seeds: the unit is always the run, never the step. Pure.

Intervals hold 95 %. Those of means are Student's: at five runs the percentile bootstrap holds 86 to 90 %;
`docs/method.md` has the figures, also of where Student's falls short. Below `LEAST` values there is none and the answer
is None; a value that is not finite leaves none either, since dropping it would hide a run that failed.
"""

from bench.stats.across import (
    Estimate,
    Profile,
    interquartile_mean,
    normalised,
    performance_profile,
    probability_of_improvement,
)
from bench.stats.change_points import ChangePoint, change_points
from bench.stats.correlation import Correlation, correlation_interval, rank_correlation
from bench.stats.hypotheses import fisher, holm, omnibus_test, rank_test, welch_test
from bench.stats.intervals import (
    LEAST,
    LEVEL,
    Interval,
    binomial_interval,
    difference_interval,
    equivalent,
    mean_interval,
    runs_to_settle,
    seeds_to_settle,
    share_difference_interval,
)
from bench.stats.survival import Survival, kaplan_meier

__all__ = [
    "LEAST",
    "LEVEL",
    "ChangePoint",
    "Correlation",
    "Estimate",
    "Interval",
    "Profile",
    "Survival",
    "binomial_interval",
    "change_points",
    "correlation_interval",
    "difference_interval",
    "equivalent",
    "fisher",
    "holm",
    "interquartile_mean",
    "kaplan_meier",
    "mean_interval",
    "normalised",
    "omnibus_test",
    "performance_profile",
    "probability_of_improvement",
    "rank_correlation",
    "rank_test",
    "runs_to_settle",
    "seeds_to_settle",
    "share_difference_interval",
    "welch_test",
]

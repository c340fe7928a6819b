"""Time to target where some runs never reached it: censored on the right, never averaged."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from bench.stats.intervals import LEVEL, Interval


class Survival(NamedTuple):
    """The share of runs that have not reached their target yet."""

    times: np.ndarray
    """(events,) Times at which a run reached it, ascending, each once."""
    share: np.ndarray
    """(events,) From each of these times on; 1 before the first."""
    at_risk: np.ndarray
    """(events,) Runs that had neither reached it before nor been stopped."""
    median: float
    """The first time at which the share is a half or less; infinite where it never is."""
    interval: Interval | None
    """Of the median; its high end is infinite where the runs set no bound. None without a run that reached it."""


def kaplan_meier(times: Sequence[float], reached: Sequence[bool]) -> Survival:
    """Kaplan and Meier's (1958) curve of runs that `reached` their target at `times`, or were stopped then without.

    The interval of the median is Brookmeyer and Crowley's (1982): the times at which a share of a half is not refuted,
    on the scale of log(-log) with Greenwood's variance. A run that failed never reaches: enter it as stopped at
    infinity. Raises ValueError for unequal lengths, no run, a NaN, a negative time, or a target reached at infinity.
    """
    time, event = np.asarray(times, "float64"), np.asarray(reached, bool)
    if time.shape != event.shape or time.ndim != 1 or not len(time):
        raise ValueError(f"invalid runs: expected a time and a flag each, received {time.shape} and {event.shape}")
    if not (time >= 0).all() or not np.isfinite(time[event]).all():
        raise ValueError("invalid times: expected 0 or more, and finite where the target was reached")
    at, events = np.unique(time[event], return_counts=True)
    at_risk = (time >= at[:, None]).sum(axis=1)
    share = np.cumprod(1 - events / at_risk)
    # Whole numbers decide where there is a half: 1 - 3/6 times 1 may round to either side.
    median = float(at[share <= 0.5 + 1e-12][0]) if (share <= 0.5 + 1e-12).any() else math.inf
    return Survival(at, share, at_risk, median, _median_interval(at, share, events, at_risk))


def _median_interval(at: np.ndarray, share: np.ndarray, events: np.ndarray, at_risk: np.ndarray) -> Interval | None:
    if not len(at):
        return None
    # At a share of 0, which only the last event has, there is no variance, and it refutes nothing.
    inner = at_risk > events
    log = np.log(share[inner])
    error = np.sqrt(np.cumsum(events / (at_risk * np.maximum(at_risk - events, 1)))[inner]) / -log
    distance = (np.log(-log) - math.log(math.log(2))) / error
    z = float(special.ndtri((1 + LEVEL) / 2))
    # The share falls from 1: too high for a half up to the first time that is not, too low from the first that is.
    low = at[inner][distance >= -z]
    high = at[inner][distance > z]
    last = float(at[-1]) if not inner.all() else math.inf
    return Interval(float(low[0]) if len(low) else last, float(high[0]) if len(high) else math.inf)

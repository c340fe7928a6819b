"""From gradients to a profile over lag: how much of a loss arrives how far back, and how fast it falls.

All in logarithms and float64: what float32 gradients hold is neither lost nor rounded on the way.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from bench.record import Decay

FLOOR_LOG2: Final = -116
"""float32 flushes to 0 below 2^-126. A norm of 2^-116 still holds components a thousand times smaller than itself."""
FIRST_LAG: Final = 5
"""Decay is fitted from here: the first steps also hold the readout's own scale."""
HORIZON: Final = 1e-3
_FLOORED: Final = 0.01
"""Share of sequences at the floor beyond which a lag's mean is no measurement."""
_LEAST: Final = 3


class Profile(NamedTuple):
    """Gradient norm over lag, log10; entries below the floor stand at the floor."""

    values: np.ndarray
    """(lags, 4): mean over sequences, then their 10, 50 and 90 % quantiles. NaN where no sequence is so long."""
    floored: np.ndarray
    """(lags,) share of sequences at or below the floor."""
    not_finite: int
    """Sequences with a NaN or infinite gradient: left out of the rest."""


def log_norms(gradient: np.ndarray, scale_log2: int = 0) -> np.ndarray:
    """ln of the norm over the last axis, (samples, time), of a gradient (samples, time, units) times 2^scale_log2.

    -inf where it is 0, NaN where any entry is NaN or infinite.
    """
    squares = np.stack([np.einsum("tu,tu->t", each, each, dtype="float64") for each in gradient])
    squares[~np.isfinite(squares)] = np.nan
    with np.errstate(divide="ignore"):
        return np.asarray(0.5 * np.log(squares) - scale_log2 * math.log(2))


def by_lag(norms: np.ndarray, real: np.ndarray | None = None, *, reverse: bool = False) -> np.ma.MaskedArray:
    """Columns of `norms` (samples, time) turned so that column l is lag l, counted in real steps before the last one.

    `real` (samples, time) marks the steps that are no padding. `reverse`: the loop reads from the end to the start.
    Masked where a sequence has no step so far back.
    """
    turned = norms if reverse else norms[:, ::-1]
    if real is None:
        return np.ma.masked_array(turned, mask=np.zeros(turned.shape, bool))
    there = real if reverse else real[:, ::-1]
    order = np.argsort(~there, axis=1, kind="stable")
    return np.ma.masked_array(np.take_along_axis(turned, order, 1), mask=~np.take_along_axis(there, order, 1))


def profile(lagged: np.ma.MaskedArray, floor: float) -> Profile:
    """Over the sequences of `lagged` (samples, lags), natural logarithms; `floor` likewise."""
    absent = np.ma.getmaskarray(lagged)
    data = np.asarray(lagged.data, "float64")
    bad = (~(data < np.inf) & ~absent).any(axis=1)
    data, absent = data[~bad], absent[~bad]
    low = (data <= floor) & ~absent
    count = (~absent).sum(axis=0)
    entered = np.where(absent, np.nan, np.maximum(data, floor)) / math.log(10)
    values = np.full((lagged.shape[1], 4), np.nan)
    floored = np.full(lagged.shape[1], np.nan)
    some = count > 0
    if some.any():
        values[some, 0] = np.nanmean(entered[:, some], axis=0)
        quantile = np.nanquantile if absent.any() else np.quantile  # the first takes many times as long
        values[some, 1:] = quantile(entered[:, some], (0.1, 0.5, 0.9), axis=0).T
        floored[some] = low.sum(axis=0)[some] / count[some]
    return Profile(values, floored, int(bad.sum()))


def decay(mean: np.ndarray, floored: np.ndarray) -> Decay:
    """Rate, half-life and horizon of a profile's `mean` (lags,), log10, with the share of `floored` sequences (lags,).

    The rate is the least-squares slope of ln G over the lags from 5 to the last one above the floor; NaN, as the
    half-life, where these are fewer than three. Lag 0 of a carried state that the last output does not read is 0 by
    construction: the horizon counts from the first lag above the floor. Without one it is 0, and censored unless every
    sequence is at the floor at every lag.
    """
    usable = np.isfinite(mean) & (floored <= _FLOORED)
    start = int(np.argmax(usable[:2])) if usable[:2].any() else 0
    gaps = np.flatnonzero(~usable[start:])
    end = start + int(gaps[0]) if len(gaps) else len(mean)  # the first lag that is no measurement
    window = slice(min(FIRST_LAG, end), end)
    rate, r2 = _slope(np.arange(len(mean))[window], mean[window] * math.log(10))
    half_life = math.nan if math.isnan(rate) else math.inf if rate >= 0 else math.log(0.5) / rate
    horizon, censored = _horizon(mean, floored, usable)
    return Decay(
        rate=rate,
        r2=r2,
        first=window.start,
        last=max(end - 1, 0),
        half_life=half_life,
        horizon=horizon,
        censored=censored,
    )


def _horizon(mean: np.ndarray, floored: np.ndarray, usable: np.ndarray) -> tuple[int, bool]:
    """The lag, and whether it is only the last one known."""
    known = np.isfinite(mean)
    if not usable.any():
        # Nothing arrives at any lag, which is a finding; else there is nothing to compare with.
        return 0, not (known.any() and (floored[known] >= 1).all())
    start = int(np.argmax(usable))
    beyond = np.flatnonzero(mean[start:] < mean[start] + math.log10(HORIZON))
    return (start + int(beyond[0]), False) if len(beyond) else (int(np.flatnonzero(known)[-1]), True)


def _slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Least-squares slope and R^2; NaN with fewer than three points, R^2 NaN where y does not vary."""
    if len(x) < _LEAST:
        return math.nan, math.nan
    u, v = x - x.mean(), y - y.mean()
    rate = float(u @ v / (u @ u))
    return rate, float((u @ v) ** 2 / ((u @ u) * (v @ v))) if v @ v > 0 else math.nan

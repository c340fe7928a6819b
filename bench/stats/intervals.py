"""Intervals that hold 95 %, and what follows from them."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy import special

LEVEL: Final = 0.95
LEAST: Final = 3
"""Values below which a spread is a guess: no interval is given."""


class Interval(NamedTuple):
    """Both ends of a 95 % interval."""

    low: float
    high: float


def binomial_interval(k: int, n: int) -> Interval:
    """Clopper and Pearson's (1934) exact interval of a share, `k` of `n`; it is one for any n, so also below `LEAST`.

    Raises ValueError unless 0 <= k <= n and n >= 1.
    """
    if not 0 <= k <= n or n < 1:
        raise ValueError(f"invalid share: expected 0 <= k <= n and n >= 1, received {k} of {n}")
    half = (1 - LEVEL) / 2
    low = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, half))
    high = 1.0 if k == n else float(special.betaincinv(k + 1, n - k, 1 - half))
    return Interval(low, high)


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Student's interval of the mean of independent runs; None below three values."""
    return _t_interval([(1.0, values)])


def difference_interval(a: Sequence[float], b: Sequence[float]) -> Interval | None:
    """Welch's (1947) interval of mean(a) - mean(b), whose spreads may differ; None below three values a side."""
    return _t_interval([(1.0, a), (-1.0, b)])


def share_difference_interval(k: int, n: int, other_k: int, other_n: int) -> Interval:
    """Newcombe's (1998, method 10) interval of k/n - other_k/other_n, from Wilson's score intervals."""
    (low, high), (other_low, other_high) = _wilson(k, n), _wilson(other_k, other_n)
    share, other = k / n, other_k / other_n
    return Interval(
        share - other - math.hypot(share - low, other_high - other),
        share - other + math.hypot(high - share, other - other_low),
    )


def runs_to_settle(value: float, interval: Interval, bound: float, runs: int) -> int | None:
    """Runs after which an interval as wide as this one would leave `bound` out; None where `value` is the bound.

    The half-width falls with the root of the runs; the quantile of t, which falls too, is left as it is: no fewer. Of a
    difference, `runs` are those of either side where both have as many; else ask `seeds_to_settle`.
    """
    distance = abs(value - bound)
    half = max(interval.high - value, value - interval.low)
    return math.ceil(runs * (half / distance) ** 2) if distance > 0 else None


def seeds_to_settle(a: Sequence[float], b: Sequence[float], *, alpha: float = 1 - LEVEL) -> int | None:
    """Seeds a side with which Welch's test tells means and spreads as those found apart, two-sided at `alpha`.

    An even chance, not a promise: the difference may turn out smaller. None where there is no difference, no spread, or
    no interval.
    """
    found = moments([(1.0, a), (-1.0, b)])
    if found is None or found.value == 0 or found.error == 0:
        return None
    spreads = [_mean_variance(values)[1] for values in (a, b)]
    shares = [spread / sum(spreads) for spread in spreads]
    ratio = sum(spreads) / found.value**2

    def enough(n: int) -> bool:
        freedom = (n - 1) / sum(share**2 for share in shares)
        return float(special.stdtrit(freedom, alpha / 2)) ** 2 * ratio <= n

    # The quantile of t is largest with the fewest seeds.
    most = math.ceil(float(special.stdtrit(LEAST - 1, alpha / 2)) ** 2 * ratio)
    return LEAST + bisect_left(range(LEAST, max(most, LEAST)), True, key=enough)


def equivalent(interval: Interval, margin: float) -> bool:
    """Whether a difference lies within -`margin` to `margin`: its whole interval does (Schuirmann, 1987).

    Two one-sided tests at 5 % ask that of the 90 % interval; that of the 95 % one is each at 2.5 %, on the safe side,
    and never calls a difference both equivalent and told from 0 by different intervals. Raises ValueError for a margin
    that is not a positive number.
    """
    if not margin > 0:
        raise ValueError(f"invalid margin: expected a number above 0, received {margin}")
    return -margin < interval.low and interval.high < margin


class Moments(NamedTuple):
    """A weighted sum of means: its value, standard error, and Welch and Satterthwaite's degrees of freedom."""

    value: float
    error: float
    freedom: float


def moments(groups: Sequence[tuple[float, Sequence[float]]]) -> Moments | None:
    """Of (weight, values) a group; None below three values in one, or with one that is not finite."""
    if any(len(values) < LEAST or not all(map(math.isfinite, values)) for _, values in groups):
        return None
    value = sum(weight * _mean_variance(values)[0] for weight, values in groups)
    parts = [(weight**2 * _mean_variance(values)[1] / len(values), len(values) - 1) for weight, values in groups]
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return Moments(value, 0.0, math.inf)
    # Shares of the variance: its square would overflow for scores that blew up.
    return Moments(value, math.sqrt(variance), 1 / sum((part / variance) ** 2 / df for part, df in parts))


def _t_interval(groups: Sequence[tuple[float, Sequence[float]]]) -> Interval | None:
    found = moments(groups)
    if found is None:
        return None
    half = float(special.stdtrit(found.freedom, (1 + LEVEL) / 2)) * found.error if found.error else 0.0
    return Interval(found.value - half, found.value + half)


def _mean_variance(values: Sequence[float]) -> tuple[float, float]:
    # Rounding would give equal values a spread, and two groups of them a difference.
    constant = min(values) == max(values)
    return (float(values[0]), 0.0) if constant else (float(np.mean(values)), float(np.var(values, ddof=1)))


def _wilson(k: int, n: int) -> Interval:
    """Wilson's (1927) score interval of a share."""
    z2 = float(special.ndtri((1 + LEVEL) / 2)) ** 2
    middle, half = k + z2 / 2, math.sqrt(z2 * (k * (n - k) / n + z2 / 4))
    return Interval(max(0.0, (middle - half) / (n + z2)), min(1.0, (middle + half) / (n + z2)))

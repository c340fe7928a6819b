"""Over several tasks: normalised scores and what sums them up, with bootstrap intervals (Agarwal et al., 2021).

`scores` holds an array (runs,) a task; tasks may have different numbers of runs, and every task weighs the same. The
bootstrap is stratified: runs are drawn within tasks, one fewer than there are, since as many draws would leave the
variance too small by a factor (n - 1) / n (McCarthy and Snowden, 1985). The tasks are those that were asked, not a
sample of others. Its generator is passed in. Where a task has fewer than three runs there is no interval.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from bench.stats.intervals import LEAST, LEVEL, Interval

DRAWS: Final = 2_000


class Estimate(NamedTuple):
    """A value and its interval; None where a task has fewer than three runs."""

    value: float
    interval: Interval | None


class Profile(NamedTuple):
    """The share of runs that score above each threshold."""

    thresholds: np.ndarray
    """(thresholds,)"""
    share: np.ndarray
    """(thresholds,)"""
    low: np.ndarray
    high: np.ndarray
    """(thresholds,) Ends of the interval at each; NaN where there is none."""


def normalised(score: float, chance: float, reference: float) -> float:
    """`score` on a scale where `chance` is 0 and `reference` 1, whichever of them is greater.

    Raises ValueError unless chance and reference are finite and differ.
    """
    if chance == reference or not np.isfinite([chance, reference]).all():
        raise ValueError(f"invalid scale: expected two different finite ends, received {chance} and {reference}")
    return (score - chance) / (reference - chance)


def interquartile_mean(scores: Sequence[np.ndarray], *, rng: np.random.Generator, draws: int = DRAWS) -> Estimate:
    """The mean of the middle half of all runs, a run on the edge of it in part. Raises ValueError for an empty task."""
    tasks = _tasks(scores)
    weights = _weights(tasks)
    value = float(_middle(np.concatenate(tasks), weights))
    if not _enough(tasks):
        return Estimate(value, None)
    drawn = [_draw(task, rng, draws) for task in tasks]
    return Estimate(value, _interval(_middle(np.concatenate(drawn, axis=1), _weights(drawn))))


def performance_profile(
    scores: Sequence[np.ndarray], thresholds: Sequence[float], *, rng: np.random.Generator, draws: int = DRAWS
) -> Profile:
    """The share of runs that score above each of `thresholds`. Raises ValueError for an empty task."""
    tasks, at = _tasks(scores), np.asarray(thresholds, "float64")

    def share(runs: Sequence[np.ndarray]) -> np.ndarray:
        return np.asarray(np.mean([(task[..., None] > at).mean(axis=-2) for task in runs], axis=0))

    if not _enough(tasks):
        none = np.full(len(at), np.nan)
        return Profile(at, share(tasks), none, none)
    low, high = np.quantile(share([_draw(task, rng, draws) for task in tasks]), _ENDS, axis=0)
    return Profile(at, share(tasks), low, high)


def probability_of_improvement(
    x: Sequence[np.ndarray], y: Sequence[np.ndarray], *, rng: np.random.Generator, draws: int = DRAWS
) -> Estimate:
    """How often a run of `x` beats one of `y` on the same task, ties half: Mann and Whitney's U / nm, over tasks.

    Where all runs of all tasks point one way the interval has no width: the bootstrap knows of no other run.
    Raises ValueError unless both have the same number of tasks, none empty.
    """
    if len(x) != len(y):
        raise ValueError(f"invalid tasks: expected as many of both, received {len(x)} and {len(y)}")
    pairs = list(zip(_tasks(x), _tasks(y), strict=True))

    def wins(both: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return np.asarray(np.mean([_wins(both(first), both(second)) for first, second in pairs], axis=0))

    value = float(wins(lambda task: task))
    if not _enough([task for pair in pairs for task in pair]):
        return Estimate(value, None)
    return Estimate(value, _interval(wins(lambda task: _draw(task, rng, draws))))


_ENDS: Final = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


def _wins(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(..., runs) and (..., runs) to (...)."""
    first, second = x[..., :, None], y[..., None, :]
    return np.asarray(((first > second) + 0.5 * (first == second)).mean(axis=(-2, -1)))


def _middle(runs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(..., runs) and the weight of each run, which sum to 1, to (...)."""
    order = np.argsort(runs, axis=-1, kind="stable")
    ends = np.cumsum(weights[order], axis=-1)
    inside = np.clip(ends, 0.25, 0.75) - np.clip(ends - weights[order], 0.25, 0.75)
    return np.asarray((np.take_along_axis(runs, order, axis=-1) * inside).sum(axis=-1) / inside.sum(axis=-1))


def _weights(tasks: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.full(task.shape[-1], 1 / (len(tasks) * task.shape[-1])) for task in tasks])


def _draw(task: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    return task[rng.integers(len(task), size=(draws, len(task) - 1))]


def _interval(drawn: np.ndarray) -> Interval:
    low, high = np.quantile(drawn, _ENDS)
    return Interval(float(low), float(high))


def _enough(tasks: Sequence[np.ndarray]) -> bool:
    return all(len(task) >= LEAST for task in tasks)


def _tasks(scores: Sequence[np.ndarray]) -> list[np.ndarray]:
    tasks = [np.asarray(task, "float64") for task in scores]
    if not tasks or any(task.ndim != 1 or not len(task) or np.isnan(task).any() for task in tasks):
        raise ValueError("invalid scores: expected one task or more, each with one run or more and no NaN")
    return tasks

"""Across tasks: what each architecture reaches of the way from chance to target, and how often it beats another.

A score is normalised by its task: 0 is chance, 1 the target, in the metric's own unit. Of the mean squared error that
is R^2 as a share of what the target asks, chance being the variance. A log scale has no place for an error of 0, and
would have architectures that solve a task compete in digits that nobody asks for. Above 1 nothing is cut: scores beyond
a target may still differ. Below 0 all is 0, in the mean and in the profile: a run that diverged to 1e6 has learned as
much as one at chance, and so has a planned run without a score. Where runs are compared by rank, one without a score
ranks behind all others.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.report.rows import Row, TaskTable
from bench.stats import (
    Estimate,
    Interval,
    Profile,
    interquartile_mean,
    normalised,
    performance_profile,
    probability_of_improvement,
)

THRESHOLDS: Final = tuple(round(0.01 * step, 2) for step in range(121))
"""Of the profile: from chance to a fifth beyond the target."""
_SEED: Final = 0

Scores = Mapping[str, np.ndarray]
"""By task label, (planned runs,): normalised, -infinity without a score."""


@dataclass(frozen=True, eq=False)
class Summary:
    """One architecture over the tasks it was planned on."""

    architecture: str
    """Untrusted text."""
    tasks: tuple[str, ...]
    missing: tuple[str, ...]
    """Tasks that others did: the mean and the profile leave them out, so that they compare only with care."""
    runs: int
    unscored: int
    """Planned runs without a score, which count as chance."""
    mean: Estimate
    """Interquartile mean of the normalised scores."""
    profile: Profile
    """Share of runs above each normalised score."""


@dataclass(frozen=True)
class Improvement:
    """How often a run of `a` beats one of `b` on a task, over the tasks that both did."""

    a: str
    b: str
    tasks: tuple[str, ...]
    """Both did these; empty where there is none."""
    probability: float
    """Ties half; NaN without a common task."""
    interval: Interval | None


@dataclass(frozen=True, eq=False)
class Across:
    """All tasks of a report together."""

    tasks: tuple[str, ...]
    left_out: tuple[str, ...]
    """Tasks whose scores have no scale: chance or target is not a number, or they are equal."""
    summaries: tuple[Summary, ...]
    """The greatest interquartile mean first."""
    improvements: tuple[Improvement, ...]
    """Of every architecture over every other, in the order of `summaries`."""


def across(tables: Sequence[TaskTable], *, draws: int = 2_000) -> Across:
    """Sums up all `tables`; `draws` resamples an interval, from a generator of fixed seed. Empty without a table."""
    usable = [table for table in tables if _has_scale(table)]
    tasks = tuple(table.label for table in usable)
    scores = _scores(usable)
    rng = np.random.default_rng(_SEED)
    summaries = sorted(
        (_summary(name, scores[name], tasks, rng, draws) for name in sorted(scores)),
        key=lambda one: (-one.mean.value, one.architecture),
    )
    names = [one.architecture for one in summaries]
    return Across(
        tasks=tasks,
        left_out=tuple(table.label for table in tables if not _has_scale(table)),
        summaries=tuple(summaries),
        improvements=tuple(_improvement(a, b, scores, rng, draws) for a in names for b in names if a != b),
    )


def normalised_scores(row: Row) -> np.ndarray:
    """(planned runs,): 0 is chance and 1 the target; -infinity for a run without a score."""
    return np.array(
        [
            normalised(record.value, record.chance, record.target) if row.has_score(record) else -math.inf
            for record in row.planned
        ]
    )


def _scores(tables: Sequence[TaskTable]) -> dict[str, dict[str, np.ndarray]]:
    """By architecture and task, for the rows that were to train; rows of one label in a table are one."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for table in tables:
        for row in table.rows:
            if row.planned:
                own = found.setdefault(row.architecture, {})
                own[table.label] = np.append(own.get(table.label, ()), normalised_scores(row))
    return found


def _summary(name: str, scores: Scores, tasks: Sequence[str], rng: np.random.Generator, draws: int) -> Summary:
    runs = [np.maximum(scores[task], 0) for task in tasks if task in scores]
    return Summary(
        architecture=name,
        tasks=tuple(task for task in tasks if task in scores),
        missing=tuple(task for task in tasks if task not in scores),
        runs=sum(map(len, runs)),
        unscored=sum(int(np.isneginf(own).sum()) for own in scores.values()),
        mean=interquartile_mean(runs, rng=rng, draws=draws),
        profile=performance_profile(runs, THRESHOLDS, rng=rng, draws=draws),
    )


def _improvement(a: str, b: str, scores: Mapping[str, Scores], rng: np.random.Generator, draws: int) -> Improvement:
    tasks = tuple(task for task in scores[a] if task in scores[b])
    if not tasks:
        return Improvement(a, b, (), math.nan, None)
    found = probability_of_improvement(
        [scores[a][task] for task in tasks], [scores[b][task] for task in tasks], rng=rng, draws=draws
    )
    return Improvement(a, b, tasks, found.value, found.interval)


def _has_scale(table: TaskTable) -> bool:
    chance, target = table.any.chance, table.any.target
    return math.isfinite(chance) and math.isfinite(target) and chance != target

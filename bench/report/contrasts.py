"""All pairs of architectures on a task: how far apart they are, and whether the seeds tell them apart.

The family of a verdict is all pairs of its table. Each pair is judged by one test: Welch's t on the scores; the rank
test where neither side varies, since a spread that was not seen is not one of nothing; Fisher's on solved and unsolved
where a seed has no score. These are adjusted together by Holm's step-down, and those on scores are no smaller than the
permutation test of the least of them, which holds for scores of any shape. The rank test and Fisher's stand beside
every verdict, each adjusted over the same family: with five seeds a side and ten pairs the rank test alone could not
get below 8 %.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal, NamedTuple

from bench.report.rows import Row, TaskTable
from bench.stats import (
    LEAST,
    LEVEL,
    Interval,
    difference_interval,
    fisher,
    holm,
    omnibus_test,
    rank_test,
    seeds_to_settle,
    welch_test,
)

ALPHA: Final = 1 - LEVEL

Outcome = Literal["better", "worse", "unclear"]


@dataclass(frozen=True)
class Contrast:
    """One architecture against another on one task. Labels are untrusted text."""

    task: str
    a: str
    b: str
    difference: float
    """Mean of `a` less mean of `b` over scored seeds, in the task's metric; NaN where one has none."""
    interval: Interval | None
    """Welch's 95 % of this pair alone; None where a seed has no score, below three seeds, or where no side varies."""
    test: Literal["welch", "rank", "fisher"] | None
    """What judged the pair; None where it has too few seeds."""
    p: float
    """Of `test`, adjusted over the table's pairs; 1 without one."""
    rank_p: float
    """Adjusted; a planned seed without a score ranks behind all others."""
    fisher_p: float
    """Of solved against unsolved of the planned seeds; adjusted."""
    verdict: Outcome
    """Of `a` against `b`, the metric's direction respected; unclear where `p` is 5 % or more."""
    settles: int | None
    """Seeds a side that would tell a difference like this one apart with even chances; None where it is told apart, or
    nothing says how many."""
    reason: str
    """Why there is no interval; empty where there is one."""


class _Judged(NamedTuple):
    test: Literal["welch", "rank", "fisher"] | None
    p: float
    sign: float
    """Above 0 where `a` is the better one."""
    reason: str


def contrasts(table: TaskTable) -> list[Contrast]:
    """Every pair of the rows that were to train, in the table's order: the better mean first."""
    pairs = list(combinations([row for row in table.rows if row.planned], 2))
    judged = [_judge(a, b, higher_is_better=table.any.higher_is_better) for a, b in pairs]
    overall = omnibus_test([row.values for row in table.rows if _complete(row)])
    adjusted = [
        p if one.test == "fisher" else max(p, overall)
        for one, p in zip(judged, holm([one.p for one in judged]), strict=True)
    ]
    rank = holm([rank_test(_with_missing(a), _with_missing(b)) for a, b in pairs])
    solved = holm([_fisher(a, b) for a, b in pairs])
    unclear = sum(p >= ALPHA for p in adjusted)
    return [
        _contrast(a, b, one, p=p, rank_p=rank_p, fisher_p=fisher_p, unclear=unclear, alone=len(pairs) == 1)
        for (a, b), one, p, rank_p, fisher_p in zip(pairs, judged, adjusted, rank, solved, strict=True)
    ]


def best_group(table: TaskTable, found: Sequence[Contrast] | None = None) -> frozenset[Row]:
    """The rows to set in bold: that of the best mean, and those that the verdicts do not tell from it.

    Only rows with a score on every planned seed: a mean without its failures is no best one. Empty where no row is told
    from the best, since the seeds then say nothing. `found`: the table's contrasts, where they are there already.
    """
    complete = [row for row in table.ranked if _complete(row)]
    if not complete:
        return frozenset()
    # By place, not by label: two labels may read alike.
    rows = [row for row in table.rows if row.planned]
    places = list(combinations(range(len(rows)), 2))
    verdicts = {place: pair.verdict for place, pair in zip(places, found or contrasts(table), strict=True)}
    best = rows.index(complete[0])

    def told(row: Row) -> bool:
        place = rows.index(row)
        return verdicts.get((best, place)) == "better" or verdicts.get((place, best)) == "worse"

    if not any(told(row) for row in rows):
        return frozenset()
    return frozenset(row for row in complete if not told(row))


def _contrast(
    a: Row, b: Row, judged: _Judged, *, p: float, rank_p: float, fisher_p: float, unclear: int, alone: bool
) -> Contrast:
    told = p < ALPHA and judged.sign != 0
    measured = judged.test == "welch"
    return Contrast(
        task=a.task,
        a=a.architecture,
        b=b.architecture,
        difference=a.mean - b.mean,
        interval=difference_interval(a.values, b.values) if measured else None,
        test=judged.test,
        p=p,
        rank_p=rank_p,
        fisher_p=fisher_p,
        verdict=("better" if judged.sign > 0 else "worse") if told else "unclear",
        settles=_settles(a, b, unclear, alone=alone) if measured and not told else None,
        reason=judged.reason,
    )


def _judge(a: Row, b: Row, *, higher_is_better: bool) -> _Judged:
    """By the one test that fits the pair; p not adjusted yet."""
    missing = [row for row in (a, b) if not _complete(row)]
    if missing:
        reason = "; ".join(f"{row.architecture}: {row.failures}" for row in missing)
        return _Judged("fisher", _fisher(a, b), a.solved / len(a.planned) - b.solved / len(b.planned), reason)
    sign = (a.mean - b.mean) * (1 if higher_is_better else -1)
    if min(len(a.values), len(b.values)) < LEAST:
        return _Judged(None, 1.0, sign, f"fewer than {LEAST} seeds")
    p = welch_test(a.values, b.values)
    if p is None:
        return _Judged("rank", rank_test(a.values, b.values), sign, "no seed differs on either side")
    return _Judged("welch", p, sign, "")


def _settles(a: Row, b: Row, unclear: int, *, alone: bool) -> int | None:
    """At the level of Holm's next step. None where only the omnibus test held back, since what it holds against a pair
    may lie in other rows; of two rows `alone` it wants more ways to deal their scores out: one seed more."""
    seeds, there = seeds_to_settle(a.values, b.values, alpha=ALPHA / unclear), min(len(a.values), len(b.values))
    if seeds is None or seeds > there:
        return seeds
    return there + 1 if alone else None


def _complete(row: Row) -> bool:
    """Whether every planned seed has a score."""
    return 0 < len(row.planned) == len(row.scored)


def _fisher(a: Row, b: Row) -> float:
    return fisher((a.solved, len(a.planned), b.solved, len(b.planned)))


def _with_missing(row: Row) -> list[float]:
    worst = -math.inf if row.records[0].higher_is_better else math.inf
    return [record.value if row.has_score(record) else worst for record in row.planned]

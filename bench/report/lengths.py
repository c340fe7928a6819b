"""What a report says across the lengths of a task: who solves which, and how the gradient's half-life goes with it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from bench.ladder import BUDGET, SIZES, Ladder, ladders
from bench.record import Record
from bench.report.flow import END
from bench.report.labels import distinct
from bench.report.words import bold, count, some
from bench.stats import rank_correlation

_FREE = {*SIZES, *BUDGET}
"""Settings that may differ along a ladder and so tell none from another."""


@dataclass(frozen=True, eq=False)
class Climb:
    """The ladders of one task with at least two lengths, and their labels."""

    task: str
    ladders: tuple[Ladder, ...]
    labels: tuple[str, ...]
    """One a ladder. Untrusted text."""

    @cached_property
    def lengths(self) -> list[int]:
        """All lengths that were tried, ascending."""
        return sorted({rung.length for ladder in self.ladders for rung in ladder.rungs})

    @cached_property
    def points(self) -> "list[Point]":
        """A point a seed of which some half-life is known."""
        found = (_point(place, ladder, seed) for place, ladder in enumerate(self.ladders) for seed in ladder.longest)
        return [point for point in found if point]


@dataclass(frozen=True)
class Point:
    """One seed on one ladder: the longest length it solved, and the half-lives of the cell at that length."""

    ladder: int
    """Its place among the task's ladders."""
    longest: int | None
    """None: not even the shortest; the half-lives are then those at the shortest."""
    at_top: bool
    """It solved the longest length that was tried: how far it would go is not known."""
    init: float
    end: float
    """Half-lives in steps of the gradient with respect to h, or the input where there is no state; NaN unknown."""


def climbs(records: Iterable[Record]) -> list[Climb]:
    """The tasks with at least two lengths, by name."""
    by_task: dict[str, list[Ladder]] = {}
    for ladder in ladders(records):
        by_task.setdefault(ladder.task, []).append(ladder)
    found = [
        Climb(task, tuple(group), tuple(distinct([(each.architecture, _settings(each)) for each in group])))
        for task, group in sorted(by_task.items())
    ]
    return [climb for climb in found if len(climb.lengths) > 1]


def _settings(ladder: Ladder) -> dict[str, Any]:
    """What is the same at all lengths of a ladder."""
    each = [_flat(record) for record in ladder.records]
    return {
        key: value
        for key, value in each[0].items()
        if key not in _FREE and all(other.get(key) == value for other in each)
    }


def _flat(record: Record) -> dict[str, Any]:
    own = {"params": record.identity.get("params"), "backend": record.backend}
    return {**record.task_settings, **record.architecture_settings, **asdict(record.training), **own}


def _point(place: int, ladder: Ladder, seed: int) -> Point | None:
    longest = ladder.longest[seed]
    own = {int(record.task_settings["length"]): record for record in ladder.records if record.seed == seed}
    record = own[min(own) if longest is None else longest]
    init, end = _half_life(record, "init"), _half_life(record, END)
    if math.isnan(init) and math.isnan(end):
        return None
    return Point(place, longest, longest == ladder.rungs[-1].length, init, end)


def _half_life(record: Record, moment: str) -> float:
    flow = (record.gradient or {}).get(moment)
    state = next((state for state in ("h", "input", "c") if flow and state in flow.decay), None)
    return flow.decay[state].half_life if flow and state else math.nan


def success_words(climb: Climb) -> str:
    """The longest length that at least half of the seeds of each architecture solve."""
    groups: dict[int, list[str]] = {}
    for label, ladder in zip(climb.labels, climb.ladders, strict=True):
        longest = max((rung.length for rung in ladder.rungs if 2 * rung.solved >= rung.seeds), default=0)
        groups.setdefault(longest, []).append(label)
    parts = [f"{length or 'none'} for {some(labels)}" for length, labels in sorted(groups.items(), reverse=True)]
    seeds = sorted({rung.seeds for ladder in climb.ladders for rung in ladder.rungs})
    of = count(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    return (
        f"The longest length of {bold(climb.task)} that at least half of the seeds solve is {'; '.join(parts)}. "
        f"Of {of} a point; bars: exact 95 % intervals."
    )


def half_life_words(found: Sequence[Climb]) -> str:
    """Spearman's rho between half-life and longest length of each task, and how many seeds it is from."""
    shown = [climb for climb in found if climb.points]
    parts = [f"{bold(climb.task)} {_rho(climb.points, 'end')} at the end, {_rho(climb.points, 'init')} at init"
             for climb in shown]  # fmt: skip
    points = [point for climb in shown for point in climb.points]
    none, top = sum(point.longest is None for point in points), sum(point.at_top for point in points)
    remarks = [
        f"{count(none, 'seed')} solved not even the shortest: length 0, and the half-life at the shortest."
        if none
        else "",
        f"{count(top, 'seed')} solved the longest tried and might solve more." if top else "",
        "Seeds of one architecture are not independent, so read no significance into n.",
    ]
    rhos = f"Spearman's rho of half-life and longest solved length, over seeds: {'; '.join(parts)}."
    return " ".join([rhos, *filter(None, remarks)])


def _rho(points: Sequence[Point], moment: str) -> str:
    pairs = [(value, point.longest or 0) for point in points if not math.isnan(value := getattr(point, moment))]
    rho = rank_correlation(*zip(*pairs, strict=True), draws=1).rho if len(pairs) > 1 else math.nan
    return f"{'unknown' if math.isnan(rho) else f'{rho:.2f}'} (n = {len(pairs)})"

"""The course of every number over committed baselines, and where it changed. Pure.

A series is one quantity of what was asked for: task, architecture, settings, conditions, backend, threads and seeds.
Times are counted in those of the reference product of their own job, and belong to one machine; everything else is one
series over all machines. What a run trains is the same number again as long as nothing changes, so that any change of
it is certain and may still be one of luck: where the seeds of the baselines on either side do not tell, it is no alert.
A cell that loses its score, as a seed of it fails or is no longer measured, is a certain change for the worse.
"""

import json
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from bench.acknowledged import Known
from bench.baseline import Baseline
from bench.compare import groups
from bench.gates import half_life
from bench.quantities import STEP_RATIO, scored
from bench.record import Record
from bench.stats import LEVEL, change_points, mean_interval, rank_test
from bench.stats.change_points import LEAST

Direction = Literal["better", "worse", "changed"]
DIRECTIONS: Final[tuple[Direction, ...]] = ("worse", "better", "changed")
SCORE: Final = "score"


@dataclass(frozen=True)
class Quantity:
    """What is followed: `of` a record, and how the seeds are put together."""

    name: str
    of: Callable[[Record], float]
    better: Literal["higher", "lower", "metric", ""] = ""
    """Which way; "metric": as the task's; "": neither, both are a change."""
    mean: bool = False
    """Of the seeds; else their median."""
    scale: Callable[[Record], float | None] = lambda _: None
    """What an effect is a share of; None: the level before."""
    kind: Literal["trained", "exact", "time"] = "trained"
    """Exact: any difference is one. Time: of one machine."""


def _steps(record: Record) -> float:
    return math.inf if record.steps_to_target is None else float(record.steps_to_target)


def _score_scale(record: Record) -> float | None:
    """The way from chance to the target, as of the margins of `compare`."""
    way = abs(record.target - record.chance)
    return way if 0 < way < math.inf else None


def _count(name: str) -> Callable[[Record], float]:
    return lambda record: math.nan if getattr(record, name) is None else float(getattr(record, name))


QUANTITIES: Final = (
    Quantity(SCORE, lambda r: r.value if scored(r) else math.nan, "metric", mean=True, scale=_score_scale),
    Quantity("solved", lambda r: float(r.solved), "higher", mean=True, scale=lambda _: 1.0),
    Quantity("steps to target", _steps, "lower"),
    Quantity(STEP_RATIO, lambda r: r.step_ratio, "lower", kind="time"),
    Quantity("peak megabytes", lambda r: _count("peak_bytes")(r) / 1e6, "lower", kind="time"),
    Quantity("parameters", _count("parameters"), "lower", kind="exact"),
    Quantity("flops per sample", _count("flops_per_sample"), "lower", kind="exact"),
    Quantity("gradient norm", lambda r: r.gradient_norm.last if r.gradient_norm else math.nan),
    *(
        Quantity(f"half-life of {state} at {moment}", partial(half_life, moment=moment, state=state))
        for state in ("h", "c", "input")
        for moment in ("init", "end")
    ),
)


@dataclass(frozen=True)
class Point:
    """One baseline's number."""

    baseline: int
    """Its place in the history."""
    value: float
    """Infinite or NaN where there is none; `note` says why."""
    seconds: float | None = None
    """Of a time, as measured."""
    note: str = ""


@dataclass(frozen=True)
class Change:
    """A change of level."""

    place: int
    """Of the first point of the new level, in its series."""
    before: float
    after: float
    """NaN where a score is lost."""
    p: float
    direction: Direction
    known: Known | None = None
    """Who acknowledged it, and why."""
    seeds_tell: bool = True
    """The seeds of the baselines on either side are told apart."""

    @property
    def loss(self) -> bool:
        """There is no number any more."""
        return math.isnan(self.after)

    @property
    def alert(self) -> bool:
        """It is news."""
        return self.known is None and self.seeds_tell


@dataclass(frozen=True)
class Series:
    """One quantity of one cell over the baselines that have it."""

    quantity: Quantity
    record: Record
    """A record, for what all share: names and settings. The newest."""
    seeds: tuple[int, ...]
    machine: str | None
    """Of a time, the machine's id."""
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()

    @property
    def finite(self) -> list[int]:
        """Places of the points that have a number."""
        return [place for place, point in enumerate(self.points) if math.isfinite(point.value)]

    @property
    def short(self) -> bool:
        """There are too few points for any change to show."""
        return self.quantity.kind != "exact" and len(self.finite) < 2 * LEAST


@dataclass(frozen=True)
class History:
    """Baselines, oldest first, and the series over them."""

    paths: tuple[Path, ...]
    baselines: tuple[Baseline, ...]
    series: tuple[Series, ...]
    unmatched: tuple[Known, ...]
    """What was acknowledged and did not happen."""

    @property
    def changes(self) -> list[tuple[Series, Change]]:
        """All of them, alerts first."""
        found = [(series, change) for series in self.series for change in series.changes]
        return sorted(found, key=lambda pair: not pair[1].alert)

    @property
    def alerts(self) -> list[tuple[Series, Change]]:
        """What is news."""
        return [(series, change) for series, change in self.changes if change.alert]

    def when(self, point: Point) -> datetime:
        """When the commit of a point was made."""
        return self.baselines[point.baseline].committed_at


def history(found: Mapping[Path, Baseline], known: Sequence[Known] = ()) -> History:
    """The series over baselines, oldest first (bench.baseline.read_folder), with their changes.

    `known`: changes that are acknowledged.
    """
    baselines = [*found.values()]
    used: set[Known] = set()
    series = []
    for one in _series(baselines):
        judged = tuple(_acknowledged(one, change, baselines, known) for change in _changes(one, baselines))
        used |= {change.known for change in judged if change.known}
        series.append(replace(one, changes=judged))
    # What came last is acknowledged before it can show.
    latest = [baseline.commit for baseline in baselines[-LEAST:]]
    unmatched = tuple(
        each for each in known if each not in used and not any(commit.startswith(each.commit) for commit in latest)
    )
    return History(tuple(found), tuple(baselines), tuple(series), unmatched)


def _series(baselines: Sequence[Baseline]) -> Iterator[Series]:
    """Every quantity of every group that has a number somewhere, in the order of the quantities within a group."""
    asked = [groups(baseline.records) for baseline in baselines]
    cells: dict[str, list[tuple[int, tuple[Record, ...]]]] = {}
    for place, found in enumerate(asked):
        for key, group in found.items():
            seeds = [record.seed for record in group]
            cells.setdefault(json.dumps([key, seeds]), []).append((place, group))
    order = sorted(cells, key=lambda key: (cells[key][-1][1][0].task, cells[key][-1][1][0].architecture, key))
    for key in order:
        newest = cells[key][-1][1]
        for quantity in QUANTITIES:
            split: dict[str | None, list[Point]] = {}
            for place, group in cells[key]:
                machine = baselines[place].machine_id if quantity.kind == "time" else None
                split.setdefault(machine, []).append(_point(quantity, place, group))
            if quantity.name == SCORE and (gone := _gone(*cells[key][-1], asked, baselines)) is not None:
                split[None].append(Point(gone, math.nan, note="no longer in the baseline"))
            for machine, points in split.items():
                if any(math.isfinite(point.value) for point in points):
                    yield Series(quantity, newest[0], tuple(record.seed for record in newest), machine, tuple(points))


def _gone(
    last: int, group: Sequence[Record], asked: Sequence[Mapping[str, Sequence[Record]]], baselines: Sequence[Baseline]
) -> int | None:
    """The first baseline that lacks a cell or seeds of it, there last in the `last`, which its predecessor had.

    None where they come back.
    """
    key, seeds = _identity(group[0]), {record.seed for record in group}
    has = [seeds <= {record.seed for record in found.get(key, ())} for found in asked]
    later = range(last + 1, len(baselines))
    if any(has[place] for place in later):
        return None
    return next((place for place in later if (at := _before(place, asked, baselines)) is not None and has[at]), None)


def _before(place: int, asked: Sequence[Mapping[str, Sequence[Record]]], baselines: Sequence[Baseline]) -> int | None:
    """The predecessor of a baseline: of the earlier ones of its machine, else of all, that with most cells in common.

    A folder may hold baselines of several suites and backends, and not every machine need measure the same. None where
    none has a cell in common.
    """
    own = [at for at in range(place) if baselines[at].machine_id == baselines[place].machine_id]
    cells = asked[place].keys()

    def common(at: int) -> float:
        return len(cells & asked[at].keys()) / len(cells | asked[at].keys())

    found = max(own or range(place), key=lambda at: (common(at), at), default=None)
    return found if found is not None and common(found) > 0 else None


def _point(quantity: Quantity, place: int, group: Sequence[Record]) -> Point:
    values = [quantity.of(record) for record in group]
    if quantity.kind != "trained":  # measured or counted once for all seeds
        known = [value for value in values if math.isfinite(value)]
        seconds = next((r.step_seconds.p50 for r in group if r.step_seconds), None)
        return Point(place, known[0] if known else math.nan, seconds if quantity.name == STEP_RATIO else None)
    lost = sum(not scored(record) for record in group)
    note = f"{lost} of {len(group)} seeds without a score" if lost else ""
    if any(map(math.isnan, values)):  # a mean over those that are left would hide the others
        return Point(place, math.nan, note=note or "not measured on every seed")
    return Point(place, statistics.fmean(values) if quantity.mean else statistics.median(values), note=note)


def _changes(series: Series, baselines: Sequence[Baseline]) -> list[Change]:
    return sorted([*_losses(series), *_level_changes(series, baselines)], key=lambda change: change.place)


def _losses(series: Series) -> Iterator[Change]:
    """Where a score ends. What else has no number is without one for the same reason, or was not measured."""
    if series.quantity.name != SCORE:
        return
    for place, (before, after) in enumerate(pairwise(point.value for point in series.points), 1):
        if math.isfinite(before) and not math.isfinite(after):
            yield Change(place, before, math.nan, 0.0, "worse")


def _level_changes(series: Series, baselines: Sequence[Baseline]) -> Iterator[Change]:
    places = series.finite
    values = [series.points[place].value for place in places]
    if series.quantity.kind == "exact":
        for i in range(1, len(values)):
            if values[i] != values[i - 1]:
                yield Change(places[i], values[i - 1], values[i], 0.0, _direction(series, values[i] - values[i - 1]))
        return
    for point in change_points(values, scale=series.quantity.scale(series.record)):
        sides = [series.points[places[at]].baseline for at in (point.at - 1, point.at)]
        yield Change(
            places[point.at], point.before, point.after, point.p, _direction(series, point.after - point.before),
            seeds_tell=series.quantity.kind == "time" or _seeds_tell(series, *(baselines[side] for side in sides)),
        )  # fmt: skip


def _direction(series: Series, difference: float) -> Direction:
    better = series.quantity.better
    if not better:
        return "changed"
    higher = series.record.higher_is_better if better == "metric" else better == "higher"
    return "better" if (difference > 0) == higher else "worse"


def _seeds_tell(series: Series, before: Baseline, after: Baseline) -> bool:
    """Student's interval of the differences, seed by seed, leaves out 0; ranks where a seed never got there.

    Of logarithms where all numbers of both sides have one, but for scores and shares. Also where there are too few
    seeds to say.
    """
    first, second = (_by_seed(series, baseline) for baseline in (before, after))
    values = [*first.values(), *second.values()]
    if not all(map(math.isfinite, values)):
        return rank_test([*first.values()], [*second.values()]) <= 1 - LEVEL
    scaled = math.log if not series.quantity.mean and min(values) > 0 else float
    interval = mean_interval([scaled(second[seed]) - scaled(first[seed]) for seed in first.keys() & second.keys()])
    return interval is None or not interval.low <= 0 <= interval.high


def _by_seed(series: Series, baseline: Baseline) -> dict[int, float]:
    """Numbers by seed."""
    wanted, of = _identity(series.record), series.quantity.of
    group = next(group for group in groups(baseline.records).values() if _identity(group[0]) == wanted)
    return {record.seed: of(record) for record in group}


def _identity(record: Record) -> str:
    return next(iter(groups([record])))


def _acknowledged(series: Series, change: Change, baselines: Sequence[Baseline], known: Iterable[Known]) -> Change:
    """The change with who acknowledged it: the commit is that of the new level's first point.

    Or next to it, but not of what is exact or lost: only a change point is placed within one.
    """
    off = 0 if change.loss or series.quantity.kind == "exact" else 1
    near = range(max(change.place - off, 0), min(change.place + off + 1, len(series.points)))
    commits = [baselines[series.points[place].baseline].commit for place in near]
    for each in known:
        if each.covers(series.record.task, series.record.architecture, series.quantity.name, commits):
            return replace(change, known=each)
    return change

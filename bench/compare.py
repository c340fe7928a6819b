"""Two sets of results, matched cell by cell: what became better, worse, or is missing. Pure.

A cell's id holds the code and the versions it was measured with, which are what a comparison wants to differ. So cells
match by what a user asked for: task, architecture, their settings, training conditions, `params`, backend and threads.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from bench.errors import count
from bench.gates import Curves, gradient_gates, gradient_warnings
from bench.quantities import (
    STEP,
    STEP_RATIO,
    Quantity,
    Verdict,
    exact,
    failures,
    judge,
    score,
    solved,
    step_seconds,
    steps_to_target,
)
from bench.record import Record
from bench.task import WATCHING

POINT: Final = 0.01
"""Margin of accuracies: one point."""
MARGINS: Final = {"mnist": 0.003}
"""Margins of tasks on which a point is too much."""
SHARE: Final = 0.01
"""Margin of other metrics, as a share of the way from chance to the target."""
VERDICTS: Final[tuple[Verdict, ...]] = ("failed", "missing", "worse", "better", "unclear", "equivalent", "new")
"""The gravest first."""
_GRAVE: Final = VERDICTS[:3]


class Difference(NamedTuple):
    """A condition that is not the same on both sides, with all its values on either."""

    name: str
    base: tuple[str, ...]
    head: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One architecture on one task: records that differ in seed, by seed. A side is empty where it has none."""

    base: tuple[Record, ...]
    head: tuple[Record, ...]
    quantities: tuple[Quantity, ...]
    warnings: tuple[str, ...] = ()

    @property
    def any(self) -> Record:
        """A record, for what all of the row share."""
        return (self.head or self.base)[0]

    @property
    def verdict(self) -> Verdict:
        """The gravest of failed, missing and worse that any quantity shows, else what the first, the score, shows."""
        shown = {quantity.verdict for quantity in self.quantities if not quantity.advisory}
        return next((verdict for verdict in _GRAVE if verdict in shown), self.quantities[0].verdict)


@dataclass(frozen=True)
class Comparison:
    """All rows, by task and architecture, and what else differs between the sides."""

    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]

    @property
    def common(self) -> int:
        """Rows that both sides have."""
        return sum(bool(row.base and row.head) for row in self.rows)

    @property
    def counts(self) -> dict[Verdict, int]:
        """Rows by verdict, the gravest first."""
        found = Counter(row.verdict for row in self.rows)
        return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}

    @property
    def tested(self) -> int:
        """Quantities in the family whose error is controlled."""
        return sum(quantity.p is not None for row in self.rows for quantity in row.quantities)


def _no_curves(_: Record) -> Mapping[str, np.ndarray]:
    return {}


def compare(
    base: Iterable[Record],
    head: Iterable[Record],
    *,
    curves: tuple[Curves, Curves] = (_no_curves, _no_curves),
    margins: Mapping[str, float] | None = None,
    speed: bool = False,
    relative: bool = False,
) -> Comparison:
    """HEAD against BASE.

    `curves`: the arrays beside a record of either side. `margins`: by task, in its metric; "" for all other tasks.
    `speed`: also compare times of different machines and versions, and let them decide.
    `relative`: times are counted in those of the reference product of the same job (Record.step_ratio).
    """
    sides = [_side(records) for records in (base, head)]
    notes = [note for name, (_, older) in zip(("BASE", "HEAD"), sides, strict=True) if (note := _several(name, older))]
    (before, _), (after, _) = sides
    keys = sorted(before.keys() | after.keys(), key=lambda key: _place((after.get(key) or before[key])[0]))
    rows = [_row(before.get(key, ()), after.get(key, ()), curves, margins or {}, (speed, relative)) for key in keys]
    shared = [row for row in rows if row.base and row.head]
    if not speed and any(map(_left_untold, shared)):
        notes.append("Times are not compared, since machines or versions differ; --speed compares them all the same.")
    return Comparison(_settled(rows), tuple(_differences(shared)), tuple(notes))


def margin_of(record: Record, margins: Mapping[str, float]) -> float | None:
    """How far off still counts as equivalent on the record's task; None where nothing says."""
    given = margins.get(record.task, margins.get(""))
    if given is not None:
        return given
    if record.metric == "accuracy":
        return MARGINS.get(record.task, POINT)
    share = SHARE * abs(record.target - record.chance)
    return share if 0 < share < math.inf else None


def apart(base: Iterable[Record], head: Iterable[Record]) -> str:
    """What keeps the nearest cells of two sides that have none in common from matching; empty where nothing is near."""
    named: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in base:
        named.setdefault((record.task, record.architecture), []).append(_asked(record))
    nearest: list[str] | None = None
    for record in head:
        asked = _asked(record)
        for other in named.get((record.task, record.architecture), []):
            found = [f"{key} {other[key]} and {asked[key]}" for key in asked if other.get(key) != asked[key]]
            nearest = found if nearest is None or len(found) < len(nearest) else nearest
    return ", ".join(nearest or [])


def _row(
    base: Sequence[Record],
    head: Sequence[Record],
    curves: tuple[Curves, Curves],
    margins: Mapping[str, float],
    times: tuple[bool, bool],
) -> Row:
    if not (base and head):
        verdict: Verdict = "missing" if base else "failed" if (reason := failures(head)) else "new"
        note = _absent(base or head, verdict) + (f"; {reason}" if verdict == "failed" else "")
        return Row(tuple(base), tuple(head), (Quantity("score", verdict, note=note),))
    # What one side has beyond the other's seeds would only blur the pairs; that it did not end ok still counts.
    before, after = _alike(base, head)
    failed = failures(base) or failures(head)
    shared = [
        score(base if failed else before, head if failed else after, margin_of(head[0], margins)),
        solved(before, after),
        steps_to_target(before, after),
        exact("parameters", base, head),
        exact("embedding_parameters", base, head),
        exact("flops_per_sample", base, head),
        step_seconds(base, head, asked=times[0], relative=times[1]),
        _seeds(base, head),
        *gradient_gates(base, head, *curves),
    ]
    quantities = tuple(quantity for quantity in shared if quantity is not None)
    return Row(tuple(base), tuple(head), quantities, tuple(gradient_warnings(before, after)))


def _alike(base: Sequence[Record], head: Sequence[Record]) -> tuple[Sequence[Record], Sequence[Record]]:
    """The seeds of both sides where one has all of the other's, else both as they are."""
    common = {record.seed for record in base} & {record.seed for record in head}
    if len(common) < min(len(base), len(head)):
        return base, head
    return [record for record in base if record.seed in common], [record for record in head if record.seed in common]


def _left_untold(row: Row) -> bool:
    """Both sides were timed, and their times are not among the quantities."""
    timed = all(any(record.step_seconds for record in side) for side in (row.base, row.head))
    return timed and all(quantity.name not in (STEP, STEP_RATIO) for quantity in row.quantities)


def _absent(there: Sequence[Record], verdict: Verdict) -> str:
    return f"in {'BASE' if verdict == 'missing' else 'HEAD'} alone, {count(len(there), 'seed')}"


def _seeds(base: Sequence[Record], head: Sequence[Record]) -> Quantity | None:
    gone = sorted({record.seed for record in base} - {record.seed for record in head})
    if not gone:
        return None
    note = f"seed {', '.join(map(str, gone[:8]))}{', ...' * (len(gone) > 8)} of BASE is not in HEAD"
    return Quantity("seeds", "missing", len(base), len(head), higher_is_better=True, note=note)


def _settled(rows: Sequence[Row]) -> tuple[Row, ...]:
    judged = iter(judge([quantity for row in rows for quantity in row.quantities]))
    return tuple(replace(row, quantities=tuple(next(judged) for _ in row.quantities)) for row in rows)


def groups(records: Iterable[Record]) -> dict[str, tuple[Record, ...]]:
    """The records that were to train, by what was asked for: a group differs in seed, and each record is the newest."""
    return _side(records)[0]


def _side(records: Iterable[Record]) -> tuple[dict[str, tuple[Record, ...]], int]:
    """The records that were to train, by what was asked for; of several of one seed the newest, and how many older."""
    newest: dict[tuple[str, int], Record] = {}
    planned = [record for record in records if record.status != "skipped"]
    for record in sorted(planned, key=lambda record: (record.measured_at, record.cell_id)):
        newest[_key(record), record.seed] = record
    found: dict[str, list[Record]] = {}
    for (key, _), record in sorted(newest.items(), key=lambda item: item[0]):
        found.setdefault(key, []).append(record)
    return {key: tuple(group) for key, group in found.items()}, len(planned) - len(newest)


def _several(side: str, older: int) -> str:
    return f"{side}: {count(older, 'record')} left out for newer ones of the same cell" if older else ""


def _asked(record: Record) -> dict[str, Any]:
    """All that a user decides about a cell, but its seed and what is only watched."""
    learned = {f"training.{key}": value for key, value in asdict(record.training).items() if key not in WATCHING}
    return {
        "task": record.task,
        **{f"{record.task}.{key}": value for key, value in record.task_settings.items()},
        "architecture": record.architecture,
        **{f"{record.architecture}.{key}": value for key, value in record.architecture_settings.items()},
        **learned,
        "params": record.identity.get("params"),
        "backend": record.backend,
        "threads": record.identity.get("threads"),
    }


def _key(record: Record) -> str:
    # Pairs in place of an object: a task's setting may have the name of an architecture's.
    return json.dumps([record.task_settings, record.architecture_settings, _asked(record)], sort_keys=True)


def _place(record: Record) -> tuple[Any, ...]:
    """Sorts by task, architecture and settings, numbers by value."""

    def values(settings: Mapping[str, Any]) -> list[tuple[str, int, float, str]]:
        numeric = {key: isinstance(value, int | float) for key, value in settings.items()}
        return [
            (key, 0, float(value), "") if numeric[key] else (key, 1, 0.0, str(value))
            for key, value in sorted(settings.items())
        ]

    own = (values(record.task_settings), record.architecture, values(record.architecture_settings))
    return (record.task, *own, _key(record))


def _differences(rows: Sequence[Row]) -> Iterator[Difference]:
    """Code, libraries, machine and device over the rows that both sides have, and the data of every task."""
    sides = [
        _conditions(record for row in rows for record in row.base),
        _conditions(record for row in rows for record in row.head),
    ]
    for name in [*dict.fromkeys([*sides[0], *sides[1]])]:
        base, head = (tuple(sorted(side.get(name, ()))) for side in sides)
        if base != head and base and head:
            yield Difference(name, base, head)


def _conditions(records: Iterable[Record]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for record in records:
        if where := record.conditions:
            known = {"archbench": where.code, **where.libraries, **where.machine, "device": where.device}
            known[f"data of {record.task}"] = where.data_hash[:12]
            for name, value in known.items():
                found.setdefault(name, set()).add(str(value))
    return found

"""Several runs read as one: each cell once, and what a reader has to know about how that came about."""

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import numpy as np

from bench.errors import count
from bench.record import Conditions, Record
from bench.store import Store

_DECIDED: Final = {"status", "best", "final", "solved", "steps_to_target", "parameters"}
"""Fields that the id of a cell decides: where they differ, two records of one cell contradict each other."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_SHOWN: Final = 3
"""Cells that a note names before 'and n more'."""


class Runs(NamedTuple):
    """The records of one or more runs."""

    records: list[Record]
    """One a cell, by cell id, with its speed."""
    curves: Callable[[Record], Mapping[str, np.ndarray]]
    """Finds the arrays stored with any of them."""
    notes: list[str]
    """Sentences on cells that are planned and missing, that lie in several runs, that contradict each other, and on
    several machines. Untrusted text."""
    missing: int | None = 0
    """Cells of the runs' plans that have no record here; None where it is not known how many."""


def read_runs(stores: Iterable[Store]) -> Runs:
    """Read runs as one; a folder given twice is read once. Raises StoreError as `Store.records` does."""
    named = _named(list({store.folder.resolve(): store for store in stores}.values()))
    found: dict[str, list[tuple[str, Record]]] = {}
    for name, store in named.items():
        for record in store.records():
            found.setdefault(record.cell_id, []).append((name, record))
    chosen = {cell: max(found[cell], key=lambda each: _weight(each[1])) for cell in sorted(found)}
    records = [record for _, record in chosen.values()]
    notes = [*_missing(named, found), *_several(chosen, found), *_machines(records)]
    missing = _number_missing(named.values(), found)
    return Runs(records, lambda record: named[chosen[record.cell_id][0]].curves(record), notes, missing)


def unfinished(name: str, store: Store, found: Container[str]) -> str | None:
    """A sentence on the cells that the run's plan has and `found`, by id, has not; None where there are none.

    After the records were read, which tells the damaged ones.
    """
    planned = store.planned()
    if planned is None:
        return f"{name}: its plan.json cannot be read: whether cells are missing here is not known."
    ended = sum(cell in found for cell in planned)
    if ended == len(planned):
        return None
    cells = count(len(planned), "planned cell")
    why = "their records are damaged, or the run" if store.damaged else "the run"
    return f"{name}: {ended} of {cells} ended; the others are missing here, as {why} is under way or was stopped."


def latest(records: Iterable[Record]) -> list[Record]:
    """One record a cell, by cell id, whatever their order: the newest that ended ok, else the newest."""
    found = {record.cell_id: record for record in sorted(records, key=_weight)}
    return [found[cell_id] for cell_id in sorted(found)]


def _weight(record: Record) -> tuple[Any, ...]:
    """The record with the greatest counts. Two that differ never weigh the same, so that no order decides."""
    timed = record.speed.measured_at if record.speed else _NEVER
    return record.status == "ok", record.measured_at, timed, record.checksum or repr(record)


def _named(stores: Sequence[Store]) -> dict[str, Store]:
    """Runs by the name of their folder, or as they were given where that does not tell them apart."""
    short = [store.folder.resolve().name for store in stores]
    names = short if len(set(short)) == len(short) else [str(store.folder) for store in stores]
    return dict(zip(names, stores, strict=True))


def _missing(named: Mapping[str, Store], found: Mapping[str, Any]) -> Iterator[str]:
    for name, store in named.items():
        if (said := unfinished(name, store, found)) is not None:
            yield said
        if store.damaged:
            yield f"{name}: {count(len(store.damaged), 'damaged record')} left out."


def _number_missing(stores: Collection[Store], found: Mapping[str, Any]) -> int | None:
    plans = [store.planned() for store in stores]
    known = {cell for plan in plans if plan is not None for cell in plan}
    doubtful = None in plans or any(store.damaged for store in stores)
    return len(known - found.keys()) or (None if doubtful else 0)


def _several(
    chosen: Mapping[str, tuple[str, Record]], found: Mapping[str, Sequence[tuple[str, Record]]]
) -> Iterator[str]:
    """Cells of two runs: how many agree, and which do not."""
    same: Counter[tuple[str, str]] = Counter()
    other: dict[tuple[str, str], list[str]] = {}
    for cell, (name, record) in chosen.items():
        for rival, second in found[cell]:
            if rival != name and _decided(second) == _decided(record):
                same[name, rival] += 1
            elif rival != name:
                which = f"{record.task} {record.architecture} seed {record.seed}"
                other.setdefault((name, rival), []).append(f"{which}: {_result(record)} and {_result(second)}")
    for (name, rival), number in same.items():
        yield f"{count(number, 'cell')} of {name} and {rival} with the same result count once."
    for (name, rival), cells in other.items():
        more = f"; and {len(cells) - _SHOWN} more" if len(cells) > _SHOWN else ""
        yield (
            f"{name} and {rival} contradict each other in {count(len(cells), 'cell')} of the same settings, seed and "
            f"code; {name} counts, as it ended ok or is newer: {'; '.join(cells[:_SHOWN])}{more}."
        )


def _decided(record: Record) -> str:
    return record.model_dump_json(include=_DECIDED)  # as text, in which NaN equals NaN


def _result(record: Record) -> str:
    return f"{record.value:.6g}" if record.status == "ok" else record.status


def _machines(records: Iterable[Record]) -> Iterator[str]:
    counts = Counter(_machine(record.conditions) for record in records if record.conditions)
    if len(counts) > 1:
        each = "; ".join(f"{machine}: {count(counts[machine], 'cell')}" for machine in sorted(counts))
        yield f"Measured on {len(counts)} machines, whose times do not compare: {each}."


def _machine(found: Conditions) -> str:
    return f"{found.machine.get('processor', 'unknown')}, {found.machine.get('cores', '?')} cores, {found.device}"

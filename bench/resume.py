"""Which cells of a plan are finished already, and why the others are not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.plan import Cell
from bench.record import Record

FINISHED = ("ok", "diverged", "skipped")
"""Statuses that the same cell would reach again; the others are tried again."""


@dataclass(frozen=True)
class Todo:
    """A cell to train, and why it cannot be reused."""

    cell: Cell
    why: str


def resume(cells: Iterable[Cell], records: Sequence[Record]) -> tuple[list[Record], list[Todo]]:
    """The finished records of the plan, and the cells that are left."""
    by_id = {record.cell_id: record for record in records}
    alike: dict[tuple[str, str, int], list[Record]] = {}
    for record in records:
        alike.setdefault((record.task, record.architecture, record.seed), []).append(record)
    reused, todo = [], []
    for cell in cells:
        found = by_id.get(cell.id)
        if found is not None and found.status in FINISHED:
            reused.append(found)
        elif found is not None:
            todo.append(Todo(cell, f"the last attempt ended as {found.status}"))
        else:
            todo.append(Todo(cell, _difference(cell, alike.get((cell.task, cell.architecture, cell.seed), []))))
    return reused, todo


def estimate(cells: Sequence[Cell], records: Iterable[Record], workers: int) -> tuple[float, int]:
    """Seconds that training the cells may take, from stored records of the same pairs, and how many have none."""
    known: dict[tuple[str, ...], list[float]] = {}
    for record in records:
        if record.wall_seconds is not None and record.status == "ok":
            key = _pair(record.task, record.task_settings, record.architecture, asdict(record.training))
            known.setdefault(key, []).append(record.wall_seconds)
    total, unknown = 0.0, 0
    for cell in cells:
        seconds = known.get(_pair(cell.task, cell.task_settings, cell.architecture, asdict(cell.training)))
        if seconds is None:
            unknown += 1
        else:
            total += sum(seconds) / len(seconds)
    return total / min(workers, max(1, len(cells))), unknown


def _pair(task: str, settings: Mapping[str, Any], architecture: str, training: Mapping[str, Any]) -> tuple[str, ...]:
    return task, str(sorted(settings.items())), architecture, str(sorted(training.items()))


def _difference(cell: Cell, records: Sequence[Record]) -> str:
    """What sets a cell apart from the nearest stored one."""
    changes = [_changes(record.identity, cell.identity) for record in records]
    if not changes:
        return "not run before"
    nearest = min(changes, key=len)
    return "changed: " + ", ".join(nearest)


def _changes(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _changes(before, after, f"{key}.")
        elif before != after:
            found.append(f"{prefix}{key} {before} -> {after}")
    return found

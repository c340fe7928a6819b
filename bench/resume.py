"""Which cells of a plan are finished already, why the others are not, and what these may cost."""

from collections import defaultdict
from collections.abc import Container, Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from bench.plan import Cell
from bench.record import Record

FINISHED = ("ok", "diverged", "skipped")
"""Statuses that the same cell would reach again; the others are tried again."""


_Key = tuple[Hashable, ...]


@dataclass(frozen=True)
class Todo:
    """A cell to train, and why it cannot be reused."""

    cell: Cell
    why: str


def resume(
    cells: Iterable[Cell], records: Sequence[Record], damaged: Container[str] = ()
) -> tuple[list[Record], list[Todo]]:
    """The finished records of the plan, and the cells that are left. `damaged`: ids of cells whose record is."""
    by_id = {record.cell_id: record for record in records}
    alike: dict[tuple[str, str, int], list[Record]] = {}
    for record in records:
        alike.setdefault((record.task, record.architecture, record.seed), []).append(record)
    reused, todo = [], []
    for cell in cells:
        found = by_id.get(cell.id)
        if found is not None and found.status in FINISHED:
            reused.append(found)
        elif cell.id in damaged:
            todo.append(Todo(cell, "a record of it is damaged"))
        elif found is not None:
            todo.append(Todo(cell, f"the last attempt ended as {found.status}"))
        else:
            todo.append(Todo(cell, _difference(cell, alike.get((cell.task, cell.architecture, cell.seed), []))))
    return reused, todo


@dataclass(frozen=True)
class Cost:
    """Seconds that a seed of a group takes, and beyond that the first cell of a program, which is then compiled."""

    seconds: float
    setup: float


class Costs:
    """What cells cost, learned from finished records of like cells."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._first: dict[_Key, _Sums] = defaultdict(_Sums)
        self._later: dict[_Key, _Sums] = defaultdict(_Sums)
        self._groups: dict[str, set[_Key]] = defaultdict(set)
        self._beyond: dict[str, float] = {}
        for record in records:
            self.learn(record)

    def learn(self, record: Record) -> None:
        """Take a record into account."""
        if record.wall_seconds is None or record.status != "ok":
            return
        kind, keys = self._later if record.compile_seconds is None else self._first, _keys(record)
        for key in keys:
            kind[key].add(record.wall_seconds, record.compile_seconds or 0.0, record.train_seconds or 0.0)
        self._groups[record.backend].add(keys[0])
        self._beyond.pop(record.backend, None)

    def of(self, cell: Cell) -> Cost | None:
        """From records of the same group, else of the same pair and training; None where there are none."""
        for key in _keys(cell):
            first, later = self._first.get(key), self._later.get(key)
            if later:
                return Cost(later.wall, max(0.0, first.wall - later.wall) if first else 0.0)
            if first:  # a later cell takes as long as its training steps at least, which leave out the first
                setup = min(max(first.setup, self._usual(cell.backend)), max(0.0, first.wall - first.trained))
                return Cost(first.wall - setup, setup)
        return None

    def _usual(self, backend: str) -> float:
        """What first cells took longer than later ones, on average over the groups where both are known.

        The time of the first step is a part of it: data, model, draws and probes are built and compiled too.
        """
        if backend not in self._beyond:
            both = [key for key in self._groups[backend] if key in self._first and key in self._later]
            beyond = [self._first[key].wall - self._later[key].wall for key in both]
            self._beyond[backend] = max(0.0, fmean(beyond)) if beyond else 0.0
        return self._beyond[backend]


@dataclass
class _Sums:
    count: int = 0
    walls: float = 0.0
    setups: float = 0.0
    trainings: float = 0.0

    def add(self, wall: float, setup: float, trained: float) -> None:
        self.count, self.walls, self.setups = self.count + 1, self.walls + wall, self.setups + setup
        self.trainings += trained

    @property
    def wall(self) -> float:
        return self.walls / self.count

    @property
    def setup(self) -> float:
        return self.setups / self.count

    @property
    def trained(self) -> float:
        return self.trainings / self.count


def estimate(cells: Sequence[Cell], records: Iterable[Record], workers: int) -> tuple[float, int]:
    """Seconds that training the cells may take, from stored records of like cells, and how many have none."""
    costs = Costs(records)
    known = [(cell.program, cost) for cell in cells if (cost := costs.of(cell)) is not None]
    setups: dict[str, float] = {}
    for program, cost in known:
        setups[program] = max(setups.get(program, 0.0), cost.setup)
    total = sum(cost.seconds for _, cost in known) + sum(setups.values())
    longest = max((cost.seconds + setups[program] for program, cost in known), default=0.0)
    return max(total / workers, longest), len(cells) - len(known)


def like(cells: Sequence[Cell], records: Iterable[Record]) -> list[list[Record]]:
    """Of each cell the records of the same group, else of the same pair and training."""
    by_key: dict[_Key, list[Record]] = {key: [] for cell in cells for key in _keys(cell)}
    for record in records:
        for key in _keys(record):
            if key in by_key:
                by_key[key].append(record)
    return [next((by_key[key] for key in _keys(cell) if by_key[key]), []) for cell in cells]


def _keys(of: Cell | Record) -> tuple[_Key, _Key]:
    """What like cells share, the likest first."""
    pair = of.task, frozenset(of.task_settings.items()), of.architecture, of.training
    return (*pair, frozenset(of.architecture_settings.items()), of.backend), pair


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

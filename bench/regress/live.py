"""Measures one generation, and takes one fingerprint, with a live worker of either side."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.errors import BenchError, StoreError, shown
from bench.execute.machine import affinity, cpus_of
from bench.plan import Flags, seeds_of
from bench.record import Record
from bench.regress.child import Child
from bench.regress.detector import PAIRS, STEPS, Generation, LostError, generation
from bench.regress.report import Step
from bench.regress.sides import Side
from bench.regress.trainings import Pair
from bench.store import Store
from bench.suite import Named, Suite

FINGERPRINT_STEPS: Final = 20
_UNTOLD: Final = ("validation_size", "test_size")
"""Settings that a name leaves out."""
_SETTLE_STEPS: Final = 5
"""Steps on the processors of the measurement before it starts."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A cell as both sides are told of it: a suite of one pair, which each plans with its own code."""

    name: str
    suite: Mapping[str, Any]
    backend: str
    threads: int


def subjects(suite: Suite) -> list[Subject]:
    """The pairs of a suite, each under its first seed. Raises UsageError where there is none."""
    found = []
    for grid in suite.grid:
        first = seeds_of(grid.seeds if grid.seeds is not None else suite.seeds, Flags())[0]
        for task in grid.tasks:
            for architecture in grid.architectures:
                pair = grid.model_copy(update={"tasks": [task], "architectures": [architecture]})
                one = suite.model_copy(update={"seeds": [first]})
                one = one.model_copy(update={"grid": [pair.model_copy(update={"seeds": None})]})
                name = f"{_label(task)} × {_label(architecture)}"
                found.append(Subject(name, json.loads(one.model_dump_json()), suite.backend, suite.threads))
    return found


def _label(item: str | Named) -> str:
    if isinstance(item, str):
        return item
    told = ", ".join(f"{key}={value}" for key, value in item.settings.items() if key not in _UNTOLD)
    return f"{item.name}[{told}]" if told else item.name


@dataclass
class Live:
    """The two sides. What is measured of a cell beside its generations is kept here, by cell."""

    base: Side
    head: Side
    logs: Path
    rng: np.random.Generator
    pairs: dict[Subject, list[tuple[list[float], list[float]]]] = field(default_factory=dict)
    """Seconds of all turns, base and head, generation by generation."""
    peaks: dict[Subject, list[tuple[int, int]]] = field(default_factory=dict)
    """Peak bytes of base and head, generation by generation."""

    def fingerprint(self, cell: Subject) -> tuple[dict[str, Any], dict[str, Any]]:
        """Facts and fingerprint of either side. Raises LostError."""
        with self._children(cell) as both:
            facts = self._both(both, do="load", suite=cell.suite)
            prints = self._both(both, do="fingerprint", steps=FINGERPRINT_STEPS)
        base, head = ({**fact, **mark} for fact, mark in zip(facts, prints, strict=True))
        return base, head

    def generation(self, cell: Subject) -> Generation:
        """A fresh worker of either side, then pairs of turns in random order, one at work at a time. LostError."""
        with self._children(cell) as both:
            self._both(both, do="load", suite=cell.suite)
            base, head = self._both(both, do="warm")
            for side in self.rng.permutation(2):
                both[side].ask(do="pin", cpus=cpus_of(0, cell.threads), steps=_SETTLE_STEPS)
            seconds: tuple[list[float], list[float]] = ([], [])
            for _ in range(PAIRS):
                for side in self.rng.permutation(2):
                    seconds[side].append(float(both[side].ask(do="turn", steps=STEPS)["seconds"]))
        found = generation(*seconds)
        self.pairs.setdefault(cell, []).append(seconds)
        self.peaks.setdefault(cell, []).append((int(base["peak_bytes"]), int(head["peak_bytes"])))
        return found

    def train(self, cell: Subject, seeds: Sequence[int]) -> Iterator[Pair]:
        """Both sides' records, seed by seed: a fresh worker of either, at work at the same time. Raises LostError."""
        with self._children(cell) as both:
            for seed in seeds:
                suite = {**cell.suite, "seeds": [seed]}
                folders = [{"folder": str(store.folder)} for store in self.stores]
                answers = self._both(both, *folders, do="train", suite=suite)
                base, head = (
                    _record(side, store, str(answer["cell"]))
                    for side, store, answer in zip((self.base, self.head), self.stores, answers, strict=True)
                )
                yield Pair(base, head)

    @property
    def stores(self) -> tuple[Store, Store]:
        """Where the trainings of base and head lie, for as long as the logs do."""
        return Store(self.logs / self.base.name), Store(self.logs / self.head.name)

    def step_seconds(self, cell: Subject) -> Step | None:
        """Of all turns; None where none was measured."""
        if cell not in self.pairs:
            return None
        turns = np.concatenate([np.array(both) for both in self.pairs[cell]], axis=1)
        base, head = np.median(turns, axis=1) / STEPS
        return Step(float(base), float(head))

    @contextmanager
    def _children(self, cell: Subject) -> Iterator[tuple[Child, Child]]:
        """Base and head, started side by side, on processors of their own where there are as many.

        Which is first, and warms up where turns are measured, is drawn: the same program is slower in the other's place
        (docs/regress.md).
        """
        with ExitStack() as stack:
            sides = [(self.base, self.head)[index] for index in self.rng.permutation(2)]
            own = [cpus_of(0, cell.threads), cpus_of(1, cell.threads) or affinity()]
            children = {
                side.name: stack.enter_context(
                    Child(
                        side,
                        self.logs / f"{side.name}.log",
                        backend=cell.backend,
                        threads=cell.threads,
                        cpus=cpus,
                        rng=self.rng,
                    )
                )
                for side, cpus in zip(sides, own, strict=True)
            }
            try:
                yield children[self.base.name], children[self.head.name]
            except KeyError as error:
                raise LostError(f"a worker's answer has no {error}") from None
            except BenchError as error:
                raise error if isinstance(error, LostError) else LostError(str(error)) from None

    @staticmethod
    def _both(children: tuple[Child, Child], *own: Mapping[str, Any], **command: Any) -> list[dict[str, Any]]:
        """The answers of both, which are at work at the same time. LostError names the side, or both.

        `own`: what either is told beside the command.
        """
        answers, lost = [], []
        for child, more in zip(children, own or ({}, {}), strict=True):
            child.tell(**command, **more)
        for child in children:
            try:
                answers.append(child.hear())
            except LostError as error:
                lost.append(str(error))
        if lost:
            one_sided = len(lost) == 1 and command["do"] == "load"
            raise LostError("; ".join(lost) + (" (the other side has this cell)" if one_sided else ""))
        return answers


def _record(side: Side, store: Store, cell_id: str) -> Record:
    """What a side's own code wrote of a training. Raises LostError where this code cannot read it."""
    try:
        record = store.record(cell_id)
    except StoreError as error:
        raise LostError(f"{side.name} {shown(side.label)}: {error}") from None
    if record is None:
        why = next(iter(store.damaged.values()), "it is not there")
        raise LostError(f"{side.name} {shown(side.label)}: cannot read its record of a training: {why}")
    return record

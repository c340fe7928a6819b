"""The speed phase: after the training, nothing else running, cells take turns at being timed.

A child process a cell, so that each has the memory of its own alone. All load side by side; then they compile one after
another, and then one at a time is told to run, round by round in random order, while the others wait.
"""

import json
import math
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from bench.errors import StoreError
from bench.execute.machine import cpus_of
from bench.execute.process import close, end, environment, tail
from bench.execute.worker import encode
from bench.plan import Cell
from bench.record import Speed, Timing
from bench.stopwatch import ROUNDS, percentiles, turns
from bench.store import Store

CHILD_BYTES: Final = 1_500_000_000
"""Memory that a child is reckoned to take: as many take turns at once as half of what is free holds."""
_MOST_CHILDREN: Final = 16
_PATIENCE_SECONDS: Final = 900.0
_POLL_SECONDS: Final = 0.5
_BACKWARD: Final = 3
"""A training step in ways forward: the gradient takes two more, one for the inputs and one for the weights."""

Visit = Mapping[str, Sequence[float]]
"""Seconds of every call, by what was timed."""


class _LostError(Exception):
    """A child that failed, died or does not answer; the message is the reason."""


@dataclass
class Phase:
    """Times cells and writes what it finds. `timeout`: seconds that a child may take to answer."""

    store: Store
    workers: int
    plugins: Sequence[Path] = ()
    timeout: float | None = None
    progress: Callable[[float], None] = lambda share: None
    gpu: str | None = None
    """All are timed on the same."""

    def run(self, cells: Sequence[Cell]) -> list[Timing]:
        """Time each cell, one a group; what was written of each. Raises StoreError where nothing can be.

        Interrupted (KeyboardInterrupt), it keeps what is written: the cells that did not take turns with those at work.
        """
        most = min(_MOST_CHILDREN, max(1, psutil.virtual_memory().available // 2 // CHILD_BYTES))
        size = math.ceil(len(cells) / max(1, math.ceil(len(cells) / most)))  # of one size: none is timed by itself
        bunches = [cells[start : start + size] for start in range(0, len(cells), size or 1)]
        found: list[Timing] = []
        for bunch in bunches:
            found += self._time(bunch, len(found) / len(cells), len(bunch) / len(cells))
        return found

    def _time(self, cells: Sequence[Cell], done: float, share: float) -> list[Timing]:
        """Time a bunch. `done`: what was done of the phase before; `share`: what the bunch is of it."""
        children: list[_Child] = []
        limit = self.timeout or _PATIENCE_SECONDS
        try:
            for index, cell in enumerate(cells):
                cpus = cpus_of(index % self.workers, cell.threads)
                logs = self.store.folder / "logs"
                children.append(_Child(cell, logs, cpus, self.plugins, limit, self.gpu, self.store.lock_fd))
                children[-1].tell(do="load", cell=encode(cell))
            self._take_turns(children, lambda part: self.progress(done + share * part))
            return self._write(children)
        finally:
            for child in children:
                child.end()

    def _take_turns(self, children: Sequence["_Child"], progress: Callable[[float], None]) -> None:
        rng = np.random.default_rng(0)
        for child in children:
            child.hear(waiting=len(children))
        for child in children:
            child.found = child.ask(do="compile", cpus=cpus_of(0, child.cell.threads))
        for done in range(ROUNDS):
            progress(done / ROUNDS)
            for index, half in turns(len(children), rng):
                children[index].visit(half)
        progress(1.0)

    def _write(self, children: Sequence["_Child"]) -> list[Timing]:
        peak = max((rate for child in children for rate in child.matmul_rates), default=math.nan)
        timings = [
            Timing(group=child.cell.group, reason=child.lost)
            if child.lost
            else summary(child.cell, child.found, child.visits, peak=peak)
            for child in children
        ]
        for timing in timings:
            self.store.write_timing(timing)
        return timings


def summary(cell: Cell, found: Mapping[str, Any], visits: Sequence[Sequence[Visit]], *, peak: float) -> Timing:
    """What the visits to a cell say. `visits`: those of the first half, one a round, and those of the second.

    `found`: what was measured before them (bench.speed.Timed.compile); `peak`: operations a second of a matrix product.
    """
    rng = np.random.default_rng(0)
    timed = {
        name: percentiles([[visit[name] for visit in half] for half in visits], rng)
        for name in ("step", "inference", "batch_inference")
    }
    training, inference = (found["batch"] / timed[name].p50 for name in ("step", "batch_inference"))
    steps, flops = found["steps"], found["flops_per_sample"]
    return Timing(
        group=cell.group,
        step_seconds=timed["step"],
        inference_seconds=timed["inference"],
        peak_bytes=found["peak_bytes"],
        flops_per_sample=flops,
        speed=Speed(
            cell_id=cell.id,
            measured_at=datetime.now(UTC),
            conditions=found["conditions"],
            rounds=len(visits[0]),
            build_seconds=found["build_seconds"],
            compile_seconds=found["compile_seconds"],
            batch_inference_seconds=timed["batch_inference"],
            train_samples_per_second=training,
            inference_samples_per_second=inference,
            train_tokens_per_second=None if steps is None else steps * training,
            inference_tokens_per_second=None if steps is None else steps * inference,
            uncounted=found["uncounted"],
            matmul_flops_per_second=peak,
            share_of_peak=None if flops is None else _BACKWARD * flops * training / peak,
        ),
    )


@dataclass
class _Child:
    """The process that times one cell. Once it is lost it is asked nothing more, and `lost` says why."""

    cell: Cell
    logs: Path
    cpus: Sequence[int]
    plugins: Sequence[Path]
    limit: float = _PATIENCE_SECONDS
    gpu: str | None = None
    lock: int | None = None
    """The file that keeps other runs out of the folder, also for as long as this process lives."""
    lost: str | None = None
    found: dict[str, Any] = field(default_factory=dict)
    visits: tuple[list[Visit], list[Visit]] = field(default_factory=lambda: ([], []))
    _answers: "queue.SimpleQueue[str | None]" = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self.log = self.logs / f"timer-{os.getpid()}-{self.cell.id}.log"
        cpus = ",".join(map(str, self.cpus))
        plugins = [str(plugin.resolve()) for plugin in self.plugins]
        arguments = [self.cell.backend, str(self.cell.threads), cpus, *plugins]
        try:
            self.logs.mkdir(exist_ok=True)
            with self.log.open("a", encoding="utf-8") as stderr:
                self.process = subprocess.Popen(  # noqa: S603  # our own module, arguments as a list
                    [sys.executable, "-P", "-m", "bench.execute.timer", *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    text=True,
                    encoding="utf-8",
                    env=environment(self.cell.backend, self.cell.threads, self.gpu),
                    start_new_session=True,  # Ctrl-C is for the parent to handle
                    pass_fds=[] if self.lock is None else [self.lock],
                )
        except OSError as error:
            raise StoreError(f"cannot start a worker: {error.strerror}") from None
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def matmul_rates(self) -> list[float]:
        """Operations a second of every matrix product."""
        operations = self.found.get("matmul_operations", 0)
        return [operations / seconds for half in self.visits for visit in half for seconds in visit["matmul"]]

    def tell(self, **command: Any) -> None:
        """Send a command; `hear` returns the answer."""
        if self.lost is None:
            try:
                assert self.process.stdin is not None
                self.process.stdin.write(json.dumps(command) + "\n")
                self.process.stdin.flush()
            except BrokenPipeError:
                pass  # it died, and `hear` finds that out

    def hear(self, waiting: int = 1) -> dict[str, Any]:
        """The answer to the last command; empty once the child is lost. `waiting`: children that share the cores."""
        if self.lost is not None:
            return {}
        try:
            return self._answer(self.limit * waiting)
        except _LostError as error:
            self.lost = str(error)
            return {}

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self.tell(**command)
        return self.hear()

    def visit(self, half: int) -> None:
        """One of the two visits of a round."""
        if answer := self.ask(do="visit"):
            self.visits[half].append(answer["visit"])

    def end(self) -> None:
        """End the process, politely first: it ends with its input unless it is at work."""
        close(self.process.stdin)
        end(self.process)
        self._listener.join()
        close(self.process.stdout)

    def _line(self, patience: float) -> str | None:
        """What it answers; None where it has ended."""
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            with suppress(queue.Empty):
                return self._answers.get(timeout=min(left, _POLL_SECONDS))
            if self.process.poll() is not None:  # what it forked may hold on to its pipe, and hide that it has ended
                end(self.process)
        end(self.process)
        raise _LostError(f"no answer after {patience:g} s")

    def _answer(self, patience: float) -> dict[str, Any]:
        line = self._line(patience)
        try:
            answer: dict[str, Any] = json.loads(line or "")
        except ValueError:  # nothing, or a line that was cut: it died
            code = self.process.wait()
            raise _LostError(f"the worker ended with {code}; last lines of {self.log}: {tail(self.log, 0)}") from None
        if answer.pop("event") == "failed":
            raise _LostError(answer["reason"])
        return answer

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._answers.put(line)
        self._answers.put(None)

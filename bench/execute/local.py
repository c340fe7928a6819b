"""Runs cells in worker processes on this machine, one a core group, and turns whatever happens into records."""

import json
import math
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any, Protocol

from bench import backends
from bench.catalogue import Catalogue
from bench.errors import StoreError
from bench.execute.machine import cpus_of
from bench.execute.process import close, environment, group_bytes, oom_kills, signal_group, tail
from bench.execute.schedule import Busy, choose
from bench.execute.worker import encode
from bench.plan import Cell, blank
from bench.record import Record, Status
from bench.resume import Costs
from bench.store import Store

_WORKER = (sys.executable, "-P", "-m", "bench.execute.worker")
_GRACE_SECONDS = 5.0
"""Between being asked to end and being killed."""
_READY_SECONDS = 300.0
"""How long a worker may take to import what it needs."""
_POLL_SECONDS = 0.2
_COMPILED = ".compiled"
"""In the results folder, while a run lasts."""
_PROGRAMS = 30
"""How many programs a worker compiles before a fresh one takes its place: TensorFlow and XLA keep what they compiled of
each, about 30 MB, until their process ends."""
_TRIES = 2
"""How often a worker may die in a cell, or before its first."""


class Observer(Protocol):
    """Is told what happens, to show it."""

    def started(self, worker: int, cell: Cell) -> None:
        """A worker takes up a cell."""

    def progressed(self, worker: int, cell: Cell, step: int, steps: int, score: float) -> None:
        """A validation: `score` after `step` of `steps`."""

    def finished(self, worker: int, cell: Cell, record: Record) -> None:
        """A record was written."""


@dataclass(frozen=True)
class _End:
    """What becomes of the cell of a worker that ends."""

    status: Status
    reason: str


@dataclass
class _Worker:
    index: int
    process: "subprocess.Popen[str]"
    log: Path
    log_start: int = 0
    oom_kills: int = 0
    """Of the machine, before the worker started."""
    since: float = field(default_factory=time.monotonic)
    """When it started, or was handed its cell."""
    ready: bool = False
    program: str = ""
    programs: int = 0
    """How many it has taken up."""
    compiled: bool = False
    idle: bool = False
    """It has nothing to train while others have, and has made ready what may come."""
    cell: Cell | None = None
    attempts: int = 0
    """At the cell, before it was handed out."""
    ended: _End | None = None
    """Why it was told to end."""
    kill_at: float = math.inf
    listener: threading.Thread = field(default_factory=threading.Thread)


@dataclass
class Pool:
    """Worker processes over a results folder, `threads` cores each.

    `timeout`: seconds a cell may take. `memory`: bytes a worker and what it started may hold. None for no limit.
    `gpus`: one for each worker (bench.execute.gpus); empty where none is to be dealt out.
    """

    store: Store
    catalogue: Catalogue
    backend: str
    threads: int
    workers: int
    plugins: Sequence[Path] = ()
    timeout: float | None = None
    memory: int | None = None
    costs: Costs = field(default_factory=Costs)
    gpus: Sequence[str] = ()
    _live: list[_Worker] = field(default_factory=list)
    _started: list[_Worker] = field(default_factory=list)
    _deaths: Counter[str] = field(default_factory=Counter)
    """By cell; by slot, in a row before the worker was ready."""
    _compiled: Path | None = None
    """Where workers share what they compile."""
    _watched: float = -math.inf
    _events: "queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]]" = field(default_factory=queue.SimpleQueue)

    def run(self, cells: Sequence[Cell], observer: Observer, records: list[Record]) -> None:
        """Train every cell and append one record each. Raises StoreError where records cannot be written.

        Interrupted (KeyboardInterrupt), it lets the workers finish the records they are writing and ends them; what is
        finished is kept, and stands in `records`. A second interrupt ends them at once.
        """
        shares = backends.shares(self.backend) and min(self.workers, len(cells)) > 1
        with _shared(self.store.folder.resolve() / _COMPILED) if shares else nullcontext() as self._compiled:
            try:
                self._serve(list(cells), observer, records)
            except (KeyboardInterrupt, StoreError):
                self._finish(records, observer)
                raise
            finally:
                self._stop()

    def _serve(self, pending: list[Cell], observer: Observer, records: list[Record]) -> None:
        for index in range(min(self.workers, len(pending))):
            self._start(index)
        while pending or any(worker.cell for worker in self._live):
            self._watch()
            with suppress(queue.Empty):
                self._handle(*self._events.get(timeout=_POLL_SECONDS), pending, records, observer)

    def _handle(
        self,
        worker: _Worker,
        event: dict[str, Any] | None,
        pending: list[Cell],
        records: list[Record],
        observer: Observer,
    ) -> None:
        cell = worker.cell
        if event is None:
            if worker in self._live:  # else it made room for another and was told to end
                self._live.remove(worker)
                if not worker.idle:
                    self._died(worker, pending, records, observer)
        elif event["event"] == "fatal":
            raise StoreError(event["message"])
        elif event["event"] == "progress" and cell is not None:
            observer.progressed(worker.index, cell, event["step"], event["steps"], event["score"])
        elif event["event"] == "start" and cell is not None:
            observer.started(worker.index, cell)
        elif event["event"] in ("ready", "done"):
            worker.ready = True
            self._deaths[_slot(worker)] = 0
            if cell is not None:
                self._finished(worker, cell, self.store.last(cell.id), records, observer)
            if worker.ended is None:  # else its time ran out just then, and it takes no more
                self._hand_out(worker, pending)

    def _died(self, worker: _Worker, pending: list[Cell], records: list[Record], observer: Observer) -> None:
        """Try the worker's cell again, or write what became of it, and start another worker where there is work."""
        end, cell = self._reap(worker), worker.cell
        self._deaths[cell.id if cell else _slot(worker)] += 1
        if cell is None:
            if not worker.ready and self._deaths[_slot(worker)] >= _TRIES:
                if not self._live:  # nor does any other start
                    while pending:
                        lost = pending.pop(0)
                        self._finished(worker, lost, self._write(lost, end), records, observer)
                return
        elif len(self.store.attempts(cell.id)) > worker.attempts:  # its record was written before it died
            self._finished(worker, cell, self.store.last(cell.id), records, observer)
        elif worker.ended is None and self._deaths[cell.id] < _TRIES:
            worker.cell = None  # what comes of it is another worker's
            pending.insert(0, cell)
        else:
            self._finished(worker, cell, self._write(cell, end), records, observer)
        for other in [other for other in self._live if other.idle and other.ended is None]:  # it need not start first
            self._hand_out(other, pending)
        if pending:
            self._start(worker.index)

    def _finished(self, worker: _Worker, cell: Cell, record: Record, records: list[Record], observer: Observer) -> None:
        records.append(record)  # first: after an interrupt here _finish finds it, and counts it once
        worker.cell, worker.compiled = None, True
        self.costs.learn(record)
        observer.finished(worker.index, cell, record)

    def _write(self, cell: Cell, end: _End) -> Record:
        task = self.catalogue.task(cell.task).value
        return self.store.write(blank(cell, task, status=end.status, reason=end.reason))

    def _hand_out(self, worker: _Worker, pending: list[Cell]) -> None:
        now = time.monotonic()
        others = [other for other in self._live if other is not worker]
        busy = [Busy(other.cell, now - other.since, other.compiled) for other in others if other.cell is not None]
        cell = choose(worker.program, pending, busy, self.costs, loads=self._compiled is not None)
        if cell is None:
            self._prepare(worker, [*pending, *(other.cell for other in busy)])
            return
        fresh = cell.program != worker.program
        if fresh and worker.programs == _PROGRAMS:
            self._live.remove(worker)
            close(worker.process.stdin)  # it ends by itself
            self._start(worker.index)
            return
        pending.remove(cell)
        worker.programs += fresh
        worker.compiled = worker.compiled and not fresh
        # Counted before it is the worker's: an interrupt between would take an old record for its own.
        worker.attempts = len(self.store.attempts(cell.id))
        worker.cell, worker.program, worker.since, worker.idle = cell, cell.program, now, False
        _tell(worker, encode(cell))

    def _prepare(self, worker: _Worker, cells: Sequence[Cell]) -> None:
        """Have a worker that is idle make ready for the first of `cells`: another may die in it, and be slow to start.

        It does so on its own cores. What goes wrong there says nothing of the cell, which will say so itself.
        """
        if cells and not worker.idle and cells[0].program != worker.program:
            worker.program, worker.compiled = "", False
            _tell(worker, encode(cells[0], ahead=True))
        worker.idle = True

    def _start(self, index: int) -> None:
        logs = self.store.folder / "logs"
        killed = oom_kills()
        try:
            logs.mkdir(exist_ok=True)
            log = logs / f"worker-{os.getpid()}-{index}.log"
            with log.open("a", encoding="utf-8") as stderr:
                start = stderr.tell()
                process = subprocess.Popen(  # noqa: S603  # our own module, arguments as a list
                    [*_WORKER, *self._arguments(index)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    text=True,
                    encoding="utf-8",
                    env=environment(
                        self.backend, self.threads, self.gpus[index] if self.gpus else None, self._compiled
                    ),
                    start_new_session=True,  # Ctrl-C is for the parent to handle
                    pass_fds=[] if self.store.lock_fd is None else [self.store.lock_fd],
                )
        except OSError as error:
            raise StoreError(f"cannot start a worker: {error.strerror}") from None
        worker = _Worker(index, process, log, start, killed)
        self._live.append(worker)
        self._started.append(worker)
        worker.listener = threading.Thread(target=self._listen, args=(worker,), daemon=True)
        worker.listener.start()

    def _arguments(self, index: int) -> list[str]:
        pinned = ",".join(map(str, cpus_of(index, self.threads)))
        plugins = [str(plugin.resolve()) for plugin in self.plugins]
        return [str(self.store.folder.resolve()), self.backend, str(self.threads), pinned, *plugins]

    def _listen(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        try:
            for line in worker.process.stdout:
                self._events.put((worker, json.loads(line)))
        except ValueError:  # a line that is no event: the worker died in the middle of it, or is not ours to trust
            signal_group(worker.process.pid, signal.SIGKILL)
        finally:
            self._events.put((worker, None))

    def _watch(self) -> None:
        """End the workers that are beyond their limits: politely, then not."""
        now = time.monotonic()
        if now - self._watched < _POLL_SECONDS:
            return
        self._watched = now
        pids = {worker.process.pid for worker in self._live}
        held = group_bytes(pids) if self.memory is not None else Counter()
        for worker in self._live:
            pid = worker.process.pid
            if worker.process.poll() is not None:  # what it forked may hold on to its pipe, and hide that it has ended
                signal_group(pid, signal.SIGKILL)
            elif worker.ended is None:
                worker.ended = self._beyond(worker, now - worker.since, held[pid])
                if worker.ended is not None:
                    worker.kill_at = now + _GRACE_SECONDS
                    signal_group(pid, signal.SIGTERM)
            elif now > worker.kill_at:
                signal_group(pid, signal.SIGKILL)

    def _beyond(self, worker: _Worker, seconds: float, held: int) -> _End | None:
        if not worker.ready and seconds > _READY_SECONDS:
            return _End("failed", f"the worker was not ready after {_READY_SECONDS:g} s")
        if worker.cell is not None and self.timeout is not None and seconds > self.timeout:
            return _End("timeout", f"no result after {self.timeout:g} s (--timeout)")
        if self.memory is not None and held > self.memory:
            reason = f"the worker held {held / 1e6:.0f} MB, more than {self.memory / 1e6:.0f} MB (--memory)"
            return _End("out-of-memory", reason)
        return None

    def _reap(self, worker: _Worker) -> _End:
        """Wait for a worker's end and end what it started; why it ended, with what it printed last."""
        _wait(worker.process)
        code = worker.process.returncode
        signal_group(worker.process.pid, signal.SIGKILL)
        end = worker.ended
        if end is None and code == -signal.SIGKILL and oom_kills() > worker.oom_kills:
            end = _End("out-of-memory", "the system killed the worker for want of memory")
        if end is None:
            died = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
            end = _End("failed", f"the worker {died}")
        return _End(end.status, f"{end.reason}; last lines of {worker.log}: {tail(worker.log, worker.log_start)}")

    def _finish(self, records: list[Record], observer: Observer) -> None:
        """Have the workers end, each with the record that it is writing.

        The folder says what was written: the interrupt may have come while an event was taken that tells it.
        """
        for worker in self._live:
            close(worker.process.stdin)
        end = time.monotonic() + _GRACE_SECONDS
        for worker in self._live:
            _join(worker, max(0.0, end - time.monotonic()))
        known = {record.cell_id for record in records}
        for worker in self._started:
            cell = worker.cell
            if cell is not None and cell.id not in known and len(self.store.attempts(cell.id)) > worker.attempts:
                self._finished(worker, cell, self.store.last(cell.id), records, observer)

    def _stop(self) -> None:
        """Kill what still works, let what has no more to do end by itself, and leave no pipe open."""
        for worker in self._live:
            if not worker.idle:
                signal_group(worker.process.pid, signal.SIGKILL)
        for worker in self._started:  # at once: each takes a moment to give back its memory
            close(worker.process.stdin)
        for worker in self._started:
            _wait(worker.process)
            signal_group(worker.process.pid, signal.SIGKILL)  # what it forked, which would hold on to its pipe
            _join(worker, _GRACE_SECONDS)
            close(worker.process.stdout)
        self._live.clear()
        self._started.clear()


@contextmanager
def _shared(folder: Path) -> Iterator[Path | None]:
    """The folder, empty, for what workers compile; gone afterwards. None where it cannot be: each compiles for itself.

    It lies in the results folder: under the lock of the run, so that what a killed run left there can be removed.
    """
    rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)  # code is loaded from it
    except OSError:
        yield None
        return
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)


def _slot(worker: _Worker) -> str:
    return f"worker {worker.index}"


def _tell(worker: _Worker, line: str) -> None:
    with suppress(BrokenPipeError):  # it died; its reader says so next
        assert worker.process.stdin is not None
        worker.process.stdin.write(line + "\n")
        worker.process.stdin.flush()


def _join(worker: _Worker, seconds: float) -> None:
    if worker.listener.ident is not None:  # else an interrupt came before it was started
        worker.listener.join(seconds)


def _wait(process: "subprocess.Popen[str]") -> None:
    """Wait for a process that is about to end, or kill it and whatever it started."""
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()

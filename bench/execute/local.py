"""Runs cells in worker processes on this machine, one a core group, and turns whatever happens into records."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

import bench
from bench.catalogue import Catalogue
from bench.errors import StoreError
from bench.execute.worker import encode
from bench.plan import Cell, blank
from bench.record import Record, Status
from bench.store import Store

_GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.5
_LOG_LINES = 3


class Observer(Protocol):
    """Is told what happens, to show it."""

    def started(self, worker: int, cell: Cell) -> None:
        """A worker takes up a cell."""

    def progressed(self, worker: int, cell: Cell, step: int, steps: int, score: float) -> None:
        """A validation: `score` after `step` of `steps`."""

    def finished(self, worker: int, cell: Cell, record: Record) -> None:
        """A record was written."""


@dataclass
class _Worker:
    index: int
    process: "subprocess.Popen[str]"
    log: Path
    group: str = ""
    cell: Cell | None = None
    since: float = 0.0
    killed: Status | None = None
    listener: threading.Thread = field(default_factory=threading.Thread)


@dataclass
class Pool:
    """Worker processes over a results folder. `threads` cores each; `timeout` in seconds a cell, None for no limit."""

    store: Store
    catalogue: Catalogue
    backend: str
    threads: int
    workers: int
    plugins: Sequence[Path] = ()
    timeout: float | None = None
    _live: list[_Worker] = field(default_factory=list)
    _started: list[_Worker] = field(default_factory=list)
    _events: "queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]]" = field(default_factory=queue.SimpleQueue)

    def run(self, cells: Sequence[Cell], observer: Observer, records: list[Record]) -> None:
        """Train every cell and append one record each. Raises StoreError where records cannot be written.

        Interrupted (KeyboardInterrupt), it ends the workers; what is finished is kept, and stands in `records`.
        """
        pending = list(cells)
        try:
            for index in range(min(self.workers, len(pending))):
                self._start(index)
            while self._live:
                self._kill_late()
                try:
                    worker, event = self._events.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                self._handle(worker, event, pending, records, observer)
        finally:
            self._stop()

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
            if worker not in self._live:
                return  # it had no more to do and was told to end
            self._live.remove(worker)
            if cell is None and pending and not worker.group:
                cell = pending.pop(0)  # it died before its first cell: without a record, a broken set-up would loop
            if cell is not None:
                records.append(self._bury(worker, cell))
                observer.finished(worker.index, cell, records[-1])
            if pending:
                self._start(worker.index)
        elif event["event"] == "fatal":
            raise StoreError(event["message"])
        elif event["event"] == "progress" and cell is not None:
            observer.progressed(worker.index, cell, event["step"], event["steps"], event["score"])
        elif event["event"] == "start" and cell is not None:
            observer.started(worker.index, cell)
        elif event["event"] in ("ready", "done"):
            if cell is not None:
                records.append(self.store.last(cell.id))
                observer.finished(worker.index, cell, records[-1])
            worker.cell = None
            if worker.killed is None:  # else its time ran out just then, and it takes no more
                self._hand_out(worker, pending)

    def _hand_out(self, worker: _Worker, pending: list[Cell]) -> None:
        """The next seed of the worker's group, else a group nobody works on, else a share of another's."""
        if not pending:
            self._live.remove(worker)
            _close(worker.process.stdin)
            return
        taken = {other.group for other in self._live if other is not worker}
        own = [cell for cell in pending if cell.group == worker.group]
        free = [cell for cell in pending if cell.group not in taken]
        cell = (own or free or pending[::-1])[0]
        pending.remove(cell)
        worker.cell, worker.group, worker.since = cell, cell.group, time.monotonic()
        try:
            assert worker.process.stdin is not None
            worker.process.stdin.write(encode(cell) + "\n")
            worker.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died; its reader says so next, and the cell gets its record there

    def _start(self, index: int) -> None:
        logs = self.store.folder / "logs"
        try:
            logs.mkdir(exist_ok=True)
            log = logs / f"worker-{os.getpid()}-{index}.log"
            with log.open("a", encoding="utf-8") as stderr:
                process = subprocess.Popen(  # noqa: S603  # our own module, arguments as a list
                    [sys.executable, "-P", "-m", "bench.execute.worker", *self._arguments(index)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    text=True,
                    encoding="utf-8",
                    env=_environment(self.backend, self.threads),
                    start_new_session=True,  # Ctrl-C is for the parent to handle
                )
        except OSError as error:
            raise StoreError(f"cannot start a worker: {error.strerror}") from None
        worker = _Worker(index, process, log)
        self._live.append(worker)
        self._started.append(worker)
        worker.listener = threading.Thread(target=self._listen, args=(worker,), daemon=True)
        worker.listener.start()

    def _arguments(self, index: int) -> list[str]:
        cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        own = cpus[index * self.threads : (index + 1) * self.threads]
        pinned = ",".join(map(str, own)) if len(own) == self.threads else ""
        plugins = [str(plugin.resolve()) for plugin in self.plugins]
        return [str(self.store.folder.resolve()), self.backend, str(self.threads), pinned, *plugins]

    def _listen(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        try:
            for line in worker.process.stdout:
                self._events.put((worker, json.loads(line)))
        except ValueError:  # a line that is no event: the worker died in the middle of it, or is not ours to trust
            _end(worker.process)
        finally:
            self._events.put((worker, None))

    def _kill_late(self) -> None:
        for worker in self._live:
            late = self.timeout is not None and time.monotonic() - worker.since > self.timeout
            if worker.cell is not None and late and worker.killed is None:
                worker.killed = "timeout"
                _end(worker.process)

    def _bury(self, worker: _Worker, cell: Cell) -> Record:
        code = worker.process.wait()
        if worker.killed == "timeout":
            reason = f"no result after {self.timeout:g} s (--timeout)"
        else:
            died = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
            reason = f"the worker {died}; last lines of {worker.log}: {_tail(worker.log)}"
        task = self.catalogue.task(cell.task).value
        return self.store.write(blank(cell, task, status=worker.killed or "failed", reason=reason))

    def _stop(self) -> None:
        """End what still works, let what has no more to do end by itself, and leave no pipe open."""
        for worker in self._live:
            _end(worker.process)
        for worker in self._started:
            _close(worker.process.stdin)
            try:
                worker.process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                _end(worker.process)
            worker.listener.join(_GRACE_SECONDS)
            _close(worker.process.stdout)
        self._live.clear()
        self._started.clear()


def _environment(backend: str, threads: int) -> dict[str, str]:
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "OMP_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
    }
    home = Path(bench.__file__).parents[1]
    if home.name not in ("site-packages", "dist-packages"):  # a checkout that is not installed; -P hides it
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(home), os.environ.get("PYTHONPATH")]))
    return environment


def _end(process: "subprocess.Popen[str]") -> None:
    """End a worker and whatever it started: politely, then not."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signum)
            process.wait(_GRACE_SECONDS)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _close(pipe: IO[str] | None) -> None:
    assert pipe is not None
    with suppress(BrokenPipeError):  # the worker is gone, and what was still to be flushed with it
        pipe.close()


def _tail(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-_LOG_LINES:]) or "none"

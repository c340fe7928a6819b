"""The child process: trains the cells it is handed, one JSON line each, and writes their records.

    python -P -m bench.execute.worker RUN-FOLDER BACKEND THREADS CPU,CPU,... [PLUGIN ...]

Reads cells on standard input and answers with events, a JSON line each, on what was standard output. A cell that is
marked is only made ready for, in silence. It ends when its input does, also in the middle of a cell, but not of writing
its record: the parent stops, or is gone.
"""

import ctypes
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from bench import backends
from bench.catalogue import Catalogue, Entry, discover, first_line, where
from bench.errors import BenchError, StoreError
from bench.execute.machine import conditions, pin
from bench.plan import Cell, blank, program_id
from bench.record import Record
from bench.sources import sources
from bench.store import Store
from bench.task import Training

Emit = Callable[..., None]
_AHEAD = "ahead "
"""Marks a cell that is only made ready for."""
_WRITING_SECONDS = 5.0
"""How long a record may take to write once standard input has ended."""
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve cells until standard input ends."""
    folder, backend, threads, cpus, *plugins = sys.argv[1:]
    emit = _claim_stdout()
    _end_with_parent()
    writing = threading.Lock()
    cells = _read_cells(sys.stdin, writing)
    pin([int(cpu) for cpu in cpus.split(",") if cpu])
    framework = backends.load(backend)  # imports it, which must find the affinity set
    framework.configure(int(threads))
    catalogue = discover(Path(plugin) for plugin in plugins)
    server = _Server(Store(Path(folder)), catalogue, framework.device(), emit, writing)
    emit("ready")
    while True:
        cell, ahead = cells.get()
        try:
            server.prepare(cell) if ahead else server.serve(cell)
        except StoreError as error:
            emit("fatal", message=str(error))
            return


class _Server:
    """Keeps the group of the last cell, so that the next cell of its program is neither traced nor compiled again."""

    def __init__(self, store: Store, catalogue: Catalogue, device: str, emit: Emit, writing: threading.Lock) -> None:
        self.store, self.catalogue, self.device, self.emit, self.writing = store, catalogue, device, emit, writing
        self.group: Any = None
        self.program = ""

    def serve(self, cell: Cell) -> None:
        self.emit("start", cell=cell.id)
        start = time.perf_counter()
        record, curves = self._run(cell)
        record = record.model_copy(update={"wall_seconds": time.perf_counter() - start})
        with self.writing:
            self.store.write(record, curves)
            self.emit("done", cell=cell.id)

    def prepare(self, cell: Cell) -> None:
        """Import, load data and build the model that the cell needs; what fails here will fail, and be told, there."""
        with suppress(Exception):
            self._take_up(cell)

    def _take_up(self, cell: Cell) -> None:
        from bench.cell import Group  # noqa: PLC0415  # imports keras, after the backend was configured

        self._check_sources(cell)
        program = program_id(cell, self.catalogue.architecture(cell.architecture).value)
        if self.program != program or not self.group.takes(cell):
            self.group, self.program = None, ""  # frees the last group's memory first
            self.group, self.program = Group(cell, self.catalogue, conditions(cell, self.device)), program

    def _run(self, cell: Cell) -> tuple[Record, dict[str, np.ndarray] | None]:
        try:
            self._take_up(cell)
            result = self.group.run(cell, lambda step, steps, score: self._progress(cell, step, steps, score))
            return result.record, result.curves
        except StoreError:
            raise
        except Exception as error:  # whatever a task, an architecture or Keras raises becomes a record
            status = "out-of-memory" if backends.out_of_memory(error) else "failed"
            reason = self._reason(cell, error)
            return blank(cell, self.catalogue.task(cell.task).value, status=status, reason=reason), None

    def _check_sources(self, cell: Cell) -> None:
        """What this process imported must be what the cell's id was made from."""
        task, architecture = self.catalogue.task(cell.task), self.catalogue.architecture(cell.architecture)
        found = sources(task.sources, architecture.sources, cell.backend)
        changed = [key for key in found if found[key] != cell.sources[key]]
        if changed:
            raise BenchError(f"{', '.join(changed)} changed while the run was under way; run it again")

    def _progress(self, cell: Cell, step: int, steps: int, score: float) -> None:
        self.emit("progress", cell=cell.id, step=step, steps=steps, score=score)

    def _reason(self, cell: Cell, error: Exception) -> str:
        entries: list[Entry[Any]] = [self.catalogue.task(cell.task), self.catalogue.architecture(cell.architecture)]
        if isinstance(error, BenchError):
            return first_line(error)
        places = [where(error, entry.file) for entry in entries]
        at = next((place for place in places if ":" in place), f"{cell.task} with {cell.architecture}")
        return f"{at}: {type(error).__name__}: {first_line(error)}"


def encode(cell: Cell, *, ahead: bool = False) -> str:
    """A cell as a line for a worker: JSON that `decode` reads, marked where it is only to be made ready for."""
    return (_AHEAD if ahead else "") + json.dumps(cell.identity)


def decode(line: str) -> Cell:
    """The cell of a JSON line."""
    identity = json.loads(line)
    return Cell(**{**identity, "training": Training(**identity["training"])})


def _claim_stdout() -> Emit:
    """Keep standard output for events: whatever a library prints goes to standard error, the worker's log."""
    events: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def emit(event: str, **values: object) -> None:
        events.write(json.dumps({"event": event, **values}) + "\n")

    return emit


def _end_with_parent() -> None:
    """Have the kernel end this process should the parent be killed while nothing here can notice. Linux alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _read_cells(stream: TextIO, writing: threading.Lock) -> "queue.SimpleQueue[tuple[Cell, bool]]":
    """Cells as they arrive, and whether each is only to be made ready for."""
    cells: queue.SimpleQueue[tuple[Cell, bool]] = queue.SimpleQueue()

    def read() -> None:
        for line in stream:
            cells.put((decode(line.removeprefix(_AHEAD)), line.startswith(_AHEAD)))
        writing.acquire(timeout=_WRITING_SECONDS)
        os._exit(0)  # the parent has no more cells, or is gone: nothing that runs now would be kept

    threading.Thread(target=read, daemon=True).start()
    return cells


if __name__ == "__main__":
    main()

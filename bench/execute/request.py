"""What a command line asks for: the cells, the folder, what is finished there already, and how to train the rest."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from bench import backends
from bench.catalogue import Catalogue
from bench.errors import DataError, UsageError, count
from bench.execute.gpus import gpus
from bench.execute.local import Observer, Pool
from bench.execute.machine import cores, most_workers
from bench.execute.speed import Phase
from bench.files import DataFile
from bench.forecast import disk, speed_phase
from bench.plan import Cell, Flags, blank, plan, without_broken
from bench.record import Record
from bench.resume import Costs, Todo, estimate, resume
from bench.store import Store
from bench.suite import Suite, adhoc_suite, read_suite

_DEFAULT_SUITE = "quick"


class Request:
    """Cells of a suite under flags, and their state in the results folder.

    Raises UsageError for whatever the command line or the suite file got wrong, and the error of a plug-in where
    nothing is left without it; nothing is trained then.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        suite: str | None,
        flags: Flags,
        out: Path | None = None,
        workers: int | None = None,
        fresh: bool = False,
        speed: bool | None = None,
        plugins: Sequence[Path] = (),
    ) -> None:
        self.catalogue, self.plugins = catalogue, plugins
        name = suite if suite is not None else "custom" if flags.tasks else _DEFAULT_SUITE
        chosen, flags, self.broken = without_broken(catalogue, _suite(catalogue, suite, flags), flags)
        self.cells: list[Cell] = plan(catalogue, chosen, flags)
        backends.require(self.cells[0].backend)
        self.speed = chosen.speed if speed is None else speed
        self.store = Store(out or Path("results") / Path(name).stem)
        self.gpus = gpus(self.cells[0].backend)
        self.workers = _workers(workers, self.cells[0].threads, self.gpus)
        self.fresh = fresh

    @cached_property
    def _stored(self) -> list[Record]:
        return self.store.open().records(flow=False) if self.store.is_run() else []

    @cached_property
    def _resumed(self) -> tuple[list[Record], list[Todo]]:
        if self.fresh:
            return [], [Todo(cell, "anew, as --fresh asks for") for cell in self.cells]
        stored = self._stored  # reading them tells the damaged ones
        return resume(self.cells, stored, {path.parent.name for path in self.store.damaged})

    @property
    def records(self) -> list[Record]:
        """Of the plan's cells: those found, less their gradient flow, and those that `run` adds."""
        return self._resumed[0]

    @property
    def todo(self) -> list[Todo]:
        """The cells that are left, and why they cannot be reused."""
        return self._resumed[1]

    @cached_property
    def to_train(self) -> list[Cell]:
        """The cells that are left and fit."""
        return [todo.cell for todo in self.todo if todo.cell.skip is None]

    def set_aside(self) -> list[tuple[Path, str]]:
        """Set aside the damaged records of the folder, also those of the plan whose gradient flow or curves cannot be
        read: where each lies now, and what is wrong. Raises StoreError."""
        planned = {cell.id for cell in self.cells}
        moved: list[tuple[Path, str]] = []
        while True:
            for record in self._stored:
                if record.cell_id in planned:
                    self.store.test(record.cell_id)
            found = self.store.set_aside()
            if not found:
                return moved
            moved += found
            del self._stored  # an older attempt may stand where one was set aside

    def states(self) -> Iterator[tuple[Cell, str, str]]:
        """Every cell, what a run does with it (reuse, skip, train), and why."""
        why = {todo.cell.id: todo.why for todo in self.todo}
        for cell in self.cells:
            if cell.skip is not None:
                yield cell, "skip", cell.skip
            elif cell.id in why:
                yield cell, "train", why[cell.id]
            else:
                yield cell, "reuse", ""

    def summary(self) -> str:
        """How many cells are trained, reused and skipped, what that may take, and why stored ones are not reused."""
        skipped = sum(cell.skip is not None for cell in self.cells)
        reused = len(self.cells) - skipped - len(self.to_train)
        parts = [f"{count(len(self.cells), 'cell')}: {len(self.to_train)} to train"]
        parts += [f"{reused} finished already and reused"] if reused else []
        parts += [f"{skipped} skipped because the pair does not fit"] if skipped else []
        line = ", ".join(parts)
        timed = self.to_time()
        line += "" if self.to_train else "; nothing to train"
        line += f"; then {len(timed)} timed alone, a seed of each" if timed else ""
        changed = sorted({todo.why for todo in self.todo if todo.cell.skip is None and todo.why.startswith("changed")})
        return "\n".join([line, *self._takes(timed), *(f"  not reused, {why}" for why in changed)])

    def _takes(self, timed: Sequence[Cell]) -> Iterator[str]:
        """A line each on the time of the training and of the speed phase, and on disk, where there is any."""
        if self.to_train:
            seconds, unknown = estimate(self.to_train, self._stored, self.workers)
            on, known = f"on {count(self.workers, 'worker')}", len(self.to_train) - unknown
            times = [f"about {_time(seconds)} {on}"] if known else []
            some = f"for {unknown} of {len(self.to_train)} cells" if known else on
            times += [f"unknown time {some}, since no like cell was measured here"] if unknown else []
            yield f"training takes {' and '.join(times)}"
        if timed:
            yield f"timing takes {speed_phase(timed, self._stored).words(_time)}"
        if self.to_train:
            yield f"records take {disk(self.to_train, self._stored, self.store.size).words(_size)}"

    def run(
        self,
        observer: Observer,
        *,
        timeout: float | None = None,
        memory: int | None = None,
    ) -> None:
        """Train what is left; `records` grows with it. Raises StoreError where records cannot be written.

        Limits a cell: `timeout` seconds, `memory` bytes.
        """
        self.store.write_plan(cell.id for cell in self.cells)
        for cell in (todo.cell for todo in self.todo if todo.cell.skip is not None):
            task = self.catalogue.task(cell.task).value
            self.records.append(self.store.write(blank(cell, task, status="skipped", reason=cell.skip)))
        if not self.to_train:
            return
        first = self.to_train[0]
        pool = Pool(
            self.store,
            self.catalogue,
            backend=first.backend,
            threads=first.threads,
            workers=self.workers,
            plugins=self.plugins,
            timeout=timeout,
            memory=memory,
            costs=Costs(self._stored),
            gpus=self.gpus,
        )
        pool.run(self.to_train, observer, self.records)

    def to_time(self) -> list[Cell]:
        """A cell of every group that was not timed yet: speed does not depend on the seed. Of those that ended ok, and
        before the run also of those that may."""
        if not self.speed:
            return []
        ended = {record.cell_id: record.status for record in self.records}
        known = {} if self.fresh else self.store.timings()
        fit = [cell for cell in self.cells if cell.skip is None and ended.get(cell.id, "ok") == "ok"]
        groups = {cell.group: cell for cell in reversed(fit)}
        return [cell for cell in reversed(groups.values()) if cell.group not in known or known[cell.group].reason]

    def time(
        self, cells: Sequence[Cell], progress: Callable[[float], None], *, timeout: float | None = None
    ) -> list[str]:
        """Time the cells, alone on the machine; `records` are then those with their speed.

        A line for each that could not be timed. Raises StoreError where nothing can be written.
        """
        gpu = self.gpus[0] if self.gpus else None
        found = Phase(self.store, self.workers, self.plugins, timeout, progress, gpu).run(cells)
        self.records[:] = list(self.store.timed(self.records))
        pairs = zip(cells, found, strict=True)
        return [f"{cell.architecture} on {cell.task}: {timing.reason}" for cell, timing in pairs if timing.reason]

    def missing(self) -> dict[str, list[DataFile]]:
        """The files that are not there, by the tasks that are left to train and read them."""
        tasks = dict.fromkeys(cell.task for cell in self.to_train)
        absent = {
            task: [file for file in self.catalogue.task(task).value.files if not file.path.exists()] for task in tasks
        }
        return {task: files for task, files in absent.items() if files}

    def fetch(self) -> list[DataError]:
        """Download the data sets that are missing; for each that still is, the first reason."""
        errors = []
        for files in self.missing().values():
            try:
                for file in files:
                    file.fetch()
            except DataError as error:
                errors.append(error)
        return errors


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _size(size: float) -> str:
    return f"{size / 1e3:.0f} kB" if size < 1e6 else f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


def _suite(catalogue: Catalogue, name: str | None, flags: Flags) -> Suite:
    if name is None and flags.tasks:
        return adhoc_suite(flags.tasks, flags.architectures or sorted(catalogue.architectures))
    return read_suite(_DEFAULT_SUITE if name is None else name)


def _workers(asked: int | None, threads: int, gpus: Sequence[str]) -> int:
    """As asked for, or as many as there can be. Raises UsageError where these are fewer."""
    most = most_workers(threads, gpus)
    if asked is not None and asked > most:
        of = f"{count(cores(), 'core')}, {count(threads, 'thread')} a worker"
        if most < most_workers(threads, ()):
            of = f"{count(len(gpus), 'GPU')}, one a worker; CUDA_VISIBLE_DEVICES=-1 leaves them out"
        raise UsageError(f"--workers: expected at most {most} ({of}), received {asked}")
    return most if asked is None else asked

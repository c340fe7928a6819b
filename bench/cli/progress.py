"""Progress of a run: bars in a terminal, a line a cell elsewhere, nothing when quiet."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from bench.execute.local import Observer
from bench.plan import Cell
from bench.record import Record
from bench.report.text import plain

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextmanager
def observer(cells: int, *, quiet: bool) -> Iterator[Observer]:
    """Shows the training of that many cells on standard error."""
    if quiet or not cells:
        yield _Quiet()
    elif sys.stderr.isatty():
        with _Bars(cells) as bars:
            yield bars
    else:
        yield _Lines(cells)


@contextmanager
def timing(cells: int, *, quiet: bool) -> Iterator[Callable[[float], None]]:
    """Shows on standard error which share of the timing is done."""
    what = f"timing {cells} cell{'' if cells == 1 else 's'}, alone on the machine"
    if quiet:
        yield lambda share: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = TextColumn("{task.description}"), BarColumn(bar_width=16), TextColumn("{task.percentage:>3.0f} %")
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=1.0)
            yield lambda share: bar.update(task, completed=share)
    else:
        click.echo(f"{what} ...", err=True)
        yield lambda share: None


def _name(cell: Cell) -> str:
    return plain(f"{cell.task} {cell.architecture} seed {cell.seed}")


def _result(cell: Cell, record: Record) -> str:
    if record.status != "ok":
        return plain(f"{_name(cell)}: {record.status}: {record.reason}")
    solved = f", solved at step {record.steps_to_target}" if record.solved else ""
    return f"{_name(cell)}: {plain(record.metric)} {record.value:.4g} in {record.wall_seconds or 0:.0f} s{solved}"


class _Quiet:
    def started(self, worker: int, cell: Cell) -> None:
        pass

    def progressed(self, worker: int, cell: Cell, step: int, steps: int, score: float) -> None:
        pass

    def finished(self, worker: int, cell: Cell, record: Record) -> None:
        pass


class _Lines(_Quiet):
    def __init__(self, cells: int) -> None:
        self.cells, self.done = cells, 0

    def finished(self, worker: int, cell: Cell, record: Record) -> None:
        self.done += 1
        click.echo(f"[{self.done}/{self.cells}] {_result(cell, record)}", err=True)


class _Bars(_Quiet):
    """An overall bar with the time left, and a line for every worker."""

    def __init__(self, cells: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self.overall = self.progress.add_task(f"0 of {cells} cells", total=cells)
        self.lines: dict[int, TaskID] = {}
        self.cells, self.done = cells, 0
        self.fractions: dict[int, float] = {}

    def __enter__(self) -> "_Bars":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def started(self, worker: int, cell: Cell) -> None:
        if worker not in self.lines:
            self.lines[worker] = self.progress.add_task("", total=1.0)
        self.progress.reset(self.lines[worker])  # else the time left stays that of the cell before: none
        self._show(worker, f"  {_name(cell)}"[:48], 0.0)

    def progressed(self, worker: int, cell: Cell, step: int, steps: int, score: float) -> None:
        self._show(worker, f"  {_name(cell)[:36]}  {score:.4g}", step / steps)

    def finished(self, worker: int, cell: Cell, record: Record) -> None:
        self.done += 1
        self.progress.console.print(_result(cell, record), markup=False, highlight=False)
        self._show(worker, "", 0.0)

    def _show(self, worker: int, text: str, fraction: float) -> None:
        self.fractions[worker] = fraction
        if worker in self.lines:
            self.progress.update(self.lines[worker], description=text, completed=fraction)
        done = self.done + sum(self.fractions.values())
        self.progress.update(self.overall, completed=done, description=f"{self.done} of {self.cells} cells")

"""The summary in a terminal: one table per task, failures and skips beneath it. Imports no pandas and no matplotlib."""

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.record import Record
from bench.report import formats
from bench.report.aggregate import task_tables
from bench.report.rows import Row, TaskTable
from bench.report.text import plain, shorten, trim

_LEAST = 80
_NAME, _REASON = 48, 300
_SCORE = 17
"""Room for '0.981 0.975–0.988'; what is longer goes on two lines, so that 80 columns hold the rest."""


def print_summary(records: Iterable[Record], console: Console) -> None:
    """Prints every task's table, 80 columns wide or as wide as `console` is."""
    console.width = max(_LEAST, console.width)  # narrower, rich leaves out the names: a terminal breaks the lines
    tables = task_tables(records)
    for table in tables:
        console.print(_title(table))
        if any(row.planned for row in table.rows):
            console.print(_table(table))
        for line in _remarks(table):
            console.print(Text(line), style="dim", overflow="fold")
        console.print()
    console.print(Text("solved, steps to target: by validation score, steps the median over seeds"), style="dim")
    if any(formats.SHARED in formats.step(row) for table in tables for row in table.rows):
        note = f"{formats.SHARED} while training, other workers beside it; `run --speed` times cells alone"
        console.print(Text(note), style="dim")


def _title(table: TaskTable) -> Text:
    record = table.any
    about = (
        f"{plain(record.metric)} ({formats.direction(record)}), chance {record.chance:.3g}, target {record.target:.3g}"
    )
    return Text.assemble((shorten(plain(table.label), 2 * _NAME), "bold"), f": {about}")


def _table(table: TaskTable) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    grid.add_column("architecture", min_width=12, overflow="fold")
    for name in ("test score\nmean min–max", "solved", "steps to\ntarget", "para-\nmeters", "ms/\nstep"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("gradient\nfirst → last", no_wrap=True)
    for row in table.rows:
        if row.planned:
            grid.add_row(*_cells(row, best=row in table.best))
    return grid


def _cells(row: Row, *, best: bool) -> list[Text]:
    # Text, never str: rich would read [brackets] in a name as markup.
    mean, spread = formats.mean(row), formats.spread(row)
    gap = "\n" if len(f"{mean} {spread}") > _SCORE else " "
    score = Text.assemble((mean, "bold" if best else ""), gap + spread if spread else "")
    return [
        Text(shorten(plain(row.architecture), _NAME)),
        score,
        Text(f"{row.solved}/{len(row.planned)}"),
        Text(formats.steps_to_target(row)),
        Text(_compact(row.parameters)),
        Text(formats.step(row)),
        Text(formats.gradient(row)),
    ]


def _remarks(table: TaskTable) -> Iterator[str]:
    """A line for the seeds that failed for one reason, and for every skipped architecture."""
    for row in table.rows:
        name = shorten(plain(row.architecture), 24)
        for seeds, status, reason in row.unfinished:
            which = f", seed {shorten(seeds, 24)}" if status != "skipped" else ""
            yield f"{name}{which}: {status}: {trim(plain(reason), _REASON)}"


def _compact(count: int | None) -> str:
    """12345 as 12.3k: there is no room for every digit."""
    if count is None or count < 10_000:
        return formats.NOTHING if count is None else str(count)
    return next(f"{count / size:.3g}{unit}" for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if count >= size)

"""The report as Markdown for a comment on a pull request: `report.md`, one text without files beside it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.report import conditions, formats, words
from bench.report.aggregate import task_tables
from bench.report.contrasts import best_group
from bench.report.output import save
from bench.report.rows import Row, TaskTable
from bench.report.text import inert, markdown, shorten, trim
from bench.runs import Runs

LIMIT: Final = 65_536
"""Characters that GitHub takes in a comment; counted in bytes, which are no fewer."""
_NAME, _REASON, _NOTE = 60, 200, 500
_ROWS, _FAILURES, _NOTES = 50, 30, 10
"""The most lines of a table, of the list of failures, and notes."""
_COLUMNS: Final = ("architecture", "test score", "solved", "steps to target", "parameters", "ms/step")
_MEANING: Final = (
    "Test score: mean over seeds ± half of its 95 % interval (Student), or least–greatest where there is none; bold: "
    "the best, and those not told from it, where the seeds tell any apart (all pairs, Holm, 5 %). Solved: seeds whose "
    "validation score reached the target. Steps to target: median over all seeds. Parameters: trainable, embedding "
    f"apart. ms/step: median of a training step; {markdown(formats.SHARED)}: other workers ran beside it."
)


def write_markdown(runs: Runs, folder: Path, *, title: str) -> list[Path]:
    """Write `report.md` into `folder`; its path. Raises StoreError."""
    return [save(folder / "report.md", comment(runs, title=title))]


def comment(runs: Runs, *, title: str) -> str:
    """Failures first, then a table a task, at most `LIMIT` bytes: tables that do not fit are named as left out."""
    tables = task_tables(runs.records)
    parts = [inert(part) for part in (*_opening(tables, runs, title), *_failures(tables))]
    ending = f"{_MEANING}\n\n{inert(_conditions(tables))}\n"
    room = LIMIT - _size(ending) - _size(*parts) - 500  # for the sentence on what was left out
    left = []
    for table in tables:
        section = inert(_section(table))
        if _size(section) <= room:
            parts.append(section)
            room -= _size(section)
        else:
            left.append(table.label)
    if left:
        parts.append(
            f"Left out, as a comment holds {LIMIT:,} characters: {words.count(len(left), 'table')}, "
            f"first {words.bold(left[0])}. `archbench report --format html` has all."
        )
    return "\n\n".join([*parts, ending])


def _size(*parts: str) -> int:
    return sum(len(part.encode(errors="backslashreplace")) + 2 for part in parts)


def _opening(tables: Sequence[TaskTable], runs: Runs, title: str) -> Iterator[str]:
    notes = runs.notes
    planned = sum(len(row.planned) for table in tables for row in table.rows) + (runs.missing or 0)
    scored = sum(len(row.scored) for table in tables for row in table.rows)
    yield f"## {markdown(shorten(title, 200))}"
    yield f"{scored} of {words.count(planned, 'planned run')} finished with a score."
    if notes:
        shown = [f"- {markdown(trim(note, _NOTE))}" for note in notes[:_NOTES]]
        yield "\n".join([*shown, *_more(len(notes) - _NOTES, "- {} more notes")])


def _failures(tables: Sequence[TaskTable]) -> Iterator[str]:
    rows = [
        [_name(table.label), _name(row.architecture), shorten(seeds, _NAME), status, markdown(trim(reason, _REASON))]
        for table in tables
        for row in table.rows
        for seeds, status, reason in row.unfinished
    ]
    if rows:
        yield "### Failures and skips"
        header = ["task", "architecture", "seeds", "status", "reason"]
        yield "\n".join([grid(header, rows[:_FAILURES]), *_more(len(rows) - _FAILURES, "\n{} more.")])


def _section(table: TaskTable) -> str:
    record, best = table.any, best_group(table)
    rows = [_cells(row, best=row in best) for row in table.rows if row.planned]
    about = (
        f"{words.lead(table)} Metric: {markdown(record.metric)}, {formats.direction(record)}; "
        f"chance {record.chance:.4g}, target {record.target:.4g}."
    )
    lines = [grid(_COLUMNS, rows[:_ROWS])] if rows else []
    return "\n\n".join([about, *lines, *_more(len(rows) - _ROWS, "{} more, all behind these.")])


def _more(number: int, text: str) -> list[str]:
    return [text.format(number)] if number > 0 else []


def _cells(row: Row, *, best: bool) -> list[str]:
    mean, half, spread = formats.mean(row), formats.half_width(row), formats.spread(row)
    around = f" ± {half}" if half else f", {spread}" if spread else ""
    return [
        _name(row.architecture),
        (f"**{mean}**" if best else mean) + around,
        f"{row.solved} of {len(row.planned)}",
        formats.steps_to_target(row),
        formats.count(row.parameters),
        markdown(formats.step(row)),
    ]


def _conditions(tables: Sequence[TaskTable]) -> str:
    """Versions, machine and threads in a line; a name with several values has them all, with their records."""
    records = [record for table in tables for row in table.rows for record in row.records]
    values: dict[str, list[str]] = {}
    for name, value, count in conditions.machines(records):
        values.setdefault(name, []).append(f"{value} ({count})")
    found = "; ".join(
        f"{name} {found[0].rpartition(' ')[0] if len(found) == 1 else ', '.join(found)}"
        for name, found in values.items()
    )
    times = [record.measured_at for record in records]
    return f"Measured from {min(times):%Y-%m-%d} to {max(times):%Y-%m-%d}. {markdown(trim(found, 2 * _NOTE))}."


def grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the cells are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _name(label: str) -> str:
    return markdown(shorten(label, _NAME))

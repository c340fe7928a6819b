"""The report as a folder: `report.md` and the figures it shows. The same records give the same bytes."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.errors import StoreError
from bench.record import Record
from bench.report import conditions, formats, gallery, words
from bench.report.aggregate import task_tables
from bench.report.flow_table import FLOW_COLUMNS, INTERVENTIONS, flow_table, intervention_table
from bench.report.rows import Curves, Row, TaskTable
from bench.report.speed_table import SPEED_COLUMNS, speed_table
from bench.report.tables import summary
from bench.report.text import markdown, shorten, slug, trim

_NAME, _REASON = 80, 300


def write_report(records: Iterable[Record], curves: Curves, folder: Path, *, title: str) -> Path:
    """Writes `report.md`, `summary.csv` and `figures/` into `folder` and returns the path of `report.md`.

    Raises StoreError where there are no records or the folder cannot be written.
    """
    records = list(records)
    tables = task_tables(records)
    if not tables:
        raise StoreError(
            "cannot write a report: there are no records; run `archbench run` first or name another folder"
        )
    across = list(gallery.across(records, folder / "figures"))
    sections, taken = [], set[str]()
    for table in tables:
        stem = slug(table.label, taken)
        taken.add(stem)
        known = gallery.remembered(curves)
        parts = [*_heading(table), *_further(table, known), *gallery.figures(table, known, folder / "figures", stem)]
        sections.append("\n\n".join(parts))
    text = "\n\n".join(
        [*_opening(tables, title), *across, *_failures(tables), *sections, *_conditions(tables), *_definitions()]
    )
    gallery.write(folder / "summary.csv", summary(records).to_csv(index=False, lineterminator="\n").encode())
    path = folder / "report.md"
    gallery.write(path, (text + "\n").encode())
    return path


def _opening(tables: Sequence[TaskTable], title: str) -> Iterator[str]:
    planned = [record for table in tables for row in table.rows for record in row.planned]
    scored = sum(len(row.scored) for table in tables for row in table.rows)
    yield f"# {markdown(shorten(title, 200))}"
    yield f"{scored} of {len(planned)} planned runs finished with a score. {words.caution(tables)}"
    yield "All tables as one file: [summary.csv](summary.csv)."
    yield "\n".join(f"- {words.lead(table)}" for table in tables)


def _heading(table: TaskTable) -> Iterator[str]:
    record = table.any
    yield f"## {markdown(shorten(table.label, _NAME))}"
    yield (
        f"Metric: {markdown(record.metric)}, {formats.direction(record)}. Chance: {record.chance:.4g}. "
        f"Target: {record.target:.4g} on validation data. Scores are those of the {record.headline} weights."
    )
    yield grid(list(formats.COLUMNS), [_cells(row, best=row in table.best) for row in table.rows])


def _further(table: TaskTable, curves: Curves) -> Iterator[str]:
    """Tables of speed, of the gradient's reach and of interventions, where they were measured."""
    for found, above in (
        (speed_table(table), "Speed, alone on the machine, cells taking turns:"),
        (flow_table(table, curves), "How far the gradient reaches back in time, init → end:"),
        (intervention_table(table), f"{INTERVENTIONS} Metric: {markdown(table.any.metric)}."),
    ):
        if found:
            header, rows = found
            yield above
            yield grid(header, [[_name(name), *cells] for name, *cells in rows])


def _cells(row: Row, *, best: bool) -> list[str]:
    mean, spread = formats.mean(row), formats.spread(row)
    score = (f"**{mean}**" if best else mean) + (f", {spread}" if spread else "")
    if not row.planned:
        return [_name(row.architecture), "skipped", *[formats.NOTHING] * (len(formats.COLUMNS) - 2)]
    return [
        _name(row.architecture),
        score,
        f"{row.solved} of {len(row.planned)}",
        formats.steps_to_target(row),
        formats.count(row.parameters),
        formats.count(row.embedding_parameters),
        formats.known(row.train_seconds),
        markdown(formats.step(row)),
        formats.gradient(row),
        formats.count(row.not_finite),
        row.failures or "none",
    ]


def _failures(tables: Sequence[TaskTable]) -> Iterator[str]:
    yield "## Failures and skips"
    rows = [
        [
            _name(table.label),
            _name(row.architecture),
            seeds,
            status,
            markdown(trim(reason, _REASON)),
        ]
        for table in tables
        for row in table.rows
        for seeds, status, reason in row.unfinished
    ]
    yield (
        grid(["task", "architecture", "seeds", "status", "reason"], rows)
        if rows
        else "None: every planned run finished, and was measured."
    )


def _conditions(tables: Sequence[TaskTable]) -> Iterator[str]:
    records = [record for table in tables for row in table.rows for record in row.records]
    times = [record.measured_at for record in records]
    yield "## Conditions"
    yield f"Measured from {min(times).isoformat()} to {max(times).isoformat()}. What varied has a line a value."
    yield _condition_grid(conditions.machines(records))
    for table in tables:
        yield f"### Conditions of {markdown(shorten(table.label, _NAME))}"
        for settings, architectures in conditions.training(table):
            yield f"Training of {', '.join(map(_name, architectures))}: {markdown(settings)}."
        yield _condition_grid(conditions.data(table))


def _condition_grid(found: Iterable[conditions.Condition]) -> str:
    return grid(
        ["condition", "value", "records"],
        [[_name(name), markdown(trim(value, _REASON)), str(count)] for name, value, count in found],
    )


def _definitions() -> Iterator[str]:
    yield "## What the columns mean"
    meanings = formats.COLUMNS | SPEED_COLUMNS | FLOW_COLUMNS
    yield "\n".join(f"- **{name}**: {meaning}" for name, meaning in meanings.items())
    yield "'At chance': no seed came a twentieth of the way from chance to target."


def grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the cells are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _name(label: str) -> str:
    return markdown(shorten(label, _NAME))

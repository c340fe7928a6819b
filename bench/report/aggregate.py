"""The core of every report: records -> one table per task, one row per architecture, in plain Python."""

import re
from collections.abc import Iterable, Sequence

from bench.record import Record
from bench.report.labels import Labels
from bench.report.rows import Row, TaskTable
from bench.runs import latest


def task_tables(records: Iterable[Record]) -> list[TaskTable]:
    """One table per task and its settings, by label, 10 before 100; the order of `records` does not matter."""
    labels = Labels(latest(records))
    tables = (_table(list(rows.values()), labels) for rows in labels.tables.values())
    return sorted(tables, key=_natural)


def _natural(table: TaskTable) -> list[tuple[bool, int, str]]:
    parts = re.split(r"([0-9]{1,9})", table.label)
    return [(place % 2 == 1, int(part) if place % 2 else 0, part) for place, part in enumerate(parts)]


def _table(groups: Sequence[Sequence[Record]], labels: Labels) -> TaskTable:
    task = labels.task(groups[0])
    rows = (
        Row(task, labels.architecture(group), group[0].backend, tuple(sorted(group, key=lambda r: r.seed)))
        for group in groups
    )
    return TaskTable(task, tuple(sorted(rows, key=_rank)))


def _rank(row: Row) -> tuple[bool, bool, float, str, str]:
    sign = -1 if row.records[0].higher_is_better else 1
    return not row.planned, not row.scored, sign * row.mean if row.scored else 0.0, row.architecture, row.backend

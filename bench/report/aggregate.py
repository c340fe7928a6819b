"""The core of every report: records -> one table per task, one row per architecture, in plain Python."""

from collections.abc import Iterable, Sequence

from bench.record import Record
from bench.report.labels import Labels
from bench.report.rows import Row, TaskTable
from bench.runs import latest


def task_tables(records: Iterable[Record]) -> list[TaskTable]:
    """One table per task and its settings, sorted by label; the order of `records` does not matter."""
    cells = latest(records)
    labels = Labels(cells)
    tables = [
        TaskTable(labels.task(of_task), tuple(sorted(_rows(of_task, labels), key=_rank)))
        for of_task in labels.groups(cells, labels.task_key)
    ]
    return sorted(tables, key=lambda table: table.label)


def _rows(of_task: Sequence[Record], labels: Labels) -> list[Row]:
    task = labels.task(of_task)
    return [
        Row(task, labels.architecture(group), group[0].backend, tuple(sorted(group, key=lambda r: r.seed)))
        for group in labels.groups(of_task, labels.row_key)
    ]


def _rank(row: Row) -> tuple[bool, bool, float, str, str]:
    sign = -1 if row.records[0].higher_is_better else 1
    return not row.planned, not row.scored, sign * row.mean if row.scored else 0.0, row.architecture, row.backend

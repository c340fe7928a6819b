"""The rows of a report as a data frame, for CSV and for further analysis."""

from collections.abc import Iterable

import pandas as pd

from bench.record import Record
from bench.report.aggregate import task_tables
from bench.report.rows import Row


def summary(records: Iterable[Record]) -> pd.DataFrame:
    """One row per task, architecture and backend. `steps_to_target` is infinite for 'never'; NaN is unknown."""
    rows = [_flat(row) for table in task_tables(records) for row in table.rows]
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else None)


def _flat(row: Row) -> dict[str, object]:
    record = row.records[0]
    return {
        "task": row.task,
        "architecture": row.architecture,
        "backend": row.backend,
        "metric": record.metric,
        "higher_is_better": record.higher_is_better,
        "chance": record.chance,
        "target": record.target,
        "seeds": len(row.scored),
        "planned": len(row.planned),
        "mean": row.mean,
        "low": row.low,
        "high": row.high,
        "solved": row.solved,
        "steps_to_target": row.steps_to_target,
        "parameters": row.parameters,
        "embedding_parameters": row.embedding_parameters,
        "train_seconds": row.train_seconds,
        "step_milliseconds": row.step_milliseconds,
        "gradient_first": row.gradient_first,
        "gradient_last": row.gradient_last,
        "not_finite": row.not_finite,
        "failures": row.failures,
        "skipped": row.skipped,
    }

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


def _speed(record: Record | None) -> dict[str, object]:
    """Of the speed phase; empty cells where there was none."""
    step = record.step_seconds if record else None
    inference = record.inference_seconds if record else None
    speed = record.speed if record else None
    return {
        "step_noise": step.noise if step else None,
        "inference_milliseconds": 1e3 * inference.p50 if inference else None,
        "train_samples_per_second": speed.train_samples_per_second if speed else None,
        "inference_samples_per_second": speed.inference_samples_per_second if speed else None,
        "peak_bytes": record.peak_bytes if record else None,
        "flops_per_sample": record.flops_per_sample if record else None,
        "share_of_peak": speed.share_of_peak if speed else None,
    }


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
        "step_phase": "speed" if row.timed else "training",
        **_speed(row.timed),
        "gradient_first": row.gradient_first,
        "gradient_last": row.gradient_last,
        "not_finite": row.not_finite,
        "failures": row.failures,
        "skipped": row.skipped,
    }

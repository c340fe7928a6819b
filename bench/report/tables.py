"""The records as CSV: `summary.csv`, an architecture on a task a line, and `cells.csv`, a cell a line.

Names and reasons are on one line with what is invisible written out, as in all texts of a report; the exact ones are in
`report.json`. An apostrophe stands before those that a spreadsheet would take for a formula. Unknown numbers are empty;
`steps_to_target` is `inf` for never in the summary, empty in a cell.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bench.record import Record
from bench.report.aggregate import task_tables
from bench.report.output import save
from bench.report.rows import Row
from bench.report.text import plain
from bench.runs import Runs

_FORMULA: Final = ("=", "+", "-", "@")
"""What makes a spreadsheet compute a text that begins with it."""

Line = dict[str, object]


def write_csv(runs: Runs, folder: Path, *, title: str) -> list[Path]:
    """Write both files into `folder`; their paths. Raises StoreError."""
    return [
        save(folder / "summary.csv", csv_text(summary(runs.records))),
        save(folder / "cells.csv", csv_text([cell(record) for record in runs.records])),
    ]


def summary(records: Iterable[Record]) -> list[Line]:
    """A line per task, architecture and backend."""
    return [_flat(row) for table in task_tables(records) for row in table.rows]


def csv_text(lines: Sequence[Line]) -> str:
    """Lines, at least one, as a CSV file that no spreadsheet computes with."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _field(value) for name, value in line.items()} for line in lines)
    return file.getvalue()


def _field(value: object) -> object:
    if isinstance(value, str):
        text = plain(value)
        return f"'{text}" if text.startswith(_FORMULA) else text
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return str(value).lower() if isinstance(value, bool) else value


def _flat(row: Row) -> Line:
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
        "interval_low": row.interval.low if row.interval else None,
        "interval_high": row.interval.high if row.interval else None,
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


def _speed(record: Record | None) -> Line:
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


def cell(record: Record) -> Line:
    """A cell as a line: what decides it, how it ended, what it reached and took, and where it was measured."""
    norm, found = record.gradient_norm, record.conditions
    return {
        "cell_id": record.cell_id,
        "task": record.task,
        "task_settings": _settings(record.task_settings),
        "architecture": record.architecture,
        "architecture_settings": _settings(record.architecture_settings),
        "training": _settings(vars(record.training)),
        "seed": record.seed,
        "backend": record.backend,
        "status": record.status,
        "reason": record.reason,
        "metric": record.metric,
        "higher_is_better": record.higher_is_better,
        "chance": record.chance,
        "target": record.target,
        "value": record.value,
        "validation_value": record.score.validation if record.score else None,
        "solved": record.solved,
        "steps": record.steps,
        "steps_to_target": record.steps_to_target,
        "seconds_to_target": record.seconds_to_target,
        "parameters": record.parameters,
        "embedding_parameters": record.embedding_parameters,
        "train_seconds": record.train_seconds,
        "wall_seconds": record.wall_seconds,
        "compile_seconds": record.compile_seconds,
        "step_milliseconds": 1e3 * record.step_seconds.p50 if record.step_seconds else None,
        **_speed(record),
        "gradient_first": norm.first if norm else None,
        "gradient_last": norm.last if norm else None,
        "not_finite": norm.not_finite if norm else None,
        "measured_at": record.measured_at.isoformat(),
        "archbench": found.code if found else None,
        "processor": str(found.machine.get("processor", "")) if found else None,
        "device": found.device if found else None,
        "threads": found.threads if found else None,
    }


def _settings(settings: object) -> str:
    return json.dumps(settings, default=str, sort_keys=True)

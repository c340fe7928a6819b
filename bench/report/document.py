"""The report as JSON, `report.json`: its tables with their intervals, contrasts and verdicts. Names are exact.

What is unknown or not finite is null; a median of steps that is never reached is "never".
"""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bench.record import Record
from bench.report.across import Across, across
from bench.report.aggregate import task_tables
from bench.report.contrasts import best_group, contrasts
from bench.report.output import save
from bench.report.rows import NEVER, Row, TaskTable
from bench.runs import Runs
from bench.stats import binomial_interval

SCHEMA_VERSION: Final = 1


def write_json(runs: Runs, folder: Path, *, title: str) -> list[Path]:
    """Write `report.json` into `folder`; its path. Raises StoreError."""
    tables = task_tables(runs.records)
    document = {
        "schema_version": SCHEMA_VERSION,
        "title": title,
        "notes": runs.notes,
        "tasks": list(map(_task, tables)),
        "across": _across(across(tables)),
    }
    return [save(folder / "report.json", json.dumps(finite(document), indent=1, allow_nan=False) + "\n")]


def finite(value: Any) -> Any:
    """`value` with null for numbers that are not finite, all the way down."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _task(table: TaskTable) -> dict[str, Any]:
    record, best = table.any, best_group(table)
    return {
        "label": table.label,
        "task": record.task,
        "task_settings": record.task_settings,
        "metric": record.metric,
        "higher_is_better": record.higher_is_better,
        "chance": record.chance,
        "target": record.target,
        "architectures": [_architecture(row, best=row in best) for row in table.rows],
        "contrasts": [asdict(one) for one in contrasts(table)],
    }


def _architecture(row: Row, *, best: bool) -> dict[str, Any]:
    record, planned = row.records[0], len(row.planned)
    return {
        "label": row.architecture,
        "architecture": record.architecture,
        "architecture_settings": record.architecture_settings,
        "training": asdict(record.training),
        "backend": row.backend,
        "planned": planned,
        "scored": len(row.scored),
        "mean": row.mean,
        "interval": row.interval,
        "least": row.low,
        "greatest": row.high,
        "best": best,
        "solved": row.solved,
        "solved_interval": binomial_interval(row.solved, planned) if planned else None,
        "steps_to_target": "never" if row.steps_to_target == NEVER else row.steps_to_target,
        "parameters": row.parameters,
        "embedding_parameters": row.embedding_parameters,
        "step_milliseconds": row.step_milliseconds,
        "step_phase": "speed" if row.timed else "training",
        "seeds": [_seed(record) for record in row.records],
    }


def _seed(record: Record) -> dict[str, Any]:
    names = ("seed", "cell_id", "status", "reason", "value", "solved", "steps_to_target")
    return {name: getattr(record, name) for name in names}


def _across(found: Across) -> dict[str, Any]:
    return {
        "tasks": found.tasks,
        "left_out": found.left_out,
        "architectures": [
            {
                "label": one.architecture,
                "tasks": one.tasks,
                "missing": one.missing,
                "runs": one.runs,
                "unscored": one.unscored,
                "interquartile_mean": one.mean.value,
                "interval": one.mean.interval,
            }
            for one in found.summaries
        ],
        "improvements": [asdict(one) for one in found.improvements],
    }

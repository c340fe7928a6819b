"""MLflow: `mlflow.db`, a tracking store of its own in SQLite; open it with `mlflow ui --backend-store-uri sqlite:///...`.

An experiment a task, a run a cell. Written by MLflow's own client into a new store, which takes the place of the one of
the export before: nothing is added twice, and no other store or server is touched.

    params     seed, backend and all settings: task.length, architecture.units, training.lr
    metrics    test_score, validation_score in the task's metric (tag higher_is_better); steps, steps_to_target;
               train_seconds, step_seconds, inference_seconds; peak_bytes, parameters, flops_per_sample
    over steps train_loss, gradient_norm, validation_loss, validation_score: at the validations
    tags       cell_id, task, architecture, status, reason, metric, higher_is_better, archbench

A cell that did not end ok is a run that FAILED, one that was skipped a run that was KILLED, each with its reason.
Numbers that are NaN or infinite are left out, since the store would make another number of an infinity.
"""

import logging
import math
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # an export tells nobody

import numpy as np
import sqlalchemy  # noqa: F401  # the client asks for it late, and with a riddle
from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from bench.export._curves import Curve, global_norm, scalars, wall_time
from bench.export._format import Exported, Format, Request
from bench.record import Record
from bench.report.labels import Labels
from bench.report.text import plain, shorten, trim
from bench.runs import Runs

_STATUS: Final = {"ok": "FINISHED", "skipped": "KILLED"}
_OVER_STEPS: Final = ("train_loss", "validation_loss", "validation_score")
_MOST_METRICS: Final = 1000
_MOST_PARAMS: Final = 100
"""What the client takes at once."""
_NAME, _TEXT = 240, 4000


def params(record: Record) -> dict[str, str]:
    """All that decides the cell; names of the letters that MLflow bears."""
    found: dict[str, Any] = {"seed": record.seed, "backend": record.backend}
    for kind, settings in (
        ("task", record.task_settings),
        ("architecture", record.architecture_settings),
        ("training", vars(record.training)),
    ):
        found |= {f"{kind}.{key}": value for key, value in settings.items()}
    return {re.sub(r"[^\w.-]", "_", key)[:_NAME]: trim(plain(value), _TEXT) for key, value in found.items()}


def metrics(record: Record) -> dict[str, float]:
    """What was measured once."""
    step, inference = record.step_seconds, record.inference_seconds
    found = {
        "test_score": record.value,
        "validation_score": record.score.validation if record.score else None,
        "steps": record.steps,
        "steps_to_target": record.steps_to_target,
        "train_seconds": record.train_seconds,
        "step_seconds": step.p50 if step else None,
        "inference_seconds": inference.p50 if inference else None,
        "peak_bytes": record.peak_bytes,
        "parameters": record.parameters,
        "flops_per_sample": record.flops_per_sample,
    }
    return {name: float(value) for name, value in found.items() if value is not None and math.isfinite(value)}


def over_steps(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, int, float]]:
    """Name, step and value at the validations, which are few: every step is in the other formats."""
    at = set(arrays.get("evaluation_step", np.zeros(0, int)).tolist())
    norm = global_norm(arrays)
    found: list[Curve] = [curve for curve in scalars(arrays) if curve.name in _OVER_STEPS]
    for name, _, steps, values in [*found, *([norm] if norm else [])]:
        for step, value in zip(steps.tolist(), values.tolist(), strict=False):
            if step in at and math.isfinite(value):
                yield name, int(step), float(value)


def tags(record: Record) -> dict[str, str]:
    """What says which cell it is and how it ended."""
    found = {
        "cell_id": record.cell_id,
        "task": record.task,
        "architecture": record.architecture,
        "status": record.status,
        "metric": record.metric,
        "higher_is_better": str(record.higher_is_better).lower(),
        "archbench": record.conditions.code if record.conditions else "",
    }
    found |= {"reason": record.reason} if record.reason else {}
    return {f"archbench.{name}": trim(plain(value), _TEXT) for name, value in found.items()}


def run_names(records: Sequence[Record]) -> list[str]:
    """Architecture, seed, and the settings that vary in the export."""
    labels, names = Labels(records), []
    for record in records:
        of_task = labels.task([record]).removeprefix(record.task)
        names.append(shorten(plain(f"{labels.architecture([record])} seed {record.seed}{of_task}"), _NAME))
    return names


def _log(
    client: MlflowClient, experiment: str, *, title: str, record: Record, arrays: Mapping[str, np.ndarray]
) -> None:
    begin, end = (int(1000 * wall_time(record, step)) for step in (0, record.steps))
    run = client.create_run(experiment, start_time=begin, tags=tags(record), run_name=title).info.run_id
    given = [Param(name, value) for name, value in params(record).items()]
    for first in range(0, len(given), _MOST_PARAMS):
        client.log_batch(run, params=given[first : first + _MOST_PARAMS])
    points = [
        *(Metric(name, value, int(1000 * wall_time(record, step)), step) for name, step, value in over_steps(arrays)),
        *(Metric(name, value, end, record.steps) for name, value in metrics(record).items()),
    ]
    for first in range(0, len(points), _MOST_METRICS):
        client.log_batch(run, metrics=points[first : first + _MOST_METRICS])
    client.set_terminated(run, _STATUS.get(record.status, "FAILED"), end_time=end)


def _store(runs: Runs, place: Path) -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on what it is built of
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        file = Path(folder) / "mlflow.db"
        client = MlflowClient(tracking_uri=f"sqlite:///{file}")
        experiments: dict[str, str] = {}
        for record, title in zip(runs.records, run_names(runs.records), strict=True):
            name = shorten(plain(record.task), _NAME) or "unnamed"
            if name not in experiments:
                there = client.get_experiment_by_name(name)  # MLflow makes one itself, named Default
                artifacts = (place.resolve() / "artifacts").as_uri()
                experiments[name] = (
                    there.experiment_id if there else client.create_experiment(name, artifact_location=artifacts)
                )
            arrays = runs.curves(record) if record.curves else {}
            _log(client, experiments[name], title=title, record=record, arrays=arrays)
        yield "mlflow.db", file.read_bytes()


def _export(request: Request) -> Exported:
    return Exported(_store(request.runs, request.place), [])


FORMAT = Format(_export)

"""A cell as the JSON object that `archbench show --json` prints."""

import math
from typing import Any

from bench.record import Percentiles, Record


def cell_object(record: Record) -> dict[str, Any]:
    """The fields other programs may rely on; what was not measured, or is not finite, is null."""
    return {
        "cell_id": record.cell_id,
        "task": record.task,
        "task_settings": record.task_settings,
        "architecture": record.architecture,
        "architecture_settings": record.architecture_settings,
        "seed": record.seed,
        "backend": record.backend,
        "status": record.status,
        "reason": record.reason,
        "metric": record.metric,
        "higher_is_better": record.higher_is_better,
        "value": _finite(record.value),
        "validation_value": _finite(record.score.validation) if record.score else None,
        "chance": _finite(record.chance),
        "solved": record.solved,
        "steps": record.steps,
        "steps_to_target": record.steps_to_target,
        "parameters": record.parameters,
        "embedding_parameters": record.embedding_parameters,
        "flops_per_sample": record.flops_per_sample,
        "train_seconds": _finite(record.train_seconds),
        "compile_seconds": _finite(record.compile_seconds),
        "step_seconds": _percentiles(record.step_seconds),
        "inference_seconds": _percentiles(record.inference_seconds),
        "peak_bytes": record.peak_bytes,
        "gradient": record.gradient,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _percentiles(value: Percentiles | None) -> dict[str, float | None] | None:
    return None if value is None else {key: _finite(number) for key, number in value if number is not None}

"""A cell as the JSON object that `archbench show --json` prints."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from bench.record import Decay, GradientFlow, Percentiles, Record, Speed

NONE = "none"
"""Half-life of a gradient that does not fall."""


def cell_object(record: Record, curves: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The fields other programs may rely on; what was not measured, or is not finite, is null.

    `curves`: the arrays beside the record; empty where there are none.
    """
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
        "gradient": _gradient(record, curves),
        "interventions": record.interventions and {key: _finite(each) for key, each in record.interventions.items()},
        "speed": _speed(record.speed),
    }


def group_object(record: Record) -> dict[str, Any]:
    """What the cells of a group have in common: they differ in the seed alone."""
    return {
        "task": record.task,
        "task_settings": record.task_settings,
        "architecture": record.architecture,
        "architecture_settings": record.architecture_settings,
        "training": asdict(record.training),
        "backend": record.backend,
        "metric": record.metric,
        "higher_is_better": record.higher_is_better,
    }


def _speed(speed: Speed | None) -> dict[str, Any] | None:
    """Rates and times beside those above; where and when they were measured is in the file beside the records."""
    if speed is None:
        return None
    rates = (
        "build_seconds",
        "compile_seconds",
        "train_samples_per_second",
        "inference_samples_per_second",
        "train_tokens_per_second",
        "inference_tokens_per_second",
        "matmul_flops_per_second",
        "share_of_peak",
    )
    return {
        "cell_id": speed.cell_id,
        "rounds": speed.rounds,
        "batch_inference_seconds": _percentiles(speed.batch_inference_seconds),
        **{name: _finite(getattr(speed, name)) for name in rates},
        "uncounted": speed.uncounted,
    }


def _gradient(record: Record, curves: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """By "init", each probed step and "end"; the arrays hold these moments in the same order."""
    if record.gradient is None:
        return None
    return {key: _flow(flow, curves, moment) for moment, (key, flow) in enumerate(record.gradient.items())}


def _flow(flow: GradientFlow, curves: Mapping[str, np.ndarray], moment: int) -> dict[str, Any]:
    """Norms by lag, or for images and vectors by position with `lag` null; no keys for states that are not there."""
    profiles = {state: _profile(curves, state, moment) for state in ("input", "h", "c")}
    known = {state: found for state, found in profiles.items() if found is not None or state in flow.decay}
    lags = max((len(found) for state, found in known.items() if found and state in flow.decay), default=0)
    states = [state for state in ("h", "c") if state in flow.decay]
    return {
        "lag": list(range(lags)) if lags else None,
        **{f"log10_{state}": found for state, found in known.items()},
        **{f"half_life_{state}": _half_life(flow.decay[state]) for state in states},
        **{f"horizon_{state}": flow.decay[state].horizon for state in states},
        "loss": _finite(flow.loss),
    }


def _profile(curves: Mapping[str, np.ndarray], state: str, moment: int) -> list[float | None] | None:
    """Mean over sequences of the log10 norm; None where it was not measured."""
    array = curves.get(f"profile_{state}")
    if array is None or moment >= len(array):
        return None
    return [_finite(value) for value in array[moment, :, 0].tolist()]


def _half_life(decay: Decay) -> float | str | None:
    return NONE if decay.half_life == math.inf else _finite(decay.half_life)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _percentiles(value: Percentiles | None) -> dict[str, float | None] | None:
    return None if value is None else {key: _finite(number) for key, number in value if number is not None}

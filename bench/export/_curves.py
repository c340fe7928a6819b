"""Curves of a record as scalars over training steps, and when a step was."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from bench.record import Record
from bench.report.labels import Labels
from bench.report.text import plain, slug

_BY_EVALUATION: Final = ("validation_loss", "validation_score")
_BY_VARIABLE: Final = ("gradient_norm", "weight_norm", "update_norm")
_WIDE: Final = 80


class Curve(NamedTuple):
    """One number over training steps."""

    name: str
    """That of the array (bench.record.CURVES)."""
    variable: str | None
    """Path of the variable where it is of one. Untrusted text."""
    steps: np.ndarray
    """(n,) training steps done; 0 is before training."""
    values: np.ndarray
    """(n,) as they were measured: NaN and infinities are what a diverging model gave."""


def scalars(arrays: Mapping[str, np.ndarray]) -> Iterator[Curve]:
    """All curves over steps in the arrays beside a record."""
    if "train_loss" in arrays:
        yield Curve("train_loss", None, _every(arrays["train_loss"]), arrays["train_loss"])
    if "probe_loss" in arrays:
        yield Curve("probe_loss", None, arrays["probe_step"], arrays["probe_loss"])
    at = arrays.get("evaluation_step", np.zeros(0, int))
    for name in _BY_EVALUATION:
        if name in arrays:
            yield Curve(name, None, at, arrays[name])
    for name in _BY_VARIABLE:
        table = arrays.get(name)
        if table is not None:
            steps = _every(table) if name == "gradient_norm" else at
            begin = 1 if name == "update_norm" else 0  # no step was done before the first
            for column, variable in enumerate(arrays["variables"].tolist()):
                yield Curve(name, str(variable), steps[begin:], table[begin:, column])


def global_norm(arrays: Mapping[str, np.ndarray]) -> Curve | None:
    """Norm of the whole parameter gradient before clipping, at every step."""
    table = arrays.get("gradient_norm")
    if table is None:
        return None
    # hypot: a norm of 1e30 has no square in float32, and a diverging model has such norms.
    return Curve("gradient_norm", None, _every(table), np.hypot.reduce(table.astype("float64"), axis=1))


def wall_time(record: Record, step: int | np.integer) -> float:
    """Seconds since 1970 at a training step: steps count as equally long, the last as done when it was measured."""
    took = record.train_seconds or 0.0
    return record.measured_at.timestamp() - took * (1 - min(int(step), record.steps) / max(record.steps, 1))


def seed_folders(records: Sequence[Record]) -> list[str]:
    """`task-length-20/architecture/seed-0-0123abcd` of each, below the folder, with the settings that vary in them."""
    labels, found = Labels(records), dict[str, None]()
    for record in records:
        parent = "/".join(slug(plain(name([record])), width=_WIDE) for name in (labels.task, labels.architecture))
        cell = re.sub(r"[^0-9a-f]", "", record.cell_id)[:8]
        seed = slug(f"seed-{record.seed}-{cell}")
        path, number = f"{parent}/{seed}", 2
        while path in found:
            path, number = f"{parent}/{seed}-{number}", number + 1
        found[path] = None
    return list(found)


def _every(array: np.ndarray) -> np.ndarray:
    return np.arange(1, len(array) + 1)

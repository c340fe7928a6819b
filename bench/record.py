"""The results schema, in one place: what is written about a cell."""

import math
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from bench.setting import Value
from bench.task import Training

SCHEMA_VERSION: Final = 1

Status = Literal["ok", "failed", "diverged", "timeout", "out-of-memory", "skipped"]


def _read_number(value: Any) -> Any:
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}.get(value, value) if isinstance(value, str) else value


def _write_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


Number = Annotated[float, BeforeValidator(_read_number), PlainSerializer(_write_number, when_used="json")]
"""A float that survives JSON: NaN and infinities are written as texts, since JSON has none."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(_Part):
    """Weights at one point of the training, evaluated once on validation and test data."""

    step: int
    validation: Number
    validation_loss: Number
    test: Number
    test_loss: Number


class Percentiles(_Part):
    """Percentiles in seconds."""

    p50: Number
    p90: Number | None = None
    p99: Number


class Conditions(_Part):
    """Where and with what a cell was measured."""

    code: str
    """Version of archbench, and the hash of the source that decides the numbers."""
    libraries: dict[str, str]
    """Versions of Python, Keras, the backend and NumPy."""
    machine: dict[str, str | int]
    """Processor, cores, memory in bytes, operating system."""
    device: str
    threads: int
    affinity: list[int]
    """Processors the worker was pinned to; empty where the system cannot pin."""
    data_hash: str
    """SHA-256 over the validation and test arrays and, for data sets, the training arrays."""
    train_samples: int | None
    """Size of the training set; null where every step draws fresh samples."""
    validation_samples: int
    test_samples: int


class Record(_Part):
    """All that is known of one attempt at one cell. What was not measured is null."""

    schema_version: Literal[1] = 1
    cell_id: str
    identity: dict[str, Any]
    """All that decides the cell's numbers; `cell_id` is its hash."""
    task: str
    task_settings: dict[str, Value]
    architecture: str
    architecture_settings: dict[str, Value]
    """As asked for. Where `--params` chose the width, `units` says which."""
    seed: int
    backend: str
    training: Training

    status: Status
    reason: str | None = None
    """What happened, where the status is not ok."""
    measured_at: datetime
    conditions: Conditions | None = None

    metric: str
    higher_is_better: bool
    chance: Number
    target: Number
    """Validation score at which the task counts as solved, ..."""
    target_evaluations: int
    """... once this many evaluations in a row reach it."""
    headline: Literal["best", "final"] = "best"
    """Which weights `value` is from: those with the best validation score, or the last."""
    best: Score | None = None
    final: Score | None = None

    solved: bool = False
    steps: int = 0
    """Training steps done."""
    steps_to_target: int | None = None
    seconds_to_target: Number | None = None
    """Training time until then, evaluation excluded."""

    units: int | None = None
    parameters: int | None = None
    """Trainable parameters outside the embedding."""
    embedding_parameters: int | None = None
    flops_per_sample: int | None = None

    train_seconds: Number | None = None
    """Wall time inside training steps, the first step and all data preparation and evaluation excluded.
    Measured in the training phase, other workers beside it."""
    wall_seconds: Number | None = None
    """The whole cell: data and model where they were not there yet, training, evaluation."""
    compile_seconds: Number | None = None
    """The first step: tracing and compiling. Null where an earlier seed of the worker had compiled."""
    step_seconds: Percentiles | None = None
    inference_seconds: Percentiles | None = None
    peak_bytes: int | None = None

    gradient: dict[str, Any] | None = None
    """Gradient flow through time."""
    gradient_norm: "GradientNorm | None" = None
    curves: str | None = None
    """Name of the `.npz` file beside the record."""

    @property
    def score(self) -> Score | None:
        """The headline score."""
        return self.best if self.headline == "best" else self.final

    @property
    def value(self) -> float:
        """Headline test score; NaN where there is none."""
        return self.score.test if self.score else math.nan


class GradientNorm(_Part):
    """The global norm of the parameter gradient before clipping: medians over the first and last tenth of the steps."""

    first: Number
    last: Number
    largest: Number
    not_finite: int
    """Steps with a NaN or infinite gradient."""
    clipped: Number | None
    """Share of steps above the clipping bound; null without one."""


Record.model_rebuild()

CURVES = {
    "evaluation_step": "(evaluations,) step of each validation; 0 is before training",
    "train_loss": "(steps,) loss of each training batch",
    "validation_loss": "(evaluations,)",
    "validation_score": "(evaluations,) the task's metric",
    "gradient_norm": "(steps, variables) norm of each variable's gradient before clipping",
    "weight_norm": "(evaluations, variables)",
    "update_norm": "(evaluations, variables) norm of the last step's change of each variable; NaN at step 0",
    "variables": "(variables,) paths of the trainable variables",
}
"""Arrays of the `.npz` file beside a record: name -> shape and meaning."""

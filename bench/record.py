"""The results schema, in one place: what is written about a cell."""

import math
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer

from bench.setting import Value
from bench.task import Training

SCHEMA_VERSION: Final = 1
REFERENCE_FLOPS: Final = 1e9
"""Operations of the reference product, a float32 matrix product that times of different jobs are counted in."""

Status = Literal["ok", "failed", "diverged", "timeout", "out-of-memory", "skipped"]


def _write_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


Number = Annotated[float, PlainSerializer(_write_number, when_used="json")]
"""A float that survives JSON: NaN and infinities are written as texts, since JSON has none; Pydantic reads them."""


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
    noise: Number | None = None
    """Ratio, at least 1: two medians of the same cell, taken in the same rounds, stay within it 19 times of 20."""
    calls: int | None = None
    """How many calls were timed."""


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
    checksum: str | None = None
    """SHA-256 of the file with this empty, first 16 hex digits: tells an edited file. Null before it is stored."""
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
    """Operations of one sample's way forward (bench.flops). With the speed phase."""

    train_seconds: Number | None = None
    """Wall time inside training steps, the first step and all data preparation and evaluation excluded.
    Measured in the training phase, other workers beside it."""
    wall_seconds: Number | None = None
    """The whole cell: data and model where they were not there yet, training, evaluation."""
    compile_seconds: Number | None = None
    """The first step: tracing and compiling. Null where the worker had compiled it for an earlier cell, or, on JAX,
    another worker of the run had."""
    step_seconds: Percentiles | None = None
    """A training step, alone on the machine. This and what follows is of the speed phase and stands in a file of its
    own (Timing): it is measured on one seed of the cells that differ in nothing else, and holds for all of them."""
    inference_seconds: Percentiles | None = None
    """Inference of one sample."""
    peak_bytes: int | None = None
    """The most memory that training steps take: on a GPU what the backend says, else that of the process beyond what it
    held before the first step, and the weights and optimizer state. Data is not in it."""
    speed: "Speed | None" = None

    gradient: "dict[str, GradientFlow] | None" = None
    """Gradient flow through time at "init", at the steps probed and at the "end", in this order."""
    interventions: dict[str, Number] | None = None
    """Validation score of the last weights by what was changed (bench.gradients.interventions); "none" is without."""
    unmeasured: str | None = None
    """Which measurement of the gradient flow failed, and why; those after it were not tried."""
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

    @property
    def step_ratio(self) -> float:
        """The median training step by the time of the reference product in the same job; NaN where it was not timed."""
        if not (self.step_seconds and self.speed):
            return math.nan
        return self.step_seconds.p50 * self.speed.matmul_flops_per_second / REFERENCE_FLOPS


class Speed(_Part):
    """What else the speed phase measures, and of which cell, when and where."""

    cell_id: str
    """The cell that was timed."""
    measured_at: datetime
    conditions: Conditions
    rounds: int
    """Each cell was visited twice in every round, the cells in random order."""
    build_seconds: Number
    """Making the Keras model."""
    compile_seconds: Number
    """The first training step: tracing and compiling. Measured once, so without noise."""
    batch_inference_seconds: Percentiles
    """Inference of as many samples as a training step has."""
    train_samples_per_second: Number
    inference_samples_per_second: Number
    """At the training batch, by the median."""
    train_tokens_per_second: Number | None = None
    inference_tokens_per_second: Number | None = None
    """Time steps of sequences; null for other inputs."""
    uncounted: list[str] = []
    """Kinds of layers whose operations are not known; `flops_per_sample` is null then."""
    matmul_flops_per_second: Number
    """The best rate of a square float32 matrix product in the same rounds, with the same threads."""
    share_of_peak: Number | None = None
    """Of that rate, what a training step reaches, counted as three times the way forward."""


class Timing(_Part):
    """What the speed phase adds to the records of a group: a file of its own, joined to them on reading."""

    schema_version: Literal[1] = 1
    group: str
    """Hash of the identity without its seed (bench.plan.group_id)."""
    reason: str | None = None
    """Why there is no speed."""
    step_seconds: Percentiles | None = None
    inference_seconds: Percentiles | None = None
    peak_bytes: int | None = None
    flops_per_sample: int | None = None
    speed: Speed | None = None

    def measured(self) -> dict[str, Any]:
        """The fields that records have too."""
        return {name: value for name, value in self if name not in ("schema_version", "group", "reason")}


class GradientNorm(_Part):
    """The global norm of the parameter gradient before clipping: medians over the first and last tenth of the steps."""

    first: Number
    last: Number
    largest: Number
    not_finite: int
    """Steps with a NaN or infinite gradient."""
    clipped: Number | None
    """Share of steps above the clipping bound; null without one."""
    exploded: Number = 0.0
    """Share of steps with a norm above ten times the median of the steps before."""
    to_weight: Number = math.nan
    """Median over the validations of the norm of the gradient by that of the weights."""


class Decay(_Part):
    """How fast the gradient of one sequence's loss falls with lag (bench.gradients.profile)."""

    rate: Number
    """Slope of the log of the geometric mean, nats a step; NaN where the window holds fewer than three lags."""
    r2: Number
    first: int
    last: int
    """Lags of the window fitted, both within."""
    half_life: Number
    """Steps; infinite where the profile does not fall."""
    horizon: int
    """The smallest lag with less than a thousandth of what arrives at lag 0, or the last lag where `censored`; 0 where
    nothing arrives at any lag, and 0 and `censored` where there is nothing to compare with."""
    censored: bool


class Gate(_Part):
    """One gate over all steps of the probed sequences. Time constants belong to gates that keep a state."""

    mean: Number
    above_90: Number
    below_10: Number
    """Shares of all values."""
    tau_median: Number | None = None
    tau_longest: Number | None = None
    """Steps: -1 / mean of ln f, over units."""
    at_cues: Number | None = None
    at_distractors: Number | None = None
    """Means over the steps that carry what is asked for, and over the others."""
    carrying: Number | None = None
    """Mean over the others in the units that carry: the fewest that make up half of the gradient's effect half-way."""
    auc_best: Number | None = None
    """How well the best unit tells cues from other steps: area under the ROC curve."""
    cue_units: Number | None = None
    """Share of units with an area of at least 0.9."""
    auc_carrying: Number | None = None
    """The area of one detector, over the steps up to half-way: the mean of the gate over the units that carry there."""


class Saturation(_Part):
    """State of the units of the first recurrent layer."""

    open: Number
    """Mean of 1 - h^2: the slope of tanh."""
    saturated: Number
    """Share of values beyond 0.99."""
    dead: Number
    """Share of units that are 0 at every step of every sequence."""


class GradientFlow(_Part):
    """One probe of the gradient through time, at some step of the training."""

    step: int
    loss: Number
    """Mean loss of the probed sequences; at one step only (Training.probe_at), where there is one a step."""
    samples: int
    """Sequences probed: the first of the validation set."""
    not_finite: int
    """Sequences with a NaN or infinite gradient; they are in no profile."""
    decay: dict[str, Decay]
    """By what the gradient is taken of: "input", "h" and "c" of the first recurrent layer, and "LAYER.h" of others."""
    gates: dict[str, Gate] = {}
    """"forget", "input" (LSTM) and "update" (GRU: the share that is kept) of the first recurrent layer."""
    saturation: Saturation | None = None
    unprobed: dict[str, str] = {}
    """Recurrent layers whose states could not be probed, and why."""


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
    "probe_step": "(moments,) step of each probe of the gradient; 0 is before training",
    "probe_loss": "(moments,) mean loss of the probed sequences",
    "profile_*": "(moments, lags, 4) log10 of the norm of the gradient of one sequence's loss with respect to *, at a "
    "lag: mean over sequences, 10, 50 and 90 % quantiles; of images and vectors by position, row by row",
    "floored_*": "(moments, lags) share of sequences at or below the floor, where they are entered",
    "gradient_floor": "() log10 of the least norm that is told from 0",
    "gate_*": "(moments, units) mean of a gate over steps and sequences",
    "example_*": "(2, time, units) a gate over the first probed sequence, at init and at the end",
    "example_cues": "(time,) where that sequence holds what is asked for",
    "lag_share": "(2, bins) share of each bin of lags in the gradient of the recurrent weights, at init and at the end",
    "lag_share_edges": "(bins + 1,) first lag of each bin",
    "lyapunov": "(2, states) Lyapunov exponents in nats a step, descending, at init and at the end",
    "singular_values": "(2, k, states) log10 of the singular values of ds_T/ds_(T-lag), at init and at the end",
    "singular_lags": "(k,)",
    "memory": "(2, lags) R^2 of the linear readout of x_(T-lag) from h_T, leaving one out, at init and at the end",
    "memory_cues": "(2, cues) R^2 of the linear readout of x at the k-th cue of the first half from h half-way",
    "filters": "(2, height, width, channels, filters) first convolution of an image model, at init and at the end",
}
"""Arrays of the `.npz` file beside a record: name -> shape and meaning. What was not measured is not there."""

"""What a task is: data, what is asked of a model, and how its answer is scored. Numpy only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np

from bench.architecture import InputSpec
from bench.errors import DataError
from bench.files import DataFile
from bench.setting import Setting, Value

Loss = Literal["cross-entropy", "mse"]


class Split(NamedTuple):
    """Inputs `x` (samples, *spec.shape) and targets `y`.

    cross-entropy: `y` int32, (samples,) or (samples, time) for one target a step.
    mse: `y` float32, (samples, *spec.output_shape).
    """

    x: np.ndarray
    y: np.ndarray


Draw = Callable[[np.random.Generator, int], Split]
"""`draw(rng, n)` returns n fresh samples."""


@dataclass(frozen=True)
class Data:
    """The three splits of a task. `train` is an array pair, or a function that draws fresh samples."""

    train: Split | Draw
    validation: Split
    test: Split


@dataclass(frozen=True)
class Metric:
    """How an answer is scored: `score(y, output)` returns one value a sample, (samples,); the metric is their mean."""

    name: str
    score: Callable[[np.ndarray, np.ndarray], np.ndarray]
    higher_is_better: bool


def _correct(y: np.ndarray, output: np.ndarray) -> np.ndarray:
    hit = np.equal(np.argmax(output, axis=-1), y).reshape(len(y), -1)
    return np.asarray(hit.mean(axis=1))


def _squared_error(y: np.ndarray, output: np.ndarray) -> np.ndarray:
    return np.asarray(np.square(output.astype("float64") - y).reshape(len(y), -1).mean(axis=1))


ACCURACY = Metric("accuracy", _correct, higher_is_better=True)
MSE = Metric("mse", _squared_error, higher_is_better=False)


@dataclass(frozen=True)
class Solved:
    """A task counts as solved once the validation score reaches `threshold` on `in_a_row` evaluations in a row."""

    threshold: float
    in_a_row: int = 3

    def reached(self, score: float, metric: Metric) -> bool:
        return score >= self.threshold if metric.higher_is_better else score <= self.threshold


@dataclass(frozen=True)
class Training:
    """The conditions under which every architecture of a comparison is trained. One of `steps` and `epochs` is set."""

    steps: int | None = None
    epochs: int | None = None
    batch_size: int = 64
    optimizer: str = "adam"
    lr: float = 1e-3
    clip: float | None = None
    """Bound on the global gradient norm (Keras's global_clipnorm)."""
    evaluations: int = 20
    """Validations over the training, evenly spaced."""
    stop_solved: bool = False
    """End a cell at the evaluation that solves the task."""
    train_size: int | None = None
    """Use this many training samples, the same for every seed; None: all, or fresh ones where the task draws."""
    probe_every: int | None = None
    """Probe the gradient flow at init, every so many steps and at the end. None: half-way between; 0: never."""
    probe_at: int | None = None
    """Step whose loss is probed where there is a loss at every step, from 0; None: the last."""
    spectrum: bool = False
    """Also take the Jacobians of the state at init and at the end: their singular values and Lyapunov exponents."""

    @property
    def planned_steps(self) -> int | None:
        """`steps`, or those of `epochs` where `train_size` tells them; None where only the data do."""
        if self.epochs is None:
            return self.steps
        return None if self.train_size is None else self.epochs * (self.train_size // self.batch_size)


WATCHING: Final = ("probe_every", "spectrum")
"""Conditions of a training that change what is measured and not what is learned."""

Settings = Mapping[str, Value]


@dataclass(frozen=True)
class Task:
    """A task definition. Exactly one of `draw` and `load` is given.

    `draw(rng, n, **settings) -> Split` is for synthetic tasks: training data is fresh at every step; validation and
    test sets are drawn once, from generators that depend on the settings alone, with the sizes in the settings
    `validation_size` and `test_size`, which are added to `settings`.
    `load(**settings) -> Data` is for data sets.
    `spec`, `chance` and `chance_loss` are functions of all settings, the added ones too: let them accept `**_`.
    """

    summary: str
    """What ability is tested, in one line."""
    source: str
    spec: Callable[..., InputSpec]
    loss: Loss
    metric: Metric
    chance: Callable[..., float]
    """Test score of the best predictor that does not see the input, chosen on the training labels."""
    solved: Solved
    settings: Mapping[str, Setting] = field(default_factory=dict)
    training: Training = Training(steps=1000)
    draw: Callable[..., Split] | None = None
    load: Callable[..., Data] | None = None
    files: tuple[DataFile, ...] = ()
    """What `archbench data fetch` downloads for this task."""
    chance_loss: Callable[..., float] | None = None
    """Loss of that predictor, where it is known exactly."""
    cues: Callable[[np.ndarray], np.ndarray] | None = None
    """`cues(x)` tells the steps that carry what is asked for: (samples, time) bool. None: no steps stand out."""

    def __post_init__(self) -> None:
        if (self.draw is None) == (self.load is None):
            raise ValueError("invalid task: expected exactly one of draw and load")
        if self.draw is not None:
            object.__setattr__(self, "settings", {**_SIZES, **self.settings})

    def data(self, settings: Settings) -> Data:
        """The task's data under complete `settings`. Raises DataError where a file is missing or altered."""
        if self.load is not None:
            return self.load(**settings)
        assert self.draw is not None
        own = {name: value for name, value in settings.items() if name not in _SIZES}
        draw = self.draw

        def fresh(rng: np.random.Generator, n: int) -> Split:
            return draw(rng, n, **own)

        validation, test = np.random.SeedSequence(_HELD_OUT).spawn(2)
        return Data(
            train=fresh,
            validation=fresh(np.random.default_rng(validation), int(settings["validation_size"])),
            test=fresh(np.random.default_rng(test), int(settings["test_size"])),
        )


_HELD_OUT = 0x7E57
"""Entropy of the held-out sets; training generators spawn from other entropy, so the streams never meet."""
_SIZES = {
    "validation_size": Setting(1_000, "sequences in the fixed validation set", minimum=1),
    "test_size": Setting(10_000, "sequences in the fixed test set", minimum=1),
}


def check(data: Data, spec: InputSpec, loss: Loss) -> None:
    """Raises DataError where data is not what the spec and the loss promise: shapes, dtypes, finite values, ranges."""
    if not isinstance(data, Data):
        raise DataError(f"data: expected a Data(train, validation, test), received {type(data).__name__}")
    probe = data.train(np.random.default_rng(0), 2) if callable(data.train) else data.train
    for name, split in (("train", probe), ("validation", data.validation), ("test", data.test)):
        if not isinstance(split, Split):
            raise DataError(f"{name} data: expected a Split(x, y), received {type(split).__name__}")
        x, y = split
        targets = (spec.shape[0],) if spec.per_step else ()
        _check_array(f"{name} x", x, spec.shape, "int32" if spec.kind == "tokens" else "float32")
        if loss == "cross-entropy":
            _check_array(f"{name} y", y, targets, "int32")
        else:
            _check_array(f"{name} y", y, spec.output_shape, "float32")
        if len(x) != len(y) or not len(x):
            raise DataError(f"{name} data: expected as many targets as inputs, at least 1, received {len(x)}, {len(y)}")
        _check_range(f"{name} x", x, spec.vocabulary)
        _check_range(f"{name} y", y, spec.outputs if loss == "cross-entropy" else None)


def _check_array(name: str, array: np.ndarray, shape: tuple[int, ...], dtype: str) -> None:
    found = getattr(array, "shape", None)
    if found is None or found[1:] != shape or array.dtype != dtype:
        received = f"{array.dtype} {found}" if found is not None else type(array).__name__
        expected = ", ".join(map(str, ("samples", *shape))) + ("" if shape else ",")
        raise DataError(f"{name}: expected {dtype} ({expected}), received {received}")


def _check_range(name: str, array: np.ndarray, end: int | None) -> None:
    if array.dtype.kind == "f":
        bad = int(np.size(array) - np.isfinite(array).sum())
        if bad:
            raise DataError(f"{name}: expected finite values, received {bad} that are NaN or infinite")
    elif end is not None and (array.min() < 0 or array.max() >= end):
        raise DataError(f"{name}: expected values in [0, {end}), received [{array.min()}, {array.max()}]")

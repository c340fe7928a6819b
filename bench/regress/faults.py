"""Faults that a test has the worker of one side commit, so that every gate is seen to find what it is there for.

`ARCHBENCH_FAULTS="busy=0.05,nan=7"` in the environment of a worker; nobody else reads it.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from bench.errors import UsageError, unknown
from bench.step import Step
from bench.task import Data, Split

VARIABLE: Final = "ARCHBENCH_FAULTS"
Call = Callable[..., Any]


def inject(text: str, group: Any) -> None:
    """Give a bench.cell.Group the faults of `text`, before anything is traced. Raises UsageError for an unknown one."""
    for part in filter(None, check(text).split(",")):
        name, _, value = part.partition("=")
        if name in _STEPS:
            group.step = _Faulty(group.step, _STEPS[name](group, group.step, float(value or 1)))
        else:
            _GROUPS[name](group, float(value or 1))


class _Faulty(Step):
    """A step with a fault around its calls."""

    def __init__(self, step: Step, call: Call) -> None:
        super().__init__(step.model)
        self.step, self.call = step, call

    def reset(self) -> None:
        self.step.reset()

    def __call__(self, x: np.ndarray, y: np.ndarray) -> float:
        return float(self.call(x, y))

    def sync(self) -> None:
        self.step.sync()


def _busy(_: Any, step: Call, share: float) -> Call:
    """Waits, and lets nobody else run, for a share of the step's time."""

    def slower(*given: Any) -> Any:
        start = time.perf_counter()
        found = step(*given)
        end = time.perf_counter() + share * (time.perf_counter() - start)
        while time.perf_counter() < end:
            pass
        return found

    return slower


def _retrace(group: Any, step: Call, _: float) -> Call:
    """Has every step traced anew."""

    def retraced(*given: Any) -> Any:
        group.model.make_train_function(force=True)
        return step(*given)

    return retraced


def _nan(group: Any, step: Call, at: float) -> Call:
    """A weight is NaN from the step `at` of each training on, counted from 1."""

    def broken(*given: Any) -> Any:
        group.step.sync()
        if int(group.optimizer.iterations) == at - 1:
            variable = group.model.trainable_variables[0]
            variable.assign(np.full(variable.shape, np.nan, variable.dtype))
        return step(*given)

    return broken


def _rounding(group: Any, step: Call, _: float) -> Call:
    """Weights are off by a millionth before the first step of each training: nothing is worse, only other."""

    def rounded(*given: Any) -> Any:
        group.step.sync()
        if int(group.optimizer.iterations) == 0:
            for variable in group.model.trainable_variables:
                variable.assign(variable * (1 + 1e-6))
        return step(*given)

    return rounded


def _memory(_: Any, step: Call, size: float) -> Call:
    """Holds so many bytes more while a step runs."""

    def larger(*given: Any) -> Any:
        held = np.ones(int(size), "uint8")
        found = step(*given)
        return found if held[-1] else None

    return larger


def _unclipped(group: Any, _: float) -> None:
    group.optimizer.global_clipnorm = None


def _dead(group: Any, _: float) -> None:
    """The first variable gets no gradient."""
    apply = group.optimizer.apply

    def numb(grads: list[Any], variables: Any = None) -> Any:
        return apply([grads[0] * 0, *grads[1:]], variables)

    group.optimizer.apply = numb


def _noisy(group: Any, share: float) -> None:
    """Deals the targets of a share of the training samples out anew."""
    rng, train = np.random.default_rng(0), group.data.train

    def wrong(split: Split) -> Split:
        chosen = rng.permutation(len(split.y))[: round(share * len(split.y))]
        y = split.y.copy()
        y[chosen] = split.y[rng.permutation(chosen)]
        return Split(split.x, y)

    noisy = wrong(train) if isinstance(train, Split) else lambda *given: wrong(train(*given))
    group.data = Data(noisy, group.data.validation, group.data.test)


_STEPS: Final = {"busy": _busy, "retrace": _retrace, "nan": _nan, "rounding": _rounding, "memory": _memory}
_GROUPS: Final = {"unclipped": _unclipped, "dead": _dead, "label-noise": _noisy}


def check(text: str) -> str:
    """`text` if it is a list of faults. Raises UsageError."""
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in {*_STEPS, *_GROUPS}:
            raise unknown("fault", name, [*_STEPS, *_GROUPS])
        if value and not value.replace(".", "", 1).isdigit():
            raise UsageError(f"fault {name}: expected a number, received {value!r}")
    return text

"""Faults that a test has the worker of one side commit, so that every gate is seen to find what it is there for.

`ARCHBENCH_FAULTS="busy=0.05,nan=7"` in the environment of a worker; nobody else reads it.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from bench.errors import UsageError, unknown
from bench.task import Split

VARIABLE: Final = "ARCHBENCH_FAULTS"
Step = Callable[..., Any]


def inject(text: str, group: Any, step: Step, stream: Iterator[Split]) -> tuple[Step, Iterator[Split]]:
    """The step and the stream of a bench.cell.Group with the faults of `text`, before anything is traced.

    Raises UsageError for a fault that is not known.
    """
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name == "label-noise":
            stream = _noisy(stream, float(value or 1))
        elif name in _STEPS:
            step = _STEPS[name](group, step, float(value or 1))
        elif name in _GROUPS:
            _GROUPS[name](group)
        else:
            raise unknown("fault", name, [*_STEPS, *_GROUPS, "label-noise"])
    return step, stream


def _busy(_: Any, step: Step, share: float) -> Step:
    """Waits, and lets nobody else run, for a share of the step's time."""

    def slower(*given: Any) -> Any:
        start = time.perf_counter()
        found = step(*given)
        end = time.perf_counter() + share * (time.perf_counter() - start)
        while time.perf_counter() < end:
            pass
        return found

    return slower


def _retrace(group: Any, step: Step, _: float) -> Step:
    """Has every step traced anew."""

    def retraced(*given: Any) -> Any:
        group.model.make_train_function(force=True)
        return step(*given)

    return retraced


def _nan(group: Any, step: Step, at: float) -> Step:
    """A weight is NaN from the step `at` on, counted from 1."""
    taken = iter(range(1, 1 << 30))

    def broken(*given: Any) -> Any:
        if next(taken) == at:
            group.step.sync()
            variable = group.model.trainable_variables[0]
            variable.assign(np.full(variable.shape, np.nan, variable.dtype))
        return step(*given)

    return broken


def _memory(_: Any, step: Step, size: float) -> Step:
    """Holds so many bytes more while a step runs."""

    def larger(*given: Any) -> Any:
        held = np.ones(int(size), "uint8")
        found = step(*given)
        return found if held[-1] else None

    return larger


def _unclipped(group: Any) -> None:
    group.optimizer.global_clipnorm = None


def _dead(group: Any) -> None:
    """The first variable gets no gradient."""
    apply = group.optimizer.apply

    def numb(grads: list[Any], variables: Any = None) -> Any:
        return apply([grads[0] * 0, *grads[1:]], variables)

    group.optimizer.apply = numb


def _noisy(stream: Iterator[Split], share: float) -> Iterator[Split]:
    """Deals the targets of a share of every batch out anew."""
    rng = np.random.default_rng(0)
    for x, y in stream:
        chosen = rng.permutation(len(y))[: round(share * len(y))]
        wrong = y.copy()
        wrong[chosen] = y[rng.permutation(chosen)]
        yield Split(x, wrong)


_STEPS: Final = {"busy": _busy, "retrace": _retrace, "nan": _nan, "memory": _memory}
_GROUPS: Final = {"unclipped": _unclipped, "dead": _dead}


def check(text: str) -> str:
    """`text` if it is a list of faults. Raises UsageError."""
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in {*_STEPS, *_GROUPS, "label-noise"}:
            raise unknown("fault", name, [*_STEPS, *_GROUPS, "label-noise"])
        if value and not value.replace(".", "", 1).isdigit():
            raise UsageError(f"fault {name}: expected a number, received {value!r}")
    return text

"""Times a cell: compiling, training steps, inference and memory, in a process that has nothing else to do.

The step is the one of the training (bench.step) with the recorder, on batches of the cell's own stream.
Data preparation, evaluation and probes are outside the clock.
"""

import ctypes
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import keras
import numpy as np
import psutil

from bench.catalogue import Catalogue
from bench.cell import Group
from bench.flops import count_flops
from bench.plan import Cell
from bench.record import Conditions
from bench.stopwatch import SECONDS, Job, calls_a_visit, time_calls
from bench.stream import batches
from bench.task import Data, Split

_TRIED: Final = 5
"""Training steps after which memory is read; those that follow take no more."""
_LEAST_SECONDS: Final = 0.02
_SIDES: Final = (256, 8192)
"""A matrix product large enough for its rate to be the machine's: the least and the greatest side."""


class Timed:
    """A cell's model, ready to be timed. Raises what bench.cell.Group raises."""

    def __init__(
        self, cell: Cell, catalogue: Catalogue, framework: ModuleType, conditions: Callable[[Data], Conditions]
    ) -> None:
        self.group = Group(cell, catalogue, conditions)
        self.framework, self.cell = framework, cell
        self.jit = catalogue.architecture(cell.architecture).value.jit
        data, size = self.group.data, cell.training.batch_size
        self.stream: Iterator[Split] = batches(data, cell.seed, size)
        self.x = next(batches(data, cell.seed, size)).x
        self.jobs: dict[str, Job] = {}
        self.calls: dict[str, int] = {}

    def compile(self) -> dict[str, Any]:
        """Trace and compile, and measure what is measured once; what bench.record.Speed and Timing call it."""
        group, model = self.group, self.group.model
        start = time.perf_counter()
        group.build(self.cell)
        build_seconds = time.perf_counter() - start
        group.reset(self.cell)
        self.framework.compiled(keras.ops.tanh, [], jit=self.jit)(self.x[:1].astype("float32"))  # starts the compiler
        step = Job(group.step, self._batch)
        given = step.prepare()
        memory = _Memory(self.framework)
        self.framework.synchronize()
        start = time.perf_counter()
        step.call(*given)
        self.framework.synchronize()
        compile_seconds = time.perf_counter() - start
        memory.settle()
        for _ in range(_TRIED):
            step.call(*step.prepare())
        group.step.sync()
        peak = memory.peak([*model.variables, *group.optimizer.variables])
        matmul, operations = matrix_product(self.framework.synchronize)
        self.jobs = {
            "step": step,
            "inference": Job(lambda: model.predict_on_batch(self.x[:1])),
            "batch_inference": Job(lambda: model.predict_on_batch(self.x)),
            "matmul": matmul,
        }
        for name, budget in SECONDS.items():
            once = min(self._time(name, 3))
            self.calls[name] = calls_a_visit(once, budget)
        count = count_flops(model)
        return {
            "conditions": group.conditions.model_dump(mode="json"),
            "build_seconds": build_seconds,
            "compile_seconds": compile_seconds,
            "peak_bytes": peak,
            "flops_per_sample": count.flops,
            "uncounted": list(count.unknown),
            "matmul_operations": operations,
            "batch": len(self.x),
            "steps": group.spec.shape[0] if group.spec.kind in ("sequence", "tokens") else None,
        }

    def visit(self) -> dict[str, list[float]]:
        """Seconds of some calls of every job."""
        return {name: self._time(name, self.calls.get(name, 1)) for name in self.jobs}

    def _batch(self) -> Split:
        self.group.step.reset()  # as the training does, before the clock starts
        return next(self.stream)

    def _time(self, name: str, calls: int) -> list[float]:
        seconds = time_calls(self.jobs[name], calls, self.framework.synchronize)
        self.group.step.sync()  # inference reads the weights
        return seconds


class _Memory:
    """What the steps take beyond what is held now: of the device, or of the process where that computes."""

    def __init__(self, framework: ModuleType) -> None:
        self.framework = framework
        _trim()
        self.before = psutil.Process().memory_info().rss
        self.settle()

    def settle(self) -> None:
        """Forget what only compiling took."""
        _trim()
        self.framework.reset_peak_bytes()
        with suppress(OSError):  # Linux alone; elsewhere the peak is that of compiling too
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def peak(self, variables: list[Any]) -> int:
        """Bytes; weights and optimizer state, which were there before, are added where the process is asked."""
        device = self.framework.peak_bytes()
        if device is not None:
            return int(device)
        return max(_peak_rss() - self.before, 0) + sum(_bytes(variable) for variable in variables)


def _trim() -> None:
    """Give back what was freed, where the C library can: else a first step's leftovers pass for a need."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _peak_rss() -> int:
    """The most that this process has held, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        import resource  # noqa: PLC0415  # not on Windows

        most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def _bytes(variable: Any) -> int:
    return int(math.prod(variable.shape) * np.dtype(variable.dtype).itemsize)


def matrix_product(synchronize: Callable[[], None]) -> tuple[Job, int]:
    """A float32 matrix product that takes long enough to be timed, and its operations."""
    side, greatest = _SIDES
    while True:
        a = keras.ops.ones((side, side), "float32")
        job = Job(partial(keras.ops.matmul, a, a))
        if side == greatest or min(time_calls(job, 1, synchronize)) >= _LEAST_SECONDS:
            return job, 2 * side**3
        side *= 2

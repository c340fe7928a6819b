"""The child process that trains one cell bit by bit, as it is told to: with the code of its own side.

    python -P -m bench.regress.worker BACKEND THREADS CPU,CPU,... [PLUGIN ...]

Reads commands on standard input, a JSON line each, and answers each with one on what was standard output; the first
line says that it is ready, and `PROTOCOL`. Base and head may be years apart: what the commands and answers below hold
may grow, and whoever changes what is there raises the number.

{"do": "load", "suite": ...}            a suite of one cell, which this side's own code plans -> facts
{"do": "fingerprint", "steps": N}       N steps, deterministic -> Fingerprint
{"do": "warm"}                          compiles and takes steps -> {"peak_bytes"}
{"do": "pin", "cpus": [...], "steps": N}  moves to these processors and takes N steps there
{"do": "turn", "steps": N}              N steps -> {"seconds"}
{"do": "train", "suite": ..., "folder": F}  a whole training of a suite of one cell; its record goes to the store F
                                        -> {"cell": id}, after events "progress" on the way
"""

import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

import bench
from bench.catalogue import Catalogue, discover, first_line
from bench.errors import BenchError, UsageError
from bench.execute.machine import conditions, libraries, pin
from bench.execute.worker import Emit, _claim_stdout, _end_with_parent
from bench.execute.worker import _Server as _Trainer
from bench.plan import Cell, plan
from bench.regress.faults import VARIABLE, inject
from bench.store import Store
from bench.stream import batches
from bench.suite import Suite
from bench.task import Metric, Split

PROTOCOL: Final = 1
_WARM_STEPS: Final = 5
"""Steps after the first that memory is read after; those that follow take no more."""


def main() -> None:
    """Serve commands until standard input ends."""
    backend, threads, cpus, *plugins = sys.argv[1:]
    answer = _claim_stdout()
    _end_with_parent()
    pin([int(cpu) for cpu in cpus.split(",") if cpu])
    from bench import backends  # noqa: PLC0415  # imports the framework, which must find the affinity set

    framework = backends.load(backend)
    framework.configure(int(threads))
    server = _Server(framework, discover(Path(plugin) for plugin in plugins))
    answer("ready", protocol=PROTOCOL, code=bench.__file__, libraries=libraries(backend))
    for line in sys.stdin:
        try:
            answer("done", **server.obey(json.loads(line), answer))
        except Exception as error:  # whatever a task, an architecture or Keras raises becomes the reason
            kind = "" if isinstance(error, BenchError) else f"{type(error).__name__}: "
            answer("failed", reason=kind + first_line(error))
            return


class _Faulty(_Trainer):
    """Trains as `archbench run` does, but for the faults."""

    def _take_up(self, cell: Cell) -> None:
        known = self.group
        super()._take_up(cell)
        if self.group is not known:
            inject(os.environ.get(VARIABLE, ""), self.group)


class _Server:
    def __init__(self, framework: ModuleType, catalogue: Catalogue) -> None:
        self.framework, self.catalogue = framework, catalogue
        self.group: Any = None
        self.stream: Iterator[Split] = iter(())
        self.step: Any = None
        self.traces = 0
        self.trainer: _Trainer | None = None

    def obey(self, command: dict[str, Any], emit: Emit = lambda event, **_: None) -> dict[str, Any]:
        """The answer to a command; `emit` is told what happens before."""
        match command["do"]:
            case "load":
                return self._load(Suite.model_validate(command["suite"]))
            case "fingerprint":
                return self._fingerprint(command["steps"])
            case "warm":
                return self._warm()
            case "pin":
                pin(command["cpus"])
                self._turn(command["steps"])
                return {}
            case "turn":
                return {"seconds": self._turn(command["steps"])}
            case "train":
                return self._train(Suite.model_validate(command["suite"]), Path(command["folder"]), emit)
            case other:
                raise UsageError(f"{other!r} is no command of protocol {PROTOCOL}")

    def _load(self, suite: Suite) -> dict[str, Any]:
        from bench.cell import Group  # noqa: PLC0415  # imports keras, after the backend was configured
        from bench.flops import count_flops  # noqa: PLC0415  # likewise

        cell = self._plan(suite)
        cell = replace(cell, training=replace(cell.training, probe_every=0))  # a probe only takes memory here
        group = Group(cell, self.catalogue, conditions(cell, self.framework.device()))
        group.reset(cell)
        self.group, self.cell = group, cell
        self._count_traces()
        inject(os.environ.get(VARIABLE, ""), group)
        self.stream = batches(group.data, cell.seed, cell.training.batch_size)
        self.step = group.step
        return {
            "parameters": sum(group.parameters),
            "flops": count_flops(group.model).flops,
            "conditions": _conditions(cell, group.optimizer, group.task.metric),
        }

    def _plan(self, suite: Suite) -> Cell:
        (cell,) = plan(self.catalogue, suite)
        if cell.skip is not None:
            raise UsageError(cell.skip)
        return cell

    def _train(self, suite: Suite, folder: Path, emit: Emit) -> dict[str, Any]:
        """Whatever the side's code raises in the training becomes a record too."""
        cell = self._plan(suite)

        def progress(event: str, **values: object) -> None:
            if event == "progress":
                emit(event, **values)

        if self.trainer is None:
            store = Store(folder).create()
            self.trainer = _Faulty(store, self.catalogue, self.framework.device(), progress, threading.Lock())
        self.trainer.serve(cell)
        return {"cell": cell.id}

    def _count_traces(self) -> None:
        """Python runs the optimizer once for each tracing; where nothing is traced, once a step on either side."""
        apply = self.group.optimizer.apply

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.traces += 1
            return apply(*args, **kwargs)

        self.group.optimizer.apply = counted

    def _fingerprint(self, steps: int) -> dict[str, Any]:
        """Losses and gradient norms of the first steps, what data they saw, and how the model then scores."""
        from bench.evaluation import evaluate  # noqa: PLC0415  # imports keras, after the backend was configured
        from bench.gradients.recorder import recorded  # noqa: PLC0415  # likewise

        group, order = self.group, hashlib.sha256(self.group.conditions.data_hash.encode())
        losses, norms = [], []
        for done in range(min(steps, group.steps)):
            batch = next(self.stream)
            for array in batch:
                order.update(np.ascontiguousarray(array).data)
            group.step.reset()
            losses.append(self.step(*batch))
            group.step.sync()
            norms.append(recorded(group.optimizer, group.interval)[0][done % group.interval].tolist())
        loss, score = evaluate(group.model, group.data.validation, group.task, self.cell.training.batch_size)
        return {
            "losses": losses,
            "norms": norms,
            "variables": [variable.path for variable in group.model.trainable_variables],
            "data": order.hexdigest(),
            "evaluation": [loss, score],
            "traces": self.traces,
        }

    def _warm(self) -> dict[str, Any]:
        from bench.speed import _Memory  # noqa: PLC0415  # imports keras, after the backend was configured

        memory = _Memory(self.framework)
        self._turn(1)
        memory.settle()
        self._turn(_WARM_STEPS)
        return {"peak_bytes": memory.peak([*self.group.model.variables, *self.group.optimizer.variables])}

    def _turn(self, steps: int) -> float:
        """Seconds of so many steps; their data is made before the clock starts."""
        given = [next(self.stream) for _ in range(steps)]
        self.group.step.reset()
        self.framework.synchronize()
        start = time.perf_counter()
        for batch in given:
            self.step(*batch)
        self.framework.synchronize()
        seconds = time.perf_counter() - start
        self.group.step.sync()
        return seconds


def _conditions(cell: Cell, optimizer: Any, metric: Metric) -> dict[str, Any]:
    """What the cell is trained under, the clipping as the optimizer has it, and what its scores are."""
    training = {key: value for key, value in asdict(cell.training).items() if not key.startswith("probe")}
    scored = {"metric": metric.name, "higher_is_better": metric.higher_is_better}
    return {**training, "clip": optimizer.global_clipnorm, "backend": cell.backend, "threads": cell.threads, **scored}


if __name__ == "__main__":
    main()

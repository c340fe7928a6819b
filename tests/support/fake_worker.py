"""A worker that imports no framework: the real protocol and the real records, of a training that is made up.

What goes wrong is Python source in the environment: FAKE_START runs before the worker is ready, FAKE_GROUP where
it would load data and build a model, FAKE_TRAIN in every cell (both see `cell`), FAKE_WRITE between the training and
the record. FAKE_GRACE: seconds given to what ends.
"""

import os
import sys
import time
from types import ModuleType, SimpleNamespace

import numpy as np

from bench import backends
from bench.catalogue import Catalogue
from bench.execute import worker
from bench.plan import Cell, blank
from bench.record import Score
from bench.store import Store


def play(part: str, **known: object) -> None:
    exec(os.environ.get(part, ""), {"os": os, "sys": sys, "time": time, **known})


class Group:
    """In the place of bench.cell.Group."""

    def __init__(self, cell: Cell, catalogue: Catalogue, conditions: object) -> None:
        play("FAKE_GROUP", cell=cell)
        self.catalogue, self.compiled = catalogue, False

    def takes(self, cell: Cell) -> bool:
        return True

    def run(self, cell: Cell, progress: object) -> SimpleNamespace:
        play("FAKE_TRAIN", cell=cell, progress=progress)
        score = Score(step=1, validation=0.1, validation_loss=0.1, test=float(cell.seed), test_loss=0.1)
        compiling, self.compiled = None if self.compiled else 0.01, True
        task = self.catalogue.task(cell.task).value
        record = blank(cell, task, status="ok", best=score, final=score, steps=1, compile_seconds=compiling)
        return SimpleNamespace(record=record, curves={"train_loss": np.full(1000, cell.seed, "float32")})


def main() -> None:
    fake = ModuleType("bench.cell")
    fake.Group = Group  # type: ignore[attr-defined]
    sys.modules["bench.cell"] = fake
    backends.load = lambda _: SimpleNamespace(  # type: ignore[assignment]
        configure=lambda _: play("FAKE_START"), device=lambda: "none"
    )
    write = Store.write

    def slow(store: Store, *arguments: object) -> object:
        play("FAKE_WRITE")
        return write(store, *arguments)  # type: ignore[arg-type]

    Store.write = slow  # type: ignore[method-assign, assignment]
    worker._WRITING_SECONDS = float(os.environ.get("FAKE_GRACE", worker._WRITING_SECONDS))
    worker.main()


if __name__ == "__main__":
    main()

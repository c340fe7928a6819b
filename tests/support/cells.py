"""Small cells for tests: a tiny task and cells made of it."""

import os
from dataclasses import replace
from pathlib import Path

import psutil

from bench.catalogue import Catalogue, discover
from bench.plan import Cell, Flags, plan
from bench.suite import adhoc_suite

BACKEND = os.environ["KERAS_BACKEND"]
"""What the tests compute with: tox runs those of the backends once on each."""
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def catalogue() -> Catalogue:
    """The built-ins."""
    return discover()


def cell(task: str = "adding", architecture: str = "rnn", *, seed: int = 0, **given: object) -> Cell:
    """One small cell: 6 steps of 8 sequences of 6 steps, 2 evaluations."""
    training = {"steps": 6, "batch_size": 8, "evaluations": 2, **dict(given.pop("training", {}))}  # type: ignore[call-overload]
    small = [f"{task}.length={given.pop('length', 10)}", f"{task}.test_size=20", f"{task}.validation_size=12"]
    settings = (
        [*small, *given.pop("settings", [])]
        if task in ("adding", "copy", "temporal-order")
        else given.pop("settings", [])
    )
    flags = Flags(settings=settings, seeds=[seed], training=training, backend=BACKEND, **{"units": 4, **given})  # type: ignore[arg-type]
    return plan(catalogue(), adhoc_suite([task], [architecture]), flags)[0]


def ended(pid: int) -> bool:
    """Whether a process has ended, also where nobody has asked for its exit code; it has a second to do so."""
    try:
        psutil.Process(pid).wait(1)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    return True


def with_seed(one: Cell, seed: int) -> Cell:
    """The same cell with another seed."""
    return replace(one, seed=seed)

"""What the tests of the harness share: an empty working folder, the command line as a call, plug-ins, records."""

import gc
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.record import Record, Score
from bench.task import Training

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # whatever a developer's keras.json says


@dataclass(frozen=True)
class Called:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on standard error; fails where there are more, or where it is a traceback."""
        assert self.out == ""
        assert "Traceback" not in self.err
        (line,) = self.err.splitlines()
        assert line.startswith("archbench: ")
        return line


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, so that nothing lands in the checkout."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def archbench(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Called]:
    """`archbench("plan", "--steps", "3")` is the command line called in this process, in an empty folder."""

    def call(*arguments: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["archbench", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        gc.unfreeze()  # what a process that ends may leave lying stays here
        out, err = capsys.readouterr()
        return Called(int(caught.value.code or 0), out, err)

    return call


TASK_SOURCE = """
import numpy as np
from bench.architecture import InputSpec
from bench.setting import Setting
from bench.task import MSE, Solved, Split, Task

def draw(rng, n, *, length):
    x = rng.random((n, length, 2), dtype="float32")
    return Split(x, x.sum(axis=(1, 2))[:, None])

def task(summary="sum of a sequence"):
    return Task(
        summary=summary, source="made up", spec=lambda *, length, **_: InputSpec("sequence", (length, 2), outputs=1),
        loss="mse", metric=MSE, chance=lambda **_: 1.0, solved=Solved(0.1), draw=draw,
        settings={"length": Setting(4, "steps", minimum=2)},
    )
"""
ARCHITECTURE_SOURCE = """
from bench.architecture import Architecture, reads
from bench.setting import Setting

def build(spec, *, units):
    raise NotImplementedError

def architecture():
    return Architecture(
        summary="made up", build=build, refuses=reads("sequence"), source="made up",
        settings={"units": Setting(8, "width", minimum=1)},
    )
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., Path]:
    """`plugin("mine.py", "TASK = task()")` writes a file where `task()` and `architecture()` make valid definitions."""

    def write(name: str, declared: str, *, folder: str = "plugins") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{TASK_SOURCE}{ARCHITECTURE_SOURCE}\n{declared}\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """`make_record(seed=3, status="failed")` is a made-up record of a cell that nobody trained."""

    def make(cell_id: str = "0123456789abcdef", *, value: float = 0.9, **fields: Any) -> Record:
        ok = fields.get("status", "ok") == "ok"
        score = Score(step=900, validation=value, validation_loss=0.1, test=value, test_loss=0.1) if ok else None
        known: dict[str, Any] = {
            "cell_id": cell_id,
            "identity": {"seed": 0, "training": {"lr": 0.001}},
            "task": "adding",
            "task_settings": {"length": 100},
            "architecture": "lstm",
            "architecture_settings": {"units": 32},
            "seed": 0,
            "backend": "tensorflow",
            "training": Training(steps=1000),
            "status": "ok",
            "measured_at": datetime(2026, 1, 2, tzinfo=UTC),
            "metric": "accuracy",
            "higher_is_better": True,
            "chance": 0.1,
            "target": 0.95,
            "target_evaluations": 3,
            "best": score,
            "final": score,
        }
        return Record(**{**known, **fields})

    return make

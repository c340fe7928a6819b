"""What the tests of the exports share: made-up runs, and the real tools, which may be missing unless required."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from timings import speed, timed

from bench.export._format import Request
from bench.record import Conditions, GradientFlow, Record
from bench.runs import Runs

HOSTILE = [
    "../../../escaped",
    "/etc/passwd",
    "a\nb\tc",
    "a|b`c`",
    "<script>alert(1)</script>",
    "x" * 300,
    "\u202eabc\x1b[31m\x00",
    "=1+1",
    "",
    "Zürich \ud800",
    "con.json",
    "Default",
    "x-bencher-ignore",
]
COMMIT = "0123456789" * 4


def need(package: str) -> Any:
    """A package, or a skipped test; where the exports are required, a failed one."""
    if os.environ.get("ARCHBENCH_REQUIRE_EXPORTS") == "1":
        return importlib.import_module(package)
    return pytest.importorskip(package)


def need_format(name: str) -> None:
    """Skip where the package that a format is written with is missing."""
    need({"parquet": "pyarrow", "tensorboard": "tensorboard", "mlflow": "mlflow"}.get(name, "json"))
    if name == "mlflow":
        need("sqlalchemy")


def tool(*command: str, cwd: Path, module: str) -> str:
    """What a real tool prints; fails where it does, or writes an error."""
    need(module)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # Git and asv are to meet no settings of whoever runs the tests.
    environment = {"PATH": path, "HOME": str(cwd), "COLUMNS": "300", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture
def cells(make_record: Callable[..., Record]) -> list[Record]:
    """Two architectures on one task, three seeds; one of them was timed, the other has a diverged seed."""
    made = []
    for name, values in {"lstm": (0.9, 0.92, 0.97), "rnn": (0.5, 0.6, None)}.items():
        for seed, value in enumerate(values):
            known: dict[str, Any] = {
                "architecture": name,
                "seed": seed,
                "identity": {"architecture": name, "seed": seed},
                "conditions": conditions(),
                "steps": 100,
                "train_seconds": 2.0 + seed,
                "curves": "1.npz",
            }
            if value is None:
                known |= {"status": "diverged", "reason": "the loss is NaN", "train_seconds": None}
            record = make_record(f"{name}{seed}".ljust(16, "0"), value=value or 0.0, **known)
            where = speed(record.cell_id, conditions=conditions())
            made.append(timed(record, speed=where) if name == "lstm" else record)
    made[0] = made[0].model_copy(update={"gradient": {"init": flow(0), "end": flow(100)}})
    return made


def conditions() -> Conditions:
    return Conditions(
        code="0.1.0+abc",
        libraries={"python": "3.11.7", "keras": "3.15.1", "tensorflow": "2.21.0"},
        machine={"processor": "some cpu", "cores": 2, "memory_bytes": 2**33, "system": "Linux 6"},
        device="cpu",
        threads=1,
        affinity=[0],
        data_hash="d" * 64,
        train_samples=None,
        validation_samples=1000,
        test_samples=10_000,
    )


def flow(step: int) -> GradientFlow:
    return GradientFlow(step=step, loss=0.5, samples=10, not_finite=0, decay={})


def arrays(record: Record) -> Mapping[str, np.ndarray]:
    """Curves over 100 steps; those of a diverged cell end in NaN and an infinity."""
    steps = np.arange(1, 101)
    loss = (1 / steps).astype("float32")
    norm = np.stack([loss, 2 * loss], axis=1)
    if record.status == "diverged":
        loss, norm = loss.copy(), norm.copy()
        loss[-1], norm[-1, 0] = np.nan, np.inf
    at = np.array([0, 50, 100])
    return {
        "evaluation_step": at,
        "train_loss": loss,
        "validation_loss": np.array([2.0, 1.0, 0.5]),
        "validation_score": np.array([0.1, 0.5, 0.9]),
        "gradient_norm": norm,
        "weight_norm": np.ones((3, 2)),
        "update_norm": np.array([[np.nan, np.nan], [1, 2], [3, 4]], "float32"),
        "variables": np.array(["cell/kernel", "cell/bias"]),
        "profile_h": np.stack([np.full((3, 4), -1.0), np.full((3, 4), -2.0)]),
    }


def request_of(records: list[Record], place: Path, commit: str | None = COMMIT) -> Request:
    """A request as the command makes it."""
    return Request(Runs(records, lambda record: arrays(record) if record.curves else {}, []), place, commit)

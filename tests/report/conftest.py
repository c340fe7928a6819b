"""Made-up records, since nothing is trained here, and the browser that opens pages."""

import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from bench.record import Conditions, GradientNorm, Record, Score
from bench.report.rows import Curves
from bench.runs import Runs
from bench.task import Training

REQUIRED = os.environ.get("ARCHBENCH_REQUIRE_BROWSER") == "1"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
HOSTILE = [
    "<script>alert(1)</script>",
    "a\"b'c`d",
    "x|y\nz",
    "$x$",
    "[bold]red[/bold]",
    "abc\u202edef\x1b[31m",
    "n" * 300,
    "$\\frac{",
    "=HYPERLINK(1)",
    "100% ~ #1 & a^2_b -- 'x' <y> {z}",
    "Zürich–日本 \ud800",
    "![x](http://a.b/c.png) https://a.b www.a.b @somebody #12",
    "\u200fabc :smile:",
]


def make_record(
    task: str = "adding",
    architecture: str = "lstm",
    seed: int = 0,
    value: float | None = 0.9,
    *,
    status: str = "ok",
    accuracy: bool = True,
    **fields: Any,
) -> Record:
    """A record of a cell that solved nothing unless `steps_to_target` is given."""
    score = (
        None
        if value is None or status != "ok"
        else Score(step=900, validation=value, validation_loss=0.1, test=value, test_loss=0.1)
    )
    skipped = status == "skipped"
    own = {
        "task": task,
        "task_settings": {"length": 100},
        "architecture": architecture,
        "architecture_settings": {"units": 32},
        "seed": seed,
        "backend": "jax",
        "training": Training(steps=1000),
    } | {
        key: fields.pop(key)
        for key in ("task_settings", "architecture_settings", "backend", "training")
        if key in fields
    }
    identity = own | fields.pop("identity", {})
    return Record(
        cell_id=repr(sorted(identity.items(), key=str)),
        identity=identity,
        status=status,
        measured_at=fields.pop("measured_at", datetime(2026, 1, 2, 3, seed % 60, tzinfo=UTC)),
        conditions=None if skipped else conditions(),
        metric="accuracy" if accuracy else "mse",
        higher_is_better=accuracy,
        chance=fields.pop("chance", 0.1 if accuracy else 1 / 6),
        target=0.95 if accuracy else 0.01,
        target_evaluations=1,
        best=score,
        final=score,
        solved=fields.get("steps_to_target") is not None,
        steps=0 if skipped else 1000,
        parameters=None if skipped else fields.pop("parameters", 12345),
        embedding_parameters=None if skipped else 0,
        train_seconds=None if skipped else 20.0 + seed,
        gradient_norm=fields.pop(
            "gradient_norm",
            None if skipped else GradientNorm(first=1.2, last=0.034, largest=5.0, not_finite=0, clipped=None),
        ),
        curves=fields.pop("curves", None if skipped else f"{seed}.npz"),
        **own,
        **fields,
    )


def conditions() -> Conditions:
    return Conditions(
        code="0.1.0+abc",
        libraries={"python": "3.11", "keras": "3.9"},
        machine={"processor": "some cpu", "cores": 2},
        device="cpu",
        threads=1,
        affinity=[0],
        data_hash="d" * 64,
        train_samples=None,
        validation_samples=1000,
        test_samples=10_000,
    )


def make_curves(record: Record, *, steps: int = 80, variables: int = 4) -> Mapping[str, np.ndarray]:
    """Curves that run from chance to the record's value; a diverged cell ends early in NaN."""
    rng = np.random.default_rng([record.seed, len(record.architecture)])
    steps = steps // 2 if record.status == "diverged" else steps
    at = np.linspace(0, steps, 21).astype(int)
    end = record.value if math.isfinite(record.value) else record.chance
    start = 1.1 * record.chance
    score = start * (end / start) ** (at / steps) * rng.lognormal(0, 0.03, len(at))
    level = 10.0 ** -np.arange(variables)
    norms = level * np.exp(-np.arange(steps)[:, None] / steps) * rng.lognormal(0, 0.2, (steps, variables))
    if record.status == "diverged":
        norms[-20:] = np.nan
    return {
        "evaluation_step": at,
        "validation_score": score,
        "gradient_norm": norms.astype("float32"),
        "variables": np.array([f"{record.architecture[:60]}/layer_{i}/kernel" for i in range(variables)]),
    }


def runs(*records: Record, notes: Sequence[str] = (), curves: Curves = lambda record: {}) -> Runs:
    """Records as `read_runs` gives them."""
    return Runs(list(records), curves, list(notes))


@pytest.fixture
def records() -> list[Record]:
    """Two tasks, three architectures, three seeds, with a diverged seed and a skipped architecture."""
    made = [
        make_record(task, architecture, seed, value + 0.01 * seed, accuracy=task == "copy", steps_to_target=reached)
        for task, values in {"adding": (0.005, 0.16), "copy": (0.96, 0.11)}.items()
        for architecture, value, reached in zip(("gru", "rnn"), values, (300, None), strict=True)
        for seed in range(3)
    ]
    made += [make_record("copy", "lstm", seed, 0.9) for seed in range(2)]
    made.append(make_record("copy", "lstm", 2, status="diverged", reason="loss is NaN at step 200"))
    made += [make_record("copy", "cnn", s, status="skipped", reason="reads images only") for s in range(3)]
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed: pip install '.[browser]'")
    if CHROMIUM is None:
        missing("chromium is not installed")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()


def missing(why: str) -> None:
    if REQUIRED:
        pytest.fail(f"ARCHBENCH_REQUIRE_BROWSER=1: {why}")
    pytest.skip(why)

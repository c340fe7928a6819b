"""Made-up sides of a comparison: records of one arm over seeds, or of several."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from bench.record import Conditions, Decay, GradientFlow, GradientNorm, Percentiles, Record, Score, Speed
from bench.task import Training

VERSIONS = {"python": "3.11.7", "keras": "3.12.0"}
MACHINE: dict[str, str | int] = {"processor": "some cpu", "cores": 2}


def conditions(**changed: Any) -> Conditions:
    """The same for every record but for what is `changed`."""
    known = {"code": "0.1.0+abc", "libraries": VERSIONS, "machine": MACHINE, "device": "cpu", "threads": 1}
    data = {"data_hash": "d" * 64, "train_samples": None, "validation_samples": 1000, "test_samples": 10_000}
    return Conditions(**{**known, "affinity": [0], **data, **changed})


def record(value: float = 0.9, seed: int = 0, **fields: Any) -> Record:
    """A cell that ended ok with a test score, and solved its task where `steps_to_target` is given."""
    ok = fields.get("status", "ok") == "ok"
    score = Score(step=900, validation=value, validation_loss=0.1, test=value, test_loss=0.1) if ok else None
    accuracy = fields.pop("accuracy", True)
    known: dict[str, Any] = {
        "task": "digits",
        "task_settings": {},
        "architecture": "mlp",
        "architecture_settings": {"units": 32},
        "seed": seed,
        "backend": "tensorflow",
        "training": Training(steps=1000),
    }
    known |= {key: fields.pop(key) for key in known.keys() & fields.keys()}
    version = fields.pop("version", "one")
    identity = {**known, "training": vars(known["training"]), "params": None, "threads": 1, "sources": version}
    identity |= fields.pop("identity", {})
    defaults: dict[str, Any] = {
        "cell_id": sha256(repr(sorted(identity.items())).encode()).hexdigest()[:16],
        "identity": identity,
        "status": "ok",
        "measured_at": datetime(2026, 1, 2, tzinfo=UTC),
        "conditions": conditions(),
        "metric": "accuracy" if accuracy else "mse",
        "higher_is_better": accuracy,
        "chance": 0.1 if accuracy else 1 / 6,
        "target": 0.95 if accuracy else 0.01,
        "target_evaluations": 1,
        "best": score,
        "final": score,
        "solved": fields.get("steps_to_target") is not None,
        "steps": 1000,
        "parameters": 12_345,
        "gradient_norm": GradientNorm(first=1.2, last=0.03, largest=5.0, not_finite=0, clipped=None),
    }
    return Record(**{**known, **defaults, **fields})


def side(values: Sequence[float], *, seeds: Sequence[int] | None = None, **fields: Any) -> list[Record]:
    """A record a value, seeds 0, 1, ... unless given."""
    return [record(value, seed, **fields) for value, seed in zip(values, seeds or range(len(values)), strict=True)]


def flow(half_life: float) -> dict[str, GradientFlow]:
    """A probe at the end, of h."""
    decay = Decay(rate=-0.1, r2=1.0, first=5, last=100, half_life=half_life, horizon=9, censored=False)
    return {"end": GradientFlow(step=9, loss=0.1, samples=256, not_finite=0, decay={"h": decay})}


def timed(p50: float, noise: float | None = 1.02, **changed: Any) -> list[Record]:
    """A record with a speed phase, of a machine that is the same but for what is `changed`."""
    percentiles = Percentiles(p50=p50, p99=2 * p50, noise=noise)
    one = record()
    speed = Speed(
        cell_id=one.cell_id, measured_at=one.measured_at, conditions=conditions(**changed), rounds=9, build_seconds=1,
        compile_seconds=1, batch_inference_seconds=percentiles, train_samples_per_second=1,
        inference_samples_per_second=1, matmul_flops_per_second=1,
    )  # fmt: skip
    return [one.model_copy(update={"step_seconds": percentiles, "speed": speed})]

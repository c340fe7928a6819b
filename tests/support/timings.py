"""Made-up findings of the speed phase."""

from datetime import UTC, datetime
from typing import Any

from bench.plan import group_id
from bench.record import Conditions, Percentiles, Record, Speed, Timing


def speed(cell_id: str, **known: Any) -> Speed:
    """A cell that was timed on a machine of no name."""
    where = {
        "code": "1",
        "libraries": {},
        "machine": {},
        "device": "cpu",
        "threads": 1,
        "affinity": [],
        "data_hash": "0",
    }
    sizes = {"train_samples": None, "validation_samples": 1, "test_samples": 1}
    numbers: dict[str, Any] = {
        "cell_id": cell_id,
        "measured_at": datetime(2026, 1, 2, tzinfo=UTC),
        "conditions": Conditions(**where, **sizes),  # type: ignore[arg-type]
        "rounds": 10,
        "build_seconds": 0.1,
        "compile_seconds": 2.5,
        "batch_inference_seconds": Percentiles(p50=0.004, p90=0.005, p99=0.006, noise=1.1, calls=100),
        "train_samples_per_second": 6400.0,
        "inference_samples_per_second": 16000.0,
        "train_tokens_per_second": 64000.0,
        "inference_tokens_per_second": 160000.0,
        "matmul_flops_per_second": 5e10,
        "share_of_peak": 0.125,
    }
    return Speed(**numbers | known)


def timing(record: Record, **known: Any) -> Timing:
    """What the speed phase found of the record's group: a step of 10 ms unless `p50`, in seconds, says otherwise."""
    p50 = known.pop("p50", 0.01)
    found: dict[str, Any] = {
        "group": known.pop("group", None) or group_id(record.identity),
        "step_seconds": Percentiles(p50=p50, p90=0.02, p99=0.03, noise=1.02, calls=500),
        "inference_seconds": Percentiles(p50=0.001, p90=0.002, p99=0.003, noise=1.2, calls=300),
        "peak_bytes": 12_345_678,
        "flops_per_sample": 432_129,
        "speed": speed(record.cell_id),
    }
    return Timing(**found | known)


def lost(record: Record, reason: str) -> Timing:
    """A group that could not be timed."""
    return Timing(group=group_id(record.identity), reason=reason)


def timed(record: Record, **known: Any) -> Record:
    """The record with what the speed phase found, as the store reads it."""
    return record.model_copy(update=timing(record, group="any", **known).measured())

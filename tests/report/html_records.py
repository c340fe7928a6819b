"""Made-up runs for tests of the page."""

import math

from bench.record import Percentiles, Record, Speed

from .conftest import HOSTILE, conditions, make_curves, make_record
from .flow_cells import Cells, vanishing


def timed(record: Record, milliseconds: float) -> Record:
    """The record with what the speed phase adds."""
    at = Percentiles(p50=milliseconds / 1e3, p99=2 * milliseconds / 1e3, noise=1.03)
    speed = Speed(
        cell_id=record.cell_id, measured_at=record.measured_at, conditions=conditions(), rounds=5, build_seconds=0.1,
        compile_seconds=2.5, batch_inference_seconds=at, train_samples_per_second=1e3, inference_samples_per_second=5e3,
        matmul_flops_per_second=1e10, share_of_peak=0.02,
    )  # fmt: skip
    return record.model_copy(
        update={"step_seconds": at, "inference_seconds": at, "speed": speed, "flops_per_sample": 2_000_000}
    )


def quick() -> Cells:
    """Like the suite quick: digits timed and with a failed seed and a skipped arm, temporal-order, adding with flow."""
    made = []
    for seed in range(5):
        for name, value, cost in (("cnn", 0.98, 5.0), ("mlp", 0.95, 1.0)):
            one = make_record("digits", name, seed, value + 0.002 * seed, steps_to_target={"cnn": 300}.get(name),
                              parameters=9000 if name == "cnn" else 12_345, task_settings={})  # fmt: skip
            made.append(timed(one, cost))
    made[1] = make_record("digits", "mlp", 0, status="diverged", reason="loss is NaN at step 200", task_settings={})
    made += [
        make_record("digits", "lstm", seed, status="skipped", reason="reads sequences", task_settings={})
        for seed in range(5)
    ]
    made += [
        make_record("temporal-order", name, seed, value + 0.01 * seed)
        for name, value in (("gru", 0.9), ("rnn", 0.3))
        for seed in range(2)
    ]
    flow = vanishing(length=20, seeds=3)
    arrays = {record.cell_id: {**make_curves(record), **flow.curves(record)} for record in flow.records}
    return Cells([(record, arrays.get(record.cell_id) or make_curves(record)) for record in [*made, *flow.records]])


def hostile() -> list[Record]:
    """Names and reasons that would do harm where they are not taken as text."""
    made = [make_record(f"task {name}", name, 0, reason=name) for name in HOSTILE]
    made += [make_record(name, f"arm {name}", seed, 0.5 + 0.1 * seed) for name in HOSTILE for seed in range(2)]
    return [*made, *(make_record("x", name, 0, status="failed", reason=name) for name in HOSTILE)]


BAD = {
    "failures only": [make_record("copy", "gru", s, status="failed", reason="no memory") for s in range(3)],
    "skips only": [make_record("copy", "cnn", s, status="skipped", reason="reads images only") for s in range(3)],
    "one seed": [make_record("copy", "gru", 0, 0.9), make_record("copy", "rnn", 0, 0.1)],
    "one record": [make_record("copy", "gru", 0, 0.9)],
    "not a number": [make_record("copy", name, s, math.nan) for name in ("gru", "rnn") for s in range(3)],
    "partly not a number": [make_record("copy", "gru", s, math.nan if s else 0.9) for s in range(3)]
    + [make_record("copy", "rnn", s, 0.1) for s in range(3)],
    "infinite": [make_record("copy", name, s, math.inf, accuracy=False) for name in ("gru", "rnn") for s in range(3)],
    "no variance": [
        make_record("copy", name, s, value) for name, value in (("gru", 1.0), ("rnn", 0.1)) for s in range(5)
    ],
    "all equal": [make_record("copy", name, s, 0.1) for name in ("gru", "rnn") for s in range(5)],
    "chance unknown": [make_record("copy", name, s, 0.5, chance=math.nan) for name in ("gru", "rnn") for s in range(3)],
    "zero error": [make_record("adding", name, s, 0.0, accuracy=False) for name in ("gru", "rnn") for s in range(3)],
    "half-way": [make_record("copy", "gru", s, 0.9 + 0.01 * s) for s in range(3)]
    + [make_record("copy", "rnn", 0, 0.1), make_record("adding", "rnn", 0, 0.1, accuracy=False)],
    "huge": [make_record("copy", name, s, 1e70 * (s + 1), accuracy=False) for name in ("gru", "rnn") for s in range(3)],
}
"""Runs of which little or nothing can be said."""

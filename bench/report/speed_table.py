"""What the speed phase found, an architecture a row."""

from bench.record import Record
from bench.report import formats
from bench.report.rows import Row, TaskTable

SPEED_COLUMNS = {
    "p50, p99 ms": "Median and 99 % quantile of a training step, of the speed phase.",
    "noise": "Two medians of the same cell, taken in the same rounds, stay this close 19 times of 20: a smaller "
    "difference between two architectures says nothing.",
    "compile s": "The first training step: tracing and compiling. Measured once.",
    "latency ms": "Inference of one sample, median.",
    "train/s, infer/s": "Samples a second at the training batch, by the median: in training, in inference.",
    "peak MB": "The most memory that training steps take beyond what was held before, with weights and optimizer "
    "state, without data (millions of bytes).",
    "MFLOP": "Millions of operations of one sample's way forward; a multiplication and an addition are two.",
    "of peak": "Share that a training step, counted as three ways forward, reaches of the rate of a matrix product.",
}
"""Column -> meaning."""


def speed_table(table: TaskTable) -> tuple[list[str], list[list[str]]] | None:
    """Header and rows; None where no architecture was timed. The first cell is an untrusted label."""
    rows = [_cells(row, row.timed) for row in table.rows if row.timed]
    return (["architecture", *SPEED_COLUMNS], rows) if rows else None


def _cells(row: Row, record: Record) -> list[str]:
    step, inference, speed = record.step_seconds, record.inference_seconds, record.speed
    assert step
    noise = None if step.noise is None else 100 * (step.noise - 1)
    rates = (speed.train_samples_per_second, speed.inference_samples_per_second) if speed else (None, None)
    share = speed.share_of_peak if speed else None
    return [
        row.architecture,
        f"{formats.number(1e3 * step.p50)}, {formats.number(1e3 * step.p99)}",
        formats.NOTHING if noise is None else f"{formats.number(noise, 2)} %",
        formats.known(speed.compile_seconds if speed else None),
        formats.known(1e3 * inference.p50 if inference else None),
        ", ".join(formats.NOTHING if rate is None else f"{rate:,.0f}" for rate in rates),
        formats.known(None if record.peak_bytes is None else record.peak_bytes / 1e6),
        formats.known(None if record.flops_per_sample is None else record.flops_per_sample / 1e6),
        formats.NOTHING if share is None else f"{formats.number(100 * share, 2)} %",
    ]

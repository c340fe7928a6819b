"""pytest-benchmark: the JSON of `--benchmark-json`, for `pytest-benchmark compare` and what else reads it.

Everything in it is seconds, so times only; lower is better:

    group           stats of                                          extra_info
    step-time       the median training step, one datum               p50, p90, p99, noise, calls
    inference-time  the median inference of one sample, one datum     likewise
    train-time      seconds inside training steps, a datum a seed     test-error of the row

A record keeps percentiles of the speed phase, not every step: a spread over steps cannot be had from them, so such an
entry is of one round, with a spread of 0. Training was timed beside other workers. Rows with a failed seed have no
train-time, and that is said on standard error.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from bench.export._format import Exported, Format, Request
from bench.export._measures import Subject, as_json, left_out, subjects
from bench.record import Conditions, Record
from bench.report.text import plain

_LAYOUT: Final = "5.3.1"
"""The version of pytest-benchmark whose layout this is."""


def document(found: Sequence[Subject], records: Sequence[Record], commit: str | None = None) -> dict[str, Any]:
    """The whole file, of records that are at least one."""
    newest = max(record.measured_at for record in records).isoformat()
    return {
        "machine_info": _machine(next((record.conditions for record in records if record.conditions), None)),
        "commit_info": {"id": commit or "unknown", "time": newest, "dirty": False, "project": "archbench"},
        "benchmarks": [entry for subject in found for entry in _benchmarks(subject)],
        "datetime": newest,
        "version": _LAYOUT,
    }


def stats(data: Sequence[float]) -> dict[str, Any]:
    """Statistics of the rounds, in seconds; quartiles after Hazen (1914), fences after Tukey (1977)."""
    low, median, high = (float(each) for each in np.quantile(data, (0.25, 0.5, 0.75), method="hazen"))
    mean = statistics.fmean(data)
    deviation = statistics.stdev(data) if len(data) > 1 else 0.0
    fences = low - 1.5 * (high - low), high + 1.5 * (high - low)
    beyond = [_beyond(data, mean - deviation, mean + deviation), _beyond(data, *fences)]
    return {
        "min": min(data),
        "max": max(data),
        "mean": mean,
        "stddev": deviation,
        "rounds": len(data),
        "median": median,
        "iqr": high - low,
        "q1": low,
        "q3": high,
        "iqr_outliers": beyond[1],
        "stddev_outliers": beyond[0],
        "outliers": f"{beyond[0]};{beyond[1]}",
        "ld15iqr": min(each for each in data if each >= fences[0]),
        "hd15iqr": max(each for each in data if each <= fences[1]),
        "ops": 1 / mean,
        "total": math.fsum(data),
        "data": list(data),
        "iterations": 1,
    }


def _beyond(data: Sequence[float], low: float, high: float) -> int:
    return sum(not low <= each <= high for each in data)


def _benchmarks(subject: Subject) -> Iterator[dict[str, Any]]:
    timed = subject.row.timed
    for measure in subject.measures:
        if timed and measure.quantity in ("step-time", "inference-time"):
            found = timed.step_seconds if measure.quantity == "step-time" else timed.inference_seconds
            known = {key: value for key, value in found or () if value is not None and math.isfinite(value)}
            yield _benchmark(subject, measure.quantity, [measure.value], known)
    seconds = [record.train_seconds or 0.0 for record in subject.row.scored]
    if subject.error and all(math.isfinite(each) and each > 0 for each in seconds):
        error = {"test-error": subject.error.value, "seeds": [record.seed for record in subject.row.scored]}
        yield _benchmark(subject, "train-time", seconds, error)


def _benchmark(subject: Subject, quantity: str, data: Sequence[float], extra: dict[str, Any]) -> dict[str, Any]:
    return {
        "group": quantity,
        "name": f"{quantity}[{subject.name}]",
        "fullname": f"archbench::{quantity}[{subject.name}]",
        "params": {"task": plain(subject.record.task), "architecture": plain(subject.record.architecture)},
        "param": subject.name,
        "extra_info": extra | {"settings": subject.settings_text},
        "options": {"timer": "perf_counter"},
        "stats": stats(data),
    }


def _machine(found: Conditions | None) -> dict[str, Any]:
    """What the records know of it; a host has no name there."""
    machine = found.machine if found else {}
    processor, cores = machine.get("processor", "unknown"), machine.get("cores")
    return {
        "node": "unknown",
        "processor": processor,
        "machine": "unknown",
        "python_implementation": "CPython",
        "python_version": found.libraries.get("python", "unknown") if found else "unknown",
        "system": machine.get("system", "unknown"),
        "cpu": {"brand_raw": processor, "count": cores},
    }


def _export(request: Request) -> Exported:
    found = subjects(request.runs.records)
    made = document(found, request.runs.records, request.commit)
    return Exported([(str(FORMAT.file), as_json(made))] if made["benchmarks"] else [], left_out(found))


FORMAT = Format(_export, file="pytest-benchmark.json")

"""Bencher Metric Format (BMF): one JSON object, benchmark -> measure -> value with its bounds; adapter `json`.

    benchmark      task, architecture, backend
    test-error     mean over seeds, 95 % interval of it; 1 - accuracy where higher is better
    step-time      seconds, median of the speed phase, 95 % by its noise
    inference-time seconds a sample, likewise
    peak-memory    bytes

Bencher's own measure `latency` is in nanoseconds and of no step, so ours have names of their own, which Bencher makes
when it first meets them. Lower is better in all: give each an upper threshold. Of a row with a failed seed there is no
test-error, and that is said on standard error.
"""

from bench.export._format import Exported, Format, Request
from bench.export._measures import Measure, Subject, as_json, left_out, subjects

Metric = dict[str, float]


def metrics(found: list[Subject]) -> dict[str, dict[str, Metric]]:
    """By benchmark and measure; rows of which nothing is known are not there."""
    return {each.name: {one.quantity: _metric(one) for one in each.measures} for each in found if each.measures}


def _metric(measure: Measure) -> Metric:
    bounds = {"lower_value": measure.low, "upper_value": measure.high}
    return {"value": measure.value} | {key: end for key, end in bounds.items() if end is not None}


def _export(request: Request) -> Exported:
    found = subjects(request.runs.records)
    made = metrics(found)
    return Exported([(str(FORMAT.file), as_json(made))] if made else [], left_out(found))


FORMAT = Format(_export, file="bencher.json")

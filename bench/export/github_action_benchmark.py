"""github-action-benchmark, tool `customSmallerIsBetter`: one JSON array, an object a row and quantity.

    name    task, architecture, backend: quantity
    unit    1 - accuracy (or the metric, where lower is better), s/step, s/sample, B; lower is better
    value   the mean over seeds, or the median of the speed phase
    range   half of the 95 % interval, as ±; absent where there is none
    extra   seeds or calls, metric, settings of the training; shown at a point of the chart

The action compares entries of one name with those of the commit before and takes no entry for no news: of a row with a
failed seed there is no error, and that is said on standard error.
"""

from typing import Any, Final

from bench.export._format import Exported, Format, Request
from bench.export._measures import Measure, Subject, as_json, left_out, subjects
from bench.report.text import plain

_NO_MARKUP: Final = str.maketrans({"|": "¦", "`": "'"})
"""The action writes names and units between backticks in a table of a comment."""
_UNITS: Final = {"step-time": "s/step", "inference-time": "s/sample", "peak-memory": "B"}


def entries(found: list[Subject]) -> list[dict[str, Any]]:
    """All measures of all rows, in order."""
    return [_entry(subject, measure) for subject in found for measure in subject.measures]


def _entry(subject: Subject, measure: Measure) -> dict[str, Any]:
    metric = plain(subject.record.metric)
    error = f"1 - {metric}" if subject.record.higher_is_better else metric
    entry: dict[str, Any] = {
        "name": f"{subject.name}: {measure.quantity}".translate(_NO_MARKUP),
        "unit": _UNITS.get(measure.quantity, error).translate(_NO_MARKUP),
        "value": measure.value,
    }
    if measure.low is not None and measure.high is not None:
        entry["range"] = f"± {(measure.high - measure.low) / 2:.3g}"
    return entry | {"extra": _extra(subject, measure)}


def _extra(subject: Subject, measure: Measure) -> str:
    given = {key: value for key, value in vars(subject.record.training).items() if value is not None}
    settings = ", ".join(f"{key}={plain(value)}" for key, value in given.items())
    seeds = f"{len(measure.samples)} seeds" if measure.samples else "speed phase"
    return f"{seeds}\n{settings}\nsettings {subject.version}"


def _export(request: Request) -> Exported:
    found = subjects(request.runs.records)
    made = entries(found)
    return Exported([(str(FORMAT.file), as_json(made))] if made else [], left_out(found))


FORMAT = Format(_export, file="github-action-benchmark.json")

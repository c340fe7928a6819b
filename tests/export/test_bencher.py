"""Bencher's published rules: its JSON schema, the lengths of names, and bounds around the value."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from bench.export.bencher import FORMAT
from bench.record import Record

from .conftest import HOSTILE, request_of

SCHEMA = {"value", "lower_value", "upper_value"}


def parsed(records: list[Record]) -> dict[str, Any]:
    """The benchmarks; fails where the adapter `json` would."""
    ((_, content),) = FORMAT.export(request_of(records, Path())).files
    benchmarks = json.loads(content, parse_constant=lambda constant: pytest.fail(constant))
    assert isinstance(benchmarks, dict)
    for name, measures in benchmarks.items():
        assert 0 < len(name) <= 1024
        assert name == name.strip()
        for measure, metric in measures.items():
            assert 0 < len(measure) <= 64
            assert {"value"} <= metric.keys() <= SCHEMA
            assert all(math.isfinite(number) for number in metric.values())
            low, high = metric.get("lower_value", metric["value"]), metric.get("upper_value", metric["value"])
            assert low <= metric["value"] <= high
    return benchmarks


def test_a_row_is_a_benchmark_with_its_error_times_and_memory(cells: list[Record]) -> None:
    ((name, measures),) = parsed(cells).items()
    assert name == "adding[length=100] lstm[units=32] tensorflow"
    assert list(measures) == ["test-error", "step-time", "inference-time", "peak-memory"]
    assert measures["test-error"]["value"] == pytest.approx(0.07)
    assert measures["test-error"].keys() == SCHEMA
    assert measures["step-time"]["value"] == 0.01
    assert measures["peak-memory"] == {"value": 12_345_678}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_the_schema(name: str, cells: list[Record]) -> None:
    assert parsed([each.model_copy(update={"task": name, "task_settings": {}}) for each in cells[:3]])

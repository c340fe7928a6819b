"""The rules of the action, read from its README and source: an array, unique names, finite numbers, safe in a table."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from bench.export.github_action_benchmark import FORMAT
from bench.record import Record

from .conftest import HOSTILE, request_of


def parsed(records: list[Record]) -> list[dict[str, Any]]:
    """The entries as `customSmallerIsBetter` takes them; fails where the action would, or would mix two of them."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)  # JSON.parse knows no NaN

    ((_, content),) = FORMAT.export(request_of(records, Path())).files
    entries = json.loads(content, parse_constant=refuse)
    assert isinstance(entries, list)
    assert entries
    for entry in entries:
        assert entry.keys() <= {"name", "unit", "value", "range", "extra"}
        assert {"name", "unit", "value"} <= entry.keys()
        assert all(isinstance(value, str) for key, value in entry.items() if key != "value")
        assert isinstance(entry["value"], int | float)
        assert math.isfinite(entry["value"])
        assert not set("|`\n\r") & set(entry["name"] + entry["unit"])  # it writes both into a table of a comment
    assert len({entry["name"] for entry in entries}) == len(entries)
    return entries


def test_errors_times_and_memory_are_entries_and_no_accuracy_is(cells: list[Record]) -> None:
    known = {entry["name"].rpartition(": ")[2]: entry for entry in parsed(cells)}
    assert list(known) == ["test-error", "step-time", "inference-time", "peak-memory"]
    assert known["test-error"]["value"] == pytest.approx(1 - (0.9 + 0.92 + 0.97) / 3)
    assert known["test-error"]["unit"] == "1 - accuracy"
    assert (known["step-time"]["value"], known["step-time"]["unit"]) == (0.01, "s/step")
    assert (known["inference-time"]["value"], known["inference-time"]["unit"]) == (0.001, "s/sample")
    assert (known["peak-memory"]["value"], known["peak-memory"]["unit"]) == (12_345_678, "B")
    assert known["step-time"]["range"] == "± 0.00014"
    assert known["test-error"]["extra"].startswith("3 seeds\nsteps=1000, ")


def test_a_worse_accuracy_is_a_greater_value(cells: list[Record]) -> None:
    score = cells[0].best
    assert score
    worse = cells[0].model_copy(update={"best": score.model_copy(update={"test": 0.2})})
    before, after = (
        next(entry["value"] for entry in parsed(given) if "test-error" in entry["name"])
        for given in (cells, [worse, *cells[1:]])
    )
    assert after > before


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_the_comment(name: str, cells: list[Record]) -> None:
    parsed([each.model_copy(update={"architecture": name, "metric": name}) for each in cells[:3]])


def test_a_diverged_seed_leaves_no_error_of_its_row_and_is_told(cells: list[Record]) -> None:
    assert not [entry for entry in parsed(cells) if "rnn" in entry["name"]]
    lines = FORMAT.export(request_of(cells, Path())).left_out
    assert [line for line in lines if "no test-error: 1 diverged" in line]

"""The file against pytest-benchmark itself: its statistics, and its command `compare`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.export.pytest_benchmark import FORMAT, stats
from bench.record import Record

from .conftest import HOSTILE, need, request_of, tool


def document(records: list[Record]) -> dict[str, Any]:
    ((_, content),) = FORMAT.export(request_of(records, Path())).files
    found = json.loads(content, parse_constant=lambda constant: pytest.fail(constant))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("size", range(1, 14))
def test_statistics_are_those_that_pytest_benchmark_computes(size: int) -> None:
    data = np.random.default_rng(size).lognormal(sigma=2, size=size).tolist()
    theirs = need("pytest_benchmark.stats").Stats()
    for each in data:
        theirs.update(each)
    ours = stats(data)
    known = theirs.as_dict()
    assert {key: ours[key] for key in known if key != "outliers"} == pytest.approx(
        {key: value for key, value in known.items() if key != "outliers"}
    )
    assert ours["outliers"] == known["outliers"]


def test_times_are_benchmarks_in_seconds_and_errors_are_not(cells: list[Record]) -> None:
    found = {each["group"]: each for each in document(cells)["benchmarks"]}
    assert list(found) == ["step-time", "inference-time", "train-time"]
    assert (found["step-time"]["stats"]["median"], found["step-time"]["stats"]["rounds"]) == (0.01, 1)
    assert found["train-time"]["stats"]["data"] == [2.0, 3.0, 4.0]
    assert found["train-time"]["extra_info"]["test-error"] == pytest.approx(0.07)
    assert found["step-time"]["extra_info"]["p90"] == 0.02


def test_pytest_benchmark_compares_two_exports(tmp_path: Path, cells: list[Record]) -> None:
    slower = [
        each.model_copy(update={"step_seconds": each.step_seconds.model_copy(update={"p50": 0.03})})
        if each.step_seconds
        else each
        for each in cells
    ]
    for name, records in {"base": cells, "head": slower}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document(records)))
    compare = ["pytest-benchmark", "compare", "base.json", "head.json", "--columns=median,rounds"]
    printed = tool(*compare, "--group-by=fullname", cwd=tmp_path, module="pytest_benchmark")
    lines = [line.split() for line in printed.splitlines() if line.startswith("step-time[")]
    assert len(lines) == 2
    assert [line[-3:] for line in lines] == [["10.0000", "(1.0)", "1"], ["30.0000", "(3.00)", "1"]]
    grouped = tool(*compare, "--group-by=param:architecture", cwd=tmp_path, module="pytest_benchmark")
    assert "benchmark 'architecture=lstm': 6 tests" in grouped


def test_pytest_benchmark_shows_hostile_names(tmp_path: Path, cells: list[Record]) -> None:
    records = [
        record.model_copy(
            update={
                "cell_id": f"{number}{record.seed}",
                "architecture": name,
                "identity": {"architecture": name},
                "architecture_settings": {},
            }
        )
        for number, name in enumerate(HOSTILE)
        for record in cells[:3]
    ]
    (tmp_path / "base.json").write_text(json.dumps(document(records)))
    printed = tool("pytest-benchmark", "compare", "base.json", cwd=tmp_path, module="pytest_benchmark")
    assert printed.count(f"{len(HOSTILE)} tests") == 3  # groups
    assert not set("\x1b\x00\u202e") & set(printed)

"""The report as JSON: exact, strict, and with what the statistics say."""

import json
import math
from pathlib import Path
from typing import Any

from bench.record import Record
from bench.report.document import finite, write_json

from .conftest import HOSTILE, make_record, runs


def document(*records: Record, folder: Path, **given: Any) -> dict[str, Any]:
    (path,) = write_json(runs(*records, **given), folder, title="A title")
    text = path.read_text(encoding="ascii")
    assert "NaN" not in text
    assert "Infinity" not in text
    return dict(json.loads(text))


def test_a_task_has_its_architectures_with_intervals_and_every_seed(tmp_path: Path) -> None:
    made = [make_record(seed=seed, value=0.96 + 0.01 * seed, steps_to_target=300) for seed in range(3)]
    found = document(*made, folder=tmp_path, notes=["a note"])
    assert (found["schema_version"], found["title"], found["notes"]) == (1, "A title", ["a note"])
    (task,) = found["tasks"]
    (row,) = task["architectures"]
    assert (task["label"], task["metric"], task["task_settings"]) == ("adding", "accuracy", {"length": 100})
    assert [round(end, 4) for end in row["interval"]] == [0.9452, 0.9948]
    assert (row["solved"], row["planned"], row["steps_to_target"]) == (3, 3, 300)
    assert [round(end, 4) for end in row["solved_interval"]] == [0.2924, 1.0]  # Clopper and Pearson: 0.025^(1/3)
    assert [seed["value"] for seed in row["seeds"]] == [record.value for record in made]
    assert [seed["cell_id"] for seed in row["seeds"]] == [record.cell_id for record in made]


def test_every_pair_has_its_contrast_with_interval_and_verdict(tmp_path: Path) -> None:
    made = [make_record("copy", name, s, v + 0.01 * s) for name, v in (("a", 0.9), ("b", 0.1)) for s in range(5)]
    (task,) = document(*made, folder=tmp_path)["tasks"]
    (contrast,) = task["contrasts"]
    assert (contrast["a"], contrast["b"], contrast["verdict"]) == ("a", "b", "better")
    low, high = contrast["interval"]
    assert low < 0.8 < high
    assert contrast["p"] < 0.05
    assert [row["best"] for row in task["architectures"]] == [True, False]


def test_what_all_tasks_say_together_is_there(tmp_path: Path) -> None:
    made = [make_record(t, name, s, v) for t in "xy" for name, v in (("a", 0.9), ("b", 0.2)) for s in range(3)]
    across = document(*made, folder=tmp_path)["across"]
    assert across["tasks"] == ["x", "y"]
    assert [one["label"] for one in across["architectures"]] == ["a", "b"]
    assert [one["probability"] for one in across["improvements"]] == [1.0, 0.0]


def test_a_median_that_is_never_reached_is_never_and_nothing_is_null(tmp_path: Path) -> None:
    missed, failed = document(make_record("a"), make_record("b", status="failed", reason="x"), folder=tmp_path)["tasks"]
    assert missed["architectures"][0]["steps_to_target"] == "never"
    (row,) = failed["architectures"]
    assert (row["mean"], row["interval"], row["scored"]) == (None, None, 0)
    assert (row["seeds"][0]["status"], row["seeds"][0]["reason"], row["seeds"][0]["value"]) == ("failed", "x", None)


def test_names_are_exact(tmp_path: Path) -> None:
    found = document(*(make_record(name, name, reason=name) for name in HOSTILE), folder=tmp_path, notes=HOSTILE)
    assert {task["task"] for task in found["tasks"]} == set(HOSTILE)
    assert {row["architecture"] for task in found["tasks"] for row in task["architectures"]} == set(HOSTILE)
    assert found["notes"] == HOSTILE


def test_no_number_that_is_not_finite_is_left_at_any_depth() -> None:
    given = {"a": [math.nan, (1.0, -math.inf)], "b": {"c": math.inf, "d": True, "e": None, "f": "nan"}}
    assert finite(given) == {"a": [None, [1.0, None]], "b": {"c": None, "d": True, "e": None, "f": "nan"}}

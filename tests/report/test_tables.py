"""The CSV files: what their lines hold, and that no spreadsheet computes with them."""

import csv
import re
from pathlib import Path

import pytest
from timings import timed

from bench.record import Record
from bench.report.tables import cell, csv_text, summary, write_csv
from bench.task import Training

from .conftest import make_record, runs

DOCS = Path(__file__).parents[2] / "docs" / "results.md"


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_the_summary_has_a_line_per_task_and_architecture(records: list[Record]) -> None:
    assert [(line["task"], line["architecture"]) for line in summary(records)] == [
        ("adding", "gru"),
        ("adding", "rnn"),
        ("copy", "gru"),
        ("copy", "lstm"),
        ("copy", "rnn"),
        ("copy", "cnn"),
    ]


def test_the_summary_counts_failed_seeds_and_has_no_interval_for_them(records: list[Record]) -> None:
    gru, lstm = lines(csv_text(summary(records)))[2:4]
    assert (lstm["seeds"], lstm["planned"], lstm["failures"], lstm["steps_to_target"]) == (
        "2",
        "3",
        "1 diverged",
        "inf",
    )
    assert lstm["interval_low"] == lstm["interval_high"] == ""
    # Student's t(0.975, 2) = 4.303; the standard error of 0.96, 0.97, 0.98 is 0.01 / sqrt(3).
    assert (float(gru["interval_low"]), float(gru["interval_high"])) == pytest.approx((0.94516, 0.99484), abs=1e-5)


def test_an_unknown_number_is_empty() -> None:
    (line,) = lines(csv_text(summary([make_record(status="failed")])))
    assert line["mean"] == line["low"] == line["step_milliseconds"] == ""


def test_the_speed_of_an_architecture_is_in_its_line_and_says_which_phase_it_is_of() -> None:
    lstm, rnn = summary([timed(make_record()), make_record(architecture="rnn")])
    assert (lstm["step_phase"], rnn["step_phase"]) == ("speed", "training")
    assert [lstm[key] for key in ("step_milliseconds", "step_noise", "inference_milliseconds")] == pytest.approx(
        [10.0, 1.02, 1.0]
    )
    assert [lstm[key] for key in ("peak_bytes", "flops_per_sample", "share_of_peak")] == [12_345_678, 432_129, 0.125]
    assert (rnn["step_milliseconds"], rnn["step_noise"]) == (20.0, None)


def test_a_cell_is_a_line_with_what_decides_it_and_what_it_reached() -> None:
    record = make_record(value=0.25, seed=3, training=Training(steps=9, lr=0.5))
    (line,) = lines(csv_text([cell(record)]))
    assert (line["task_settings"], line["architecture_settings"]) == ('{"length": 100}', '{"units": 32}')
    assert '"lr": 0.5' in line["training"]
    assert (line["value"], line["seed"], line["solved"], line["steps_to_target"]) == ("0.25", "3", "false", "")
    assert (line["processor"], line["threads"], line["archbench"]) == ("some cpu", "1", "0.1.0+abc")
    assert float(line["value"]) == record.value


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n@x"])
def test_no_text_begins_as_a_formula_does(name: str) -> None:
    record = make_record(name, name, status="failed", reason=name)
    for made in (summary([record]), [cell(record)]):
        (line,) = lines(csv_text(made))
        assert not [value for value in line.values() if value[:1] in ("=", "+", "-", "@", "\t", "\r")]
        assert line["task"] == f"'{name.strip()}"


def test_numbers_below_zero_stay_numbers() -> None:
    (line,) = lines(csv_text(summary([make_record(value=-0.5)])))
    assert line["mean"] == "-0.5"


def test_every_column_is_documented(tmp_path: Path) -> None:
    text = DOCS.read_text(encoding="utf-8")
    for path in write_csv(runs(make_record()), tmp_path, title="t"):
        header = path.read_text().splitlines()[0].split(",")
        documented = re.findall(r"`(\w+)`", text[text.index(f"`{path.name}`") :])
        assert [name for name in header if name not in documented] == []

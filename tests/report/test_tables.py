import math

import pytest
from timings import timed

from bench.record import Record
from bench.report.tables import summary

from .conftest import make_record


def test_summary_has_a_row_per_task_and_architecture(records: list[Record]) -> None:
    table = summary(records)
    assert list(zip(table.task, table.architecture, strict=True)) == [
        ("adding", "gru"),
        ("adding", "rnn"),
        ("copy", "gru"),
        ("copy", "lstm"),
        ("copy", "rnn"),
        ("copy", "cnn"),
    ]


def test_summary_counts_failed_seeds(records: list[Record]) -> None:
    lstm = summary(records).set_index("architecture").loc["lstm"]
    assert (lstm.seeds, lstm.planned, lstm.failures) == (2, 3, "1 diverged")
    assert math.isinf(lstm.steps_to_target)


def test_summary_of_nothing_is_empty() -> None:
    assert summary([]).empty


def test_an_unknown_number_is_nan() -> None:
    assert math.isnan(summary([make_record(status="failed")])["mean"][0])


def test_the_speed_of_an_architecture_is_in_its_row_and_says_which_phase_it_is_of() -> None:
    table = summary([timed(make_record()), make_record(architecture="rnn")]).set_index("architecture")
    assert list(table.step_phase) == ["speed", "training"]
    lstm = table.loc["lstm"]
    assert (lstm.step_milliseconds, lstm.step_noise, lstm.inference_milliseconds) == pytest.approx((10.0, 1.02, 1.0))
    assert (lstm.peak_bytes, lstm.flops_per_sample, lstm.share_of_peak) == (12_345_678, 432_129, 0.125)
    assert table.loc["rnn"].step_milliseconds == 20.0
    assert math.isnan(table.loc["rnn"].step_noise)

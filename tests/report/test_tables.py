import math

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

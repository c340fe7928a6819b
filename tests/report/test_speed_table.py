from timings import speed, timed

from bench.report.aggregate import task_tables
from bench.report.speed_table import SPEED_COLUMNS, speed_table

from .conftest import make_record


def rows_of(*records) -> dict[str, list[str]]:
    (table,) = task_tables(records)
    header, rows = speed_table(table)
    assert header == ["architecture", *SPEED_COLUMNS]
    assert {len(row) for row in rows} == {len(header)}
    return {name: cells for name, *cells in rows}


def test_a_row_shows_what_was_measured_with_its_units() -> None:
    found = rows_of(timed(make_record(seed=0)), timed(make_record(seed=1)))
    assert found == {"lstm": ["10.0, 30.0", "2.0 %", "2.50", "1.00", "6,400, 16,000", "12.3", "0.432", "12 %"]}


def test_what_was_not_measured_is_left_open_and_what_was_not_timed_is_left_out() -> None:
    record = timed(make_record(), flops_per_sample=None, speed=speed("a", share_of_peak=None))
    found = rows_of(record, make_record(architecture="rnn"))
    assert found.keys() == {"lstm"}
    assert found["lstm"][-2:] == ["–", "–"]


def test_without_a_speed_phase_there_is_no_table() -> None:
    (table,) = task_tables([make_record()])
    assert speed_table(table) is None

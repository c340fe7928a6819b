import math

import pytest

from bench.report.aggregate import task_tables
from bench.report.flow_table import flow_table, intervention_table

from .conftest import make_record
from .flow_cells import LSTM, RNN, TCN, Cells, make_flow


def rows_of(*made) -> dict[str, list[str]]:
    cells = Cells(made)
    (table,) = task_tables(cells.records)
    header, rows = flow_table(table, cells.curves)
    assert {len(row) for row in rows} == {len(header)}
    return {name: cells for name, *cells in rows}


def test_a_row_goes_from_init_to_the_end_in_medians_over_seeds() -> None:
    made = [make_flow(seed=seed, half_life=(3 + seed, 30, (60, 90, math.inf)[seed])) for seed in range(3)]
    found = rows_of(*made, make_flow("tcn", half_life=(5, 5, 2), states=TCN))
    assert found["lstm"][:4] == ["h", "4.00 → 90.0", "4.00 → 90.0", "39 → > 99"]
    assert found["tcn"][:4] == ["input", "5.00 → 2.00", "–", "49 → 19"]


@pytest.mark.parametrize(("lives", "text"), [((10, 9, 99), "1e-3 → 0.50"), ((0.5, 9, math.inf), "< 1e-37 → 1.0")])
def test_what_reaches_the_first_step_is_a_share_of_lag_0(lives: tuple[float, ...], text: str) -> None:
    assert rows_of(make_flow(half_life=lives, states=RNN))["lstm"][4] == text


def test_records_without_their_arrays_still_have_half_lives() -> None:
    record, _ = make_flow(states=LSTM)
    assert rows_of((record, {}))["lstm"] == ["h", "3.00 → 60.0", "3.00 → 60.0", "29 → > 99", "–"]


def test_a_seed_without_an_end_and_a_half_life_without_a_fit_are_unknown() -> None:
    assert rows_of(make_flow(steps=(0,), half_life=(5,), states=RNN))["lstm"][1] == "5.00 → –"
    assert rows_of(make_flow(half_life=(math.nan,) * 3, states=RNN))["lstm"][1] == "–"


def test_interventions_are_medians_over_seeds() -> None:
    made = [
        make_record("copy", "lstm", seed, interventions={"none": score, "forget-open": 0.1})
        for seed, score in enumerate((0.9, 0.8, math.nan))
    ]
    made.append(make_record("copy", "rnn", interventions={"none": 0.2, "reset-half": 0.1}))
    (table,) = task_tables([*made, make_record("copy", "mlp")])
    header, rows = intervention_table(table)
    assert header == ["architecture", "unchanged", "forget-open", "reset-half"]
    assert sorted(rows) == [["lstm", "0.850 (2 of 3)", "0.100", "–"], ["rnn", "0.200", "–", "0.100"]]


def test_nothing_measured_is_no_table() -> None:
    (table,) = task_tables([make_record()])
    assert flow_table(table, lambda _: {}) is None
    assert intervention_table(table) is None

import math

import numpy as np
import pytest

from bench.report.aggregate import task_tables
from bench.report.flow_words import gradient_flow, half_life, lag_map

from .flow_cells import RNN, Cells, make_flow


def say(sentence, *made) -> str:
    cells = Cells(made)
    (table,) = task_tables(cells.records)
    return sentence(table, cells.curves)


def test_how_far_the_gradient_falls_is_said_for_one_two_and_many() -> None:
    arms = [
        make_flow(name, half_life=lives)
        for name, lives in (("lstm", (3, 30, 60)), ("rnn", (30, 20, 15)), ("gru", (10, 20, 30)))
    ]
    one, two, many = (say(gradient_flow, *arms[:count]) for count in (1, 2, 3))
    assert "At init the gradient, from lag 0 to lag 99, falls by 9.9 powers of ten in **lstm**." in one
    assert "At the end the gradient, from lag 0 to lag 99, falls by 0.5 powers of ten in **lstm**." in one
    assert "falls by 1.0 powers of ten in **rnn** and falls by 9.9 powers of ten in **lstm**." in two
    assert "in **rnn** (the least of 3) and falls by 9.9 powers of ten in **lstm** (the most)." in many
    assert (
        "At the end the gradient, from lag 0 to lag 99, falls by 0.5 powers of ten in **lstm** (the least of 3)" in many
    )


def test_a_gradient_that_grows_or_ends_at_the_floor_is_called_so() -> None:
    assert "grows by 1.0 powers of ten" in say(gradient_flow, make_flow(half_life=(-30, 9, 9)))
    assert "falls by at least 37.0 powers of ten" in say(gradient_flow, make_flow(half_life=(0.5, 9, 9)))


def test_gradients_that_are_not_finite_are_counted() -> None:
    record, curves = make_flow()
    flow = {key: each.model_copy(update={"not_finite": 2}) for key, each in record.gradient.items()}
    text = say(gradient_flow, (record.model_copy(update={"gradient": flow}), curves))
    assert "Left out: 6 gradients of a sequence that are not finite." in text


def test_half_lives_are_compared_at_init_and_at_the_end() -> None:
    text = say(
        half_life,
        make_flow("lstm", half_life=(3, 30, math.inf)),
        make_flow("rnn", half_life=(20, 15, 10), states=RNN),
    )
    assert "At init: 3.00 steps in **lstm** and 20.0 steps in **rnn**." in text
    assert "At the end: 10.0 steps in **rnn**; infinite, since it does not fall, in **lstm**." in text


def test_probes_without_a_fit_are_counted() -> None:
    assert "2 of 3 probes allowed no fit and are left out." in say(
        half_life, make_flow(half_life=(math.nan, 5, math.nan))
    )


def test_the_horizon_is_said_with_its_censoring() -> None:
    text = say(lag_map, make_flow(half_life=(3, 30, 60)))
    assert "from init to end: 29 → > 99 in **lstm**." in text


@pytest.mark.parametrize("sentence", [gradient_flow, lag_map, half_life])
def test_profiles_of_nan_leave_a_sentence(sentence) -> None:
    record, curves = make_flow(half_life=(math.nan,) * 3)
    curves["profile_h"] = np.full_like(curves["profile_h"], np.nan)
    assert say(sentence, (record, curves)).endswith(".")

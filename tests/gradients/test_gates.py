"""Gates computed again against what Keras's own cells do with them, and their statistics against scikit-learn."""

import math
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bench.architectures._cells import LSTM1997Cell
from bench.gradients.gates import carrying_units, gate_statistics, gates, saturation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 9, 3)).astype("float32")


def states_of(cell: Any) -> list[np.ndarray]:
    """Every state after every step, (samples, time, units), of a cell with random weights."""
    cell.build((None, 3))
    cell.set_weights([RNG.normal(0, 0.8, weight.shape) for weight in cell.get_weights()])
    count = len(keras.tree.flatten(cell.state_size))
    states, rows = [np.zeros((4, 5), "float32")] * count, []
    for t in range(X.shape[1]):
        _, new = cell(X[:, t], states)
        states = [keras.ops.convert_to_numpy(part) for part in keras.tree.flatten(new)]
        rows.append(states)
    return [np.stack([row[index] for row in rows], axis=1) for index in range(count)]


def before(states: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros_like(states[:, :1]), states[:, :-1]], axis=1)


@pytest.mark.contract
def test_the_gates_of_an_lstm_make_its_cell_state() -> None:
    cell = keras.layers.LSTMCell(5)
    h, c = states_of(cell)
    found = gates("lstm", X, h, cell.get_weights())
    kernel, recurrent, bias = cell.get_weights()
    candidate = np.tanh(X @ kernel[:, 10:15] + before(h) @ recurrent[:, 10:15] + bias[10:15])
    np.testing.assert_allclose(found["forget"] * before(c) + found["input"] * candidate, c, rtol=1e-4, atol=1e-5)


@pytest.mark.contract
def test_the_gate_of_an_lstm_without_forgetting_makes_its_cell_state() -> None:
    cell = LSTM1997Cell(5)
    h, c = states_of(cell)
    kernel, recurrent, bias = cell.get_weights()
    candidate = np.tanh(X @ kernel[:, 5:10] + before(h) @ recurrent[:, 5:10] + bias[5:10])
    found = gates("lstm-1997", X, h, [np.asarray(weight) for weight in cell.get_weights()])["input"]
    np.testing.assert_allclose(before(c) + found * candidate, c, rtol=1e-4, atol=1e-5)


@pytest.mark.contract
def test_the_update_gate_of_a_gru_is_the_share_that_is_kept() -> None:
    cell = keras.layers.GRUCell(5)
    (h,) = states_of(cell)
    kernel, recurrent, bias = cell.get_weights()
    a, b = X @ kernel + bias[0], before(h) @ recurrent + bias[1]
    reset = 1 / (1 + np.exp(-(a + b)[..., 5:10]))
    candidate = np.tanh(a[..., 10:] + reset * b[..., 10:])
    kept = gates("gru", X, h, cell.get_weights())["update"]
    np.testing.assert_allclose(kept * before(h) + (1 - kept) * candidate, h, rtol=1e-4, atol=1e-5)


def values() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    cues = rng.random((6, 20)) < 0.2
    gate = rng.uniform(0.05, 0.95, (6, 20, 4))
    gate[..., 1] = np.where(cues, 0.97, 0.02)
    return gate, cues


def test_statistics_of_a_gate_are_those_of_its_values() -> None:
    gate, cues = values()
    carrying = np.array([True, False, False, True])
    half = np.full(6, 9)
    found = gate_statistics(gate, cues, None, carrying, half, keeps=True)
    assert found.mean == pytest.approx(gate.mean())
    assert found.above_90 == pytest.approx((gate > 0.9).mean())
    assert found.below_10 == pytest.approx((gate < 0.1).mean())
    taus = -1 / np.log(gate).mean(axis=(0, 1))
    assert found.tau_median == pytest.approx(np.median(taus))
    assert found.tau_longest == pytest.approx(taus.max())
    assert found.at_cues == pytest.approx(gate[cues].mean())
    assert found.at_distractors == pytest.approx(gate[~cues].mean())
    assert found.carrying == pytest.approx(gate[~cues][:, carrying].mean())
    early, mean = cues[:, :10], gate[:, :10, carrying].mean(axis=-1)
    assert found.auc_carrying == pytest.approx(roc_auc_score(early.ravel(), mean.ravel()))


def test_the_area_under_the_curve_is_that_of_scikit_learn() -> None:
    gate, cues = values()
    gate[..., 1] = gate[..., 2] > 0.5  # with ties
    found = gate_statistics(gate, cues, None, np.ones(4, bool), np.full(6, 9), keeps=False)
    areas = [roc_auc_score(cues.ravel(), gate[..., unit].ravel()) for unit in range(4)]
    assert found.auc_best == pytest.approx(max(areas))
    assert found.cue_units == np.mean(np.array(areas) >= 0.9)
    assert found.tau_median is None


def test_padding_counts_for_nothing() -> None:
    gate, cues = values()
    real = np.ones((6, 20), bool)
    real[:, :7] = False
    gate[:, :7] = 0.5
    cut = gate_statistics(gate[:, 7:], cues[:, 7:], None, np.ones(4, bool), np.full(6, 5), keeps=True)
    assert gate_statistics(
        gate, cues, real, np.ones(4, bool), np.full(6, 12), keeps=True
    ).model_dump() == pytest.approx(cut.model_dump())
    h = np.where(real[..., None], 0.5, 1.0) * np.ones((6, 20, 4))
    assert saturation(h, real).saturated == 0


def test_without_cues_nothing_is_said_about_them() -> None:
    found = gate_statistics(values()[0], None, None, np.ones(4, bool), np.full(6, 9), keeps=True)
    assert found.at_cues is None
    assert found.auc_best is None


def test_padding_alone_has_no_statistics() -> None:
    nothing = np.zeros((6, 20), bool)
    assert math.isnan(gate_statistics(values()[0], None, nothing, np.ones(4, bool), np.full(6, 9), keeps=True).mean)
    assert math.isnan(saturation(values()[0], nothing).open)


def test_the_units_that_carry_are_the_fewest_with_half_of_the_effect() -> None:
    state = np.array([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]])
    gradient = np.array([[0.2, -0.7, 0.1], [0.2, 0.7, -0.1]])
    assert carrying_units(gradient, state).tolist() == [False, True, False]
    assert carrying_units(np.array([[0.4, 0.35, 0.25]] * 2), state).tolist() == [True, True, False]


def test_saturation_counts_what_is_beyond_and_what_is_dead() -> None:
    h = np.array([[[0.995, 0.0], [0.6, 0.0]]])
    found = saturation(h, None)
    assert found.open == pytest.approx(1 - (0.995**2 + 0.36) / 4)
    assert (found.saturated, found.dead) == (0.25, 0.5)


def test_saturation_begins_beyond_99_hundredths_and_a_unit_is_dead_only_where_it_is_0_throughout() -> None:
    found = saturation(np.array([[[0.98, 0.0], [-0.995, 0.1]]]), None)
    assert (found.saturated, found.dead) == (0.25, 0)


def test_a_gate_that_is_always_open_keeps_for_ever() -> None:
    found = gate_statistics(np.ones((2, 3, 2)), None, None, np.ones(2, bool), np.ones(2), keeps=True)
    assert (found.tau_median, found.tau_longest) == (math.inf, math.inf)


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_no_unit_carries_where_no_gradient_arrives(value: float) -> None:
    assert not carrying_units(np.full((4, 3), value), np.random.default_rng(0).normal(size=(4, 3))).any()


def test_a_sequence_whose_gradient_is_not_finite_does_not_choose_the_units() -> None:
    rng = np.random.default_rng(0)
    gradient, state = rng.normal(size=(9, 6)), rng.normal(size=(9, 6))
    expected = carrying_units(gradient[1:], state[1:])
    gradient[0] = np.nan
    assert carrying_units(gradient, state).tolist() == expected.tolist()


def test_where_no_unit_carries_there_is_no_mean_over_those_that_do() -> None:
    gate, cues = values()
    found = gate_statistics(gate, cues, None, np.zeros(4, bool), np.full(6, 9), keeps=True)
    assert (found.carrying, found.auc_carrying) == (None, None)


def test_the_units_that_carry_are_asked_for_the_cues_up_to_half_way() -> None:
    """A unit that holds the first of two cues need not open at the second."""
    gate, cues = np.full((3, 10, 2), 0.1), np.zeros((3, 10), bool)
    cues[:, [2, 7]] = True
    gate[:, 2, 0] = gate[:, 7, 1] = 0.9
    found = gate_statistics(gate, cues, None, np.array([True, False]), np.full(3, 4), keeps=False)
    assert found.auc_carrying == 1
    late = gate_statistics(gate, cues, None, np.array([True, False]), np.full(3, 9), keeps=False)
    assert late.auc_carrying is not None
    assert late.auc_carrying < 0.8


def test_units_are_ranked_over_sequences_that_hold_cues_and_other_steps() -> None:
    gate, cues = (np.tile(part, (12, *[1] * (part.ndim - 1))) for part in values())
    cues[:66] = False  # more than are ranked
    found = gate_statistics(gate, cues, None, np.ones(4, bool), np.full(72, 9), keeps=False)
    assert (found.auc_best, found.cue_units) == (1, 0.25)
    apart = np.array([[True, True], [False, False]])
    found = gate_statistics(np.ones((2, 2, 1)), apart, None, np.ones(1, bool), np.ones(2), keeps=False)
    assert (found.at_cues, found.auc_best, found.cue_units) == (1, None, None)

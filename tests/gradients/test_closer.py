"""Lag shares against the gradient of a tape, Jacobians against finite differences."""

import keras
import numpy as np
import pytest
from keras import ops
from oracle import weight_gradients as by_the_framework

from bench.architecture import InputSpec
from bench.catalogue import discover
from bench.gradients import closer as module
from bench.gradients.closer import bins, closer, jacobians, pairs, weight_gradients
from bench.gradients.flow import Flow, measure
from bench.gradients.probe import Probe
from bench.task import Split

SPEC = InputSpec("sequence", (9, 2), outputs=3)
RNG = np.random.default_rng(0)
SPLIT = Split(RNG.normal(size=(10, 9, 2)).astype("float32"), RNG.integers(0, 3, 10).astype("int32"))


def measured(arm: str) -> tuple[keras.Model, Probe, Flow]:
    keras.utils.set_random_seed(2)
    architecture = discover().architecture(arm).value
    defaults = {key: setting.default for key, setting in architecture.settings.items()}
    model = architecture.build(SPEC, **{**defaults, "units": 4}, **architecture.fixed)
    probe = Probe(model, SPEC, "cross-entropy", jit=False)
    return model, probe, measure(probe, SPLIT, 0, None)


@pytest.mark.contract
@pytest.mark.parametrize("arm", ["rnn", "lstm", "gru", "lstm-1997"])
def test_the_bins_of_lags_add_up_to_the_whole_gradient_of_the_recurrent_weights(arm: str) -> None:
    model, probe, flow = measured(arm)
    edges = bins(9)
    parts = weight_gradients(probe, flow, edges, None)
    assert parts is not None
    assert edges == [0, 1, 2, 4, 8, 9]
    weight = probe.taps[0].cell.recurrent_kernel
    y = ops.convert_to_tensor(SPLIT.y)
    (expected,) = by_the_framework(
        lambda: ops.sum(keras.losses.sparse_categorical_crossentropy(y, model(SPLIT.x), from_logits=True)), [weight]
    )
    np.testing.assert_allclose(sum(parts) * 2.0**-flow.found.scale_log2, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.contract
@pytest.mark.parametrize("arm", ["rnn", "lstm", "gru"])
def test_jacobians_are_finite_differences_of_the_cell(arm: str) -> None:
    _, probe, flow = measured(arm)
    tap = probe.taps[0]
    found = jacobians(tap, flow, None)
    size = sum(tap.sizes)
    states = np.concatenate(flow.found.states[0], axis=-1)
    assert found.shape == (8, 9, size, size)
    t, step = 5, 1e-2
    for unit in range(size):
        moved = np.zeros(size, "float32")
        moved[unit] = step
        up, down = (
            np.concatenate(
                [ops.convert_to_numpy(part) for part in tap.step(SPLIT.x[:8, t], tap.split(states[:8, t - 1] + by))], -1
            )
            for by in (moved, -moved)
        )
        np.testing.assert_allclose(found[:, t, :, unit], (up - down) / (2 * step), rtol=1e-2, atol=1e-4)


def test_both_moments_stand_side_by_side_and_edges_once() -> None:
    _, probe, flow = measured("lstm")
    found = closer(probe, flow, SPLIT, None, spectrum=True)
    both = pairs([found, found])
    assert both["lyapunov"].shape == (2, 8)
    assert both["singular_lags"].tolist() == [1, 2, 4, 8, 9]
    assert both["singular_values"].shape == (2, 5, 8)
    assert both["lag_share"].sum(axis=1) == pytest.approx([1, 1])
    assert both["memory"].shape == (2, 9)
    assert both["example_forget"].shape == (2, 9, 4)
    assert pairs([found]) == {}


def test_one_step_is_one_bin() -> None:
    assert bins(1) == [0, 1]


def test_cues_are_read_from_the_state_half_way_and_only_those_before_it() -> None:
    _, probe, flow = measured("lstm")
    rng = np.random.default_rng(1)
    x, h = rng.normal(size=(60, 9, 2)).astype("float32"), rng.normal(size=(60, 9, 4)).astype("float32")
    h[:, 3, :2] = x[:, 1]  # the first cue, and at the step that ends the first half alone
    cues = np.zeros((60, 9), bool)
    cues[:, [1, 6]] = True
    states = flow.found._replace(states=[[h, *flow.found.states[0][1:]]])
    found = module._memory(probe, flow._replace(found=states), x, cues)["memory_cues"]
    assert found.shape == (1,)
    assert found[0] > 0.99

"""The receptive field of the temporal convolutional network, to the step."""

import keras
import numpy as np
import pytest

from bench.architecture import InputSpec
from bench.architectures import tcn


@pytest.mark.parametrize("kernel", [2, 3, 7])
@pytest.mark.parametrize("steps", [1, 5, 6, 28, 100, 784, 1024])
def test_there_are_as_many_blocks_as_the_sequence_needs_and_no_more(steps, kernel):
    n = tcn.blocks(steps, kernel)
    assert tcn.receptive_field(n, kernel) >= steps
    assert n == 1 or tcn.receptive_field(n - 1, kernel) < steps


def test_depth_has_a_cap():
    assert tcn.blocks(10**6, 3) == tcn.MAX_BLOCKS
    assert tcn.receptive_field(tcn.MAX_BLOCKS, 3) == 4093


def positive(model):
    """All weights positive: no ReLU dies and nothing cancels, so what can be reached is reached."""
    for v in model.trainable_variables:
        v.assign(np.full(v.shape, 0.1, "float32"))
    return model


def influence(model, x, step):
    """The steps whose output changes when input `step` does."""
    other = x.copy()
    other[:, step] += 1
    same, changed = (keras.ops.convert_to_numpy(model(v)) for v in (x, other))
    return set(np.flatnonzero((same != changed).any(axis=(0, 2))).tolist())


@pytest.mark.contract
def test_an_input_reaches_the_steps_of_its_receptive_field_exactly(build, monkeypatch):
    monkeypatch.setattr(tcn, "MAX_BLOCKS", 2)
    assert tcn.receptive_field(2, 3) == 13
    spec, x = InputSpec("sequence", (30, 2), 1, per_step=True), np.zeros((1, 30, 2), "float32")
    model = positive(build("tcn", spec, units=4))
    assert influence(model, x, 0) == set(range(13))
    assert influence(model, x, 10) == set(range(10, 23))
    assert influence(model, x, 29) == {29}


def test_the_first_step_reaches_the_last_output(build):
    spec, x = InputSpec("sequence", (40, 2), 1, per_step=True), np.zeros((1, 40, 2), "float32")
    assert influence(positive(build("tcn", spec, units=4)), x, 0) == set(range(40))


@pytest.mark.contract
def test_one_output_is_that_of_the_last_step(build):
    x = np.random.default_rng(0).random((2, 9, 2), dtype="float32")
    steps = build("tcn", InputSpec("sequence", (9, 2), 3, per_step=True))
    last = build("tcn", InputSpec("sequence", (9, 2), 3))
    last.set_weights(steps.get_weights())
    every, one = (keras.ops.convert_to_numpy(model(x)) for model in (steps, last))
    np.testing.assert_allclose(one, every[:, -1], rtol=1e-5)

"""What the transformer's attention may look at, and how large its blocks are."""

import math
from functools import partial
from itertools import pairwise

import keras
import numpy as np
import pytest

from bench.architecture import InputSpec
from bench.width import TOLERANCE

TOKENS = np.array([[3, 1, 4, 1, 5, 9, 2, 6]], "int32")


@pytest.fixture
def build(build):
    """Heads of more than one dimension: the model is half of `units` wide."""
    return partial(build, units=16)


def out(model, x):
    return keras.ops.convert_to_numpy(model(x))


@pytest.mark.contract
@pytest.mark.parametrize("causal", [False, True])
def test_only_a_causal_model_leaves_earlier_steps_alone(causal, build):
    model = build("transformer", InputSpec("tokens", (8,), 3, per_step=True, causal=causal, vocabulary=11))
    other = TOKENS.copy()
    other[0, -1] = 7
    assert np.array_equal(out(model, TOKENS)[:, :-1], out(model, other)[:, :-1]) == causal


@pytest.mark.contract
def test_real_steps_do_not_see_padded_ones(build):
    model = build("transformer", InputSpec("tokens", (8,), 3, per_step=True, vocabulary=11))
    short = build("transformer", InputSpec("tokens", (6,), 3, per_step=True, vocabulary=11))
    short.set_weights(model.get_weights())
    padded = TOKENS * (np.arange(8) < 6)
    np.testing.assert_allclose(out(model, padded)[:, :6], out(short, TOKENS[:, :6]), rtol=1e-5, atol=1e-6)


def test_the_order_of_steps_matters(build):
    model = build("transformer", InputSpec("tokens", (8,), 3, vocabulary=11))
    assert not np.allclose(out(model, TOKENS), out(model, TOKENS[:, ::-1].copy()), atol=1e-4)


@pytest.mark.parametrize("units", [1, 2, 3, 4, 5, 6, 9, 10, 11, 34, 35])
def test_every_width_is_possible_and_a_block_has_two_squares_of_units(units, build):
    spec = InputSpec("sequence", (6, 2), 1)
    models = [build("transformer", spec, units=units, layers=layers) for layers in (1, 2)]
    width = models[0].get_layer("stem").units
    assert width == max(units // 2, 1)
    kernels = [sum(math.prod(v.shape) for v in model.trainable_variables if "kernel" in v.path) for model in models]
    squares = kernels[1] - kernels[0]
    assert units < 5 or 0 <= 2 * units**2 - squares <= 2 * width
    assert np.isfinite(out(models[1], np.ones((2, 6, 2), "float32"))).all()


def test_parameters_grow_with_every_unit_and_in_steps_small_enough_to_match_any_number(build):
    spec = InputSpec("sequence", (28, 28), 10)
    for widths in (range(1, 13), range(56, 74)):
        counts = [build("transformer", spec, units=units).count_params() for units in widths]
        assert counts == sorted(set(counts))
    assert max(b / a for a, b in pairwise(counts)) < 1 + 2 * TOLERANCE


def test_one_output_is_of_the_last_step_where_the_spec_is_causal_and_of_all_where_not(build):
    weights = build("transformer", InputSpec("sequence", (8, 2), 3, per_step=True, causal=True)).get_weights()
    x = np.random.default_rng(0).random((2, 8, 2), dtype="float32")
    for causal in (True, False):
        steps = build("transformer", InputSpec("sequence", (8, 2), 3, per_step=True, causal=causal))
        one = build("transformer", InputSpec("sequence", (8, 2), 3, causal=causal))
        steps.set_weights(weights)
        one.set_weights(weights)
        every = out(steps, x)  # the readout is linear, so the mean may be taken after it
        np.testing.assert_allclose(out(one, x), every[:, -1] if causal else every.mean(1), rtol=1e-4, atol=1e-5)

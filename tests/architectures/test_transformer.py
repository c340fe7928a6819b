"""What the transformer's attention may look at."""

import keras
import numpy as np
import pytest

from bench.architecture import InputSpec

TOKENS = np.array([[3, 1, 4, 1, 5, 9, 2, 6]], "int32")


def out(model, x):
    return keras.ops.convert_to_numpy(model(x))


@pytest.mark.parametrize("causal", [False, True])
def test_only_a_causal_model_leaves_earlier_steps_alone(causal, build):
    model = build("transformer", InputSpec("tokens", (8,), 3, per_step=True, causal=causal, vocabulary=11))
    other = TOKENS.copy()
    other[0, -1] = 7
    assert np.array_equal(out(model, TOKENS)[:, :-1], out(model, other)[:, :-1]) == causal


def test_real_steps_do_not_see_padded_ones(build):
    model = build("transformer", InputSpec("tokens", (8,), 3, per_step=True, vocabulary=11))
    short = build("transformer", InputSpec("tokens", (6,), 3, per_step=True, vocabulary=11))
    short.set_weights(model.get_weights())
    padded = TOKENS * (np.arange(8) < 6)
    np.testing.assert_allclose(out(model, padded)[:, :6], out(short, TOKENS[:, :6]), rtol=1e-5, atol=1e-6)


def test_the_order_of_steps_matters(build):
    model = build("transformer", InputSpec("tokens", (8,), 3, vocabulary=11))
    assert not np.allclose(out(model, TOKENS), out(model, TOKENS[:, ::-1].copy()), atol=1e-4)


@pytest.mark.parametrize("units", [1, 3, 4, 5, 17])
def test_every_width_is_possible_and_a_block_has_eight_squares_of_it(units, build):
    spec = InputSpec("sequence", (6, 2), 1)
    counts = [build("transformer", spec, units=units, layers=layers).count_params() for layers in (1, 2)]
    heads = 4 * -(-units // 4)
    inner = max(4 * units - 2 * heads, 1)
    vectors = 3 * heads + inner + 2 * units + 4 * units  # biases of attention and feed-forward, two normalisations
    squares = counts[1] - counts[0] - vectors
    assert squares == 4 * units * heads + 2 * units * inner
    assert units < 3 or squares == 8 * units**2


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

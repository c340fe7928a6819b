"""mlp, cnn, conv1d and bag: what each is blind to, and what it is not."""

import keras
import numpy as np
import pytest

from bench.architecture import InputSpec
from bench.architectures import cnn

RNG = np.random.default_rng(0)
TOKENS = np.array([[3, 1, 4, 1, 5, 9, 2, 6]], "int32")


def out(model, x):
    return keras.ops.convert_to_numpy(model(x))


@pytest.mark.contract
def test_the_mlp_computes_what_numpy_computes(build):
    x = RNG.normal(size=(3, 4, 2)).astype("float32")
    model = build("mlp", InputSpec("sequence", (4, 2), 2), layers=2)
    a, p, b, q, c, r = (np.array(w) for w in model.get_weights())
    hidden = np.maximum(np.maximum(x.reshape(3, 8) @ a + p, 0) @ b + q, 0)
    np.testing.assert_allclose(out(model, x), hidden @ c + r, rtol=1e-4, atol=1e-5)


def test_the_bag_does_not_see_the_order_of_words(build):
    model = build("bag", InputSpec("tokens", (8,), 2, vocabulary=11))
    np.testing.assert_allclose(out(model, TOKENS), out(model, TOKENS[:, ::-1].copy()), rtol=1e-5)


@pytest.mark.contract
def test_the_bag_averages_real_words_only(build):
    model = build("bag", InputSpec("tokens", (8,), 2, vocabulary=11))
    table, a, p, b, q = (np.array(w) for w in model.get_weights())
    row = TOKENS * (np.arange(8) >= 3)
    expected = np.maximum(table[row[0, 3:]].mean(0) @ a + p, 0) @ b + q
    np.testing.assert_allclose(out(model, row)[0], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.contract
def test_conv1d_finds_a_pattern_wherever_it_stands_and_sees_the_order_in_it(build):
    model = build("conv1d", InputSpec("sequence", (20, 2), 3))
    x = np.zeros((3, 20, 2), "float32")
    pattern = RNG.normal(size=(3, 2)).astype("float32")
    x[0, 6:9], x[1, 11:14], x[2, 6:9] = pattern, pattern, pattern[::-1]
    near, far, reversed_ = out(model, x)
    np.testing.assert_allclose(near, far, rtol=1e-5)
    assert not np.allclose(near, reversed_, rtol=1e-2)


def test_the_width_of_the_cnn_is_that_of_its_last_stage(build):
    def filters(shape):
        model = build("cnn", InputSpec("image", shape, 2), units=32)
        return [layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]

    assert filters((28, 28, 1)) == [8, 16, 32]
    assert filters((8, 8, 1)) == [16, 32]
    assert filters((4, 9, 3)) == [32]
    assert filters((1, 1, 1)) == [32]


def test_the_first_filters_of_the_cnn_alone_have_the_size_that_is_set(build):
    def sides(**settings):
        model = build("cnn", InputSpec("image", (28, 28, 1), 2), **settings)
        return [layer.kernel_size for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]

    assert sides() == [(3, 3)] * 3
    assert sides(kernel=7) == [(7, 7), (3, 3), (3, 3)]


@pytest.mark.parametrize("units", [1, 2, 3, 7])
def test_no_stage_of_the_cnn_is_empty(units):
    widths = cnn._widths(28, units)
    assert min(widths) >= 1
    assert widths == sorted(widths)


def test_the_cnn_answers_alike_to_a_shift_inside_its_pools(build):
    model = build("cnn", InputSpec("image", (8, 8, 1), 2))
    x = np.zeros((2, 8, 8, 1), "float32")
    x[0, 2:6, 2:6], x[1, 2:6, 3:7] = 1, 1
    stage = keras.Model(model.input, next(v for v in model.layers if isinstance(v, keras.layers.Conv2D)).output)
    here, there = out(stage, x)
    np.testing.assert_allclose(here[:, :7], there[:, 1:], atol=1e-6)


@pytest.mark.contract
def test_dropout_acts_in_training_alone(build, arms, specs):
    for name in ("mlp", "cnn", "conv1d", "bag"):
        label, spec = next((label, spec) for label, spec in specs.items() if not arms[name].refuses(spec))
        model = build(name, spec, dropout=0.5, units=32)
        x = np.ones((2, *spec.shape), "int32" if label == "tokens" else "float32")
        assert np.array_equal(out(model, x), out(model, x))
        runs = [keras.ops.convert_to_numpy(model(x, training=True)) for _ in range(2)]
        assert not np.array_equal(*runs)

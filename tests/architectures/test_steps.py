"""The layers over steps against numpy."""

import keras
import numpy as np
import pytest

from bench.architectures import _steps

pytestmark = pytest.mark.contract
X = np.random.default_rng(0).random((3, 5, 4), dtype="float32")
MASK = np.array([[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0]], bool)


def out(layer, **kwargs):
    return keras.ops.convert_to_numpy(layer(X, **kwargs))


def test_the_mean_is_over_real_steps_and_zero_without_any():
    expected = [X[0, :3].mean(0), X[1, 2:].mean(0), np.zeros(4)]
    np.testing.assert_allclose(out(_steps.MeanOverSteps(), mask=MASK), expected, rtol=1e-6)
    np.testing.assert_allclose(out(_steps.MeanOverSteps()), X.mean(1), rtol=1e-6)


def test_the_maximum_is_over_real_steps_and_zero_without_any():
    assert np.array_equal(out(_steps.MaxOverSteps(), mask=MASK), [X[0, :3].max(0), X[1, 2:].max(0), np.zeros(4)])
    assert np.array_equal(out(_steps.MaxOverSteps()), X.max(1))


def test_the_last_step_is_the_last_real_one():
    assert np.array_equal(out(_steps.LastStep(), mask=MASK), [X[0, 2], X[1, 4], np.zeros(4)])
    assert np.array_equal(out(_steps.LastStep()), X[:, -1])


@pytest.mark.parametrize("padding", ["same", "causal"])
def test_the_convolution_sees_zeros_at_padded_steps_and_hands_the_mask_on(padding):
    layer = _steps.MaskedConv1D(6, 3, padding=padding)
    got = out(layer, mask=MASK)
    kernel, bias = (np.array(w) for w in layer.get_weights())
    left = 1 if padding == "same" else 2
    x = np.pad(X * MASK[..., None], ((0, 0), (left, 2 - left), (0, 0)))
    expected = sum(x[:, tap : tap + 5] @ kernel[tap] for tap in range(3)) + bias
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)
    assert layer.compute_mask(X, MASK) is MASK


@pytest.mark.parametrize("settings", [{"padding": "valid"}, {"padding": "same", "strides": 2}])
def test_a_convolution_that_would_move_the_mask_is_refused(settings):
    with pytest.raises(ValueError, match="expected stride 1"):
        _steps.MaskedConv1D(6, 3, **settings)


@pytest.mark.parametrize("features", [1, 4, 5])
def test_positions_are_the_sinusoids_of_the_paper_times_the_scale(features):
    layer, x = _steps.Positions(), np.zeros((1, 7, features), "float32")
    added = keras.ops.convert_to_numpy(layer(x))[0]
    for step in range(7):
        for feature in range(features):
            angle = step / 10_000 ** (2 * (feature // 2) / features)
            expected = 0.1 * (np.cos(angle) if feature % 2 else np.sin(angle))
            assert added[step, feature] == pytest.approx(expected, abs=1e-6)


def test_positions_count_real_steps():
    layer, x = _steps.Positions(), np.zeros((2, 5, 4), "float32")
    added = keras.ops.convert_to_numpy(layer(x, mask=MASK[:2]))
    np.testing.assert_allclose(added[0, :3], added[1, 2:], rtol=1e-6)


def test_layers_survive_the_round_trip_through_their_config():
    layers = [_steps.MeanOverSteps(), _steps.MaxOverSteps(), _steps.LastStep(), _steps.Positions()]
    for layer in [*layers, _steps.MaskedConv1D(2, 3, padding="causal", dilation_rate=2)]:
        twin = keras.layers.deserialize(keras.layers.serialize(layer))
        assert twin.get_config() == layer.get_config()
        assert type(twin) is type(layer)

"""Losses sample by sample against Keras's own."""

import keras
import numpy as np
import pytest

from bench.evaluation import sample_loss
from bench.task import ACCURACY, MSE, Solved, Training


@pytest.mark.parametrize("shape", [(7, 4), (7, 3, 4)])
def test_the_cross_entropy_of_a_sample_is_that_of_keras(shape):
    rng = np.random.default_rng(0)
    output, y = 20 * rng.normal(size=shape).astype("float32"), rng.integers(0, 4, shape[:-1]).astype("int32")
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, output)
    assert sample_loss("cross-entropy", y, output).mean() == pytest.approx(float(expected), rel=1e-5)


def test_the_squared_error_of_a_sample_is_that_of_keras():
    rng = np.random.default_rng(0)
    output, y = rng.normal(size=(7, 3)).astype("float32"), rng.normal(size=(7, 3)).astype("float32")
    assert sample_loss("mse", y, output).mean() == pytest.approx(
        float(keras.losses.MeanSquaredError()(y, output)), rel=1e-5
    )


def test_metrics_score_samples():
    y, output = np.array([[0, 1], [1, 1]]), np.array([[[2.0, 1], [0, 1]], [[5, 1], [0, 3]]])
    assert ACCURACY.score(y, output).tolist() == [1.0, 0.5]
    assert MSE.score(np.array([[1.0], [2.0]]), np.array([[1.5], [2.0]])).tolist() == [0.25, 0.0]
    assert Solved(0.9).reached(0.9, ACCURACY)
    assert not Solved(0.1).reached(0.2, MSE)
    assert Training().clip is None

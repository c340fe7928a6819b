"""The linear probe of the past against scikit-learn, and on states that hold what they are made to hold."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from bench.gradients.memory import linear_memory

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 8, 2)).astype("float32")


def test_a_state_that_holds_one_step_tells_that_step_and_no_other() -> None:
    h = np.concatenate([X[:, -1 - 3], np.zeros((200, 3))], axis=1)
    found = linear_memory(X, h)
    assert found[3] > 0.999
    assert np.delete(found, 3).max() < 0.1


def test_the_score_is_that_of_scikit_learn_on_unseen_sequences() -> None:
    h = np.tanh(X.reshape(200, -1) @ RNG.normal(size=(16, 6)) * 0.3)
    centred = h[:100] - h[:100].mean(axis=0)
    model = Ridge(alpha=1e-3 * np.trace(centred.T @ centred) / 6)
    for lag, found in enumerate(linear_memory(X, h)):
        target = X[:, -1 - lag].astype("float64")
        predicted = model.fit(h[:100], target[:100]).predict(h[100:])
        expected = r2_score(target[100:], predicted, multioutput="variance_weighted")
        assert found == pytest.approx(max(expected, 0), abs=1e-6)


def test_what_does_not_vary_cannot_be_told() -> None:
    x = X.copy()
    x[:, -2] = 1
    x[:, -3, 0] = 1  # one feature is left
    found = linear_memory(x, X[:, -3])
    assert np.isnan(found[1])
    assert found[2] > 0.99


def test_a_dead_state_tells_nothing() -> None:
    assert linear_memory(X, np.zeros((200, 4))).max() < 0.05


def test_what_cannot_be_told_reads_0_and_not_less() -> None:
    found = linear_memory(X, np.random.default_rng(1).normal(size=(200, 60)))
    assert found.tolist() == [0] * 8


def test_a_feature_that_varies_only_in_the_first_half_is_left_out() -> None:
    x = X.copy()
    x[100:, -1, 1] = 0
    assert linear_memory(x, X[:, -1])[0] == pytest.approx(1, abs=1e-4)


def test_one_sequence_gives_nan_without_a_warning() -> None:
    assert np.isnan(linear_memory(X[:1], X[:1, -1])).tolist() == [True] * 8

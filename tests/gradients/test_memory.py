"""The linear probe of the past against scikit-learn, and on states that hold what they are made to hold."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from bench.gradients.memory import cue_memory, linear_memory

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


def test_a_cue_is_told_wherever_it_lies() -> None:
    rng = np.random.default_rng(2)
    cues = np.zeros((200, 8), bool)
    first, second = rng.integers(0, 4, 200), rng.integers(4, 8, 200)
    cues[np.arange(200), first] = True
    cues[np.arange(200), second] = True
    h = np.concatenate([X[np.arange(200), first], rng.normal(size=(200, 4))], axis=1)
    told, unheld = cue_memory(X, h, cues)
    assert told > 0.999
    assert unheld < 0.1
    assert linear_memory(X, h).max() < 0.5  # no one lag holds it


def test_the_readout_of_a_cue_is_that_of_scikit_learn_over_the_sequences_that_have_it() -> None:
    rng = np.random.default_rng(3)
    cues = rng.random((200, 8)) < 0.3
    h = np.tanh(X.reshape(200, -1) @ rng.normal(size=(16, 6)) * 0.3)
    for number, found in enumerate(cue_memory(X, h, cues)):
        rows = np.flatnonzero(cues.sum(axis=1) > number)
        at = [np.flatnonzero(cues[row])[number] for row in rows]
        target, states, half = X[rows, at].astype("float64"), h[rows], len(rows) // 2
        if half < 10:  # too few for scikit-learn's solver
            break
        centred = states[:half] - states[:half].mean(axis=0)
        model = Ridge(alpha=1e-3 * np.trace(centred.T @ centred) / 6).fit(states[:half], target[:half])
        expected = r2_score(target[half:], model.predict(states[half:]), multioutput="variance_weighted")
        assert found == pytest.approx(max(expected, 0), abs=1e-6)


def test_without_cues_there_is_nothing_to_tell() -> None:
    assert cue_memory(X, X[:, -1], np.zeros((200, 8), bool)).tolist() == []

"""The linear probe of the past against scikit-learn, and on states that hold what they are made to hold."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from bench.gradients.memory import cue_memory, linear_memory

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 8, 2)).astype("float32")


def test_a_state_that_holds_one_step_tells_that_step_and_no_other() -> None:
    h = np.concatenate([X[:, -1 - 3], np.zeros((200, 3))], axis=1)
    found = linear_memory(X, h)
    assert found[3] > 0.999
    assert np.delete(found, 3).max() < 0.1


def left_out(h: np.ndarray, y: np.ndarray) -> float:
    """R^2 of y (samples, features) where each sample is told by scikit-learn's ridge, fitted to all others."""
    rows = np.arange(len(h))
    centred = h - h.mean(axis=0)
    penalty = 1e-3 * np.trace(centred.T @ centred) / h.shape[1]
    told = [Ridge(alpha=penalty).fit(h[rows != row], y[rows != row]).predict(h[row : row + 1])[0] for row in rows]
    means = [y[rows != row].mean(axis=0) for row in rows]
    return max(1 - float(np.square(y - told).sum() / np.square(y - means).sum()), 0)


def test_the_score_is_that_of_scikit_learn_for_every_sequence_left_out() -> None:
    h = np.tanh(X.reshape(200, -1) @ RNG.normal(size=(16, 6)) * 0.3).astype("float64")
    for lag, found in enumerate(linear_memory(X, h)):
        assert found == pytest.approx(left_out(h, X[:, -1 - lag].astype("float64")), abs=1e-6)


def test_many_units_and_few_sequences_do_not_hide_what_a_line_tells() -> None:
    rng = np.random.default_rng(5)
    h = rng.normal(size=(256, 64))
    y = h @ rng.normal(size=64) / 8
    noisy = y + rng.normal(size=256) * y.std() * 0.5  # 0.8 of the variance is told
    found = linear_memory(noisy[:, None, None], h)[0]
    assert 0.7 < found < 0.8


def test_what_does_not_vary_cannot_be_told() -> None:
    x = X.copy()
    x[:, -2] = 1
    x[:, -3, 0] = 1  # one feature is left
    found = linear_memory(x, X[:, -3])
    assert np.isnan(found[1])
    assert found[2] > 0.99


def test_a_dead_state_tells_nothing() -> None:
    assert linear_memory(X, np.zeros((200, 4))).max() < 1e-9


def test_what_cannot_be_told_reads_0_and_not_less() -> None:
    found = linear_memory(X, np.random.default_rng(1).normal(size=(200, 60)))
    assert found.tolist() == [0] * 8


@pytest.mark.parametrize("n", [0, 1, 2])
def test_two_sequences_give_nan_without_a_warning(n: int) -> None:
    assert np.isnan(linear_memory(X[:n], X[:n, -1])).tolist() == [True] * 8


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


def test_the_readout_of_a_cue_is_over_the_sequences_that_have_it() -> None:
    rng = np.random.default_rng(3)
    cues = rng.random((200, 8)) < 0.3
    h = np.tanh(X.reshape(200, -1) @ rng.normal(size=(16, 6)) * 0.3).astype("float64")
    for number, found in enumerate(cue_memory(X, h, cues)):
        rows = np.flatnonzero(cues.sum(axis=1) > number)
        if len(rows) < 10:  # too few for scikit-learn's solver
            break
        target = X[rows, [np.flatnonzero(cues[row])[number] for row in rows]].astype("float64")
        assert found == pytest.approx(left_out(h[rows], target), abs=1e-6)


def test_without_cues_there_is_nothing_to_tell() -> None:
    assert cue_memory(X, X[:, -1], np.zeros((200, 8), bool)).tolist() == []

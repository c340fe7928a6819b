"""What of the past can be read out of a state by a line: a linear probe (Alain and Bengio, 2016).

Ridge regression in float64, fitted on the first half of the sequences; R^2 over the second half, all features that vary
taken together. Below 0 reads 0; NaN where nothing varies, or there is one sequence alone.
"""

import numpy as np

_RIDGE = 1e-3
"""Penalty by the states' mean variance: keeps states of few dimensions solvable, and shrinks by a thousandth."""


def linear_memory(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """R^2 (lags,) of x_(T-lag), from `x` (samples, time, features), out of the last state, `h` (samples, units)."""
    return _r2(h, x[:, ::-1])


def cue_memory(x: np.ndarray, h: np.ndarray, cues: np.ndarray) -> np.ndarray:
    """R^2 (cues,) of the input at the first, second, ... cue of a sequence, wherever it lies, read out of a state.

    `x` (samples, time, features), `h` (samples, units), `cues` (samples, time) bool. Sequences with fewer cues are left
    out where they have none.
    """
    order = np.cumsum(cues, axis=1)
    found = []
    for number in range(1, int(order.max(initial=0)) + 1):
        at = cues & (order == number)
        there = at.any(axis=1)
        found.append(_r2(h[there], x[there, at[there].argmax(axis=1)][:, None])[0])
    return np.array(found)


def _r2(h: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """R^2 (targets,) of `targets` (samples, targets, features) from `h` (samples, units)."""
    half, count = len(h) // 2, targets.shape[1]
    if not half:
        return np.full(count, np.nan)
    flat = targets.reshape(len(targets), -1).astype("float64")
    states = h.astype("float64")
    mean, target_mean = states[:half].mean(axis=0), flat[:half].mean(axis=0)
    a, y = states[:half] - mean, flat[:half] - target_mean
    gram = a.T @ a
    penalty = _RIDGE * np.trace(gram) / len(gram) + np.finfo("float64").tiny
    weights = np.linalg.solve(gram + penalty * np.eye(len(gram)), a.T @ y)
    rest = flat[half:]
    error = np.square(rest - target_mean - (states[half:] - mean) @ weights).sum(axis=0)
    spread = np.square(rest - rest.mean(axis=0)).sum(axis=0)
    error, spread = (part.reshape(count, -1).sum(axis=1) for part in (np.where(spread > 0, error, 0), spread))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, np.maximum(1 - error / spread, 0), np.nan)

"""What of the past can be read out of a state by a line: a linear probe (Alain and Bengio, 2016) over lags."""

import numpy as np

_RIDGE = 1e-3
"""Penalty by the states' mean variance: keeps states of few dimensions solvable, and shrinks by a thousandth."""


def linear_memory(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """R^2 (lags,) of x_(T-lag) from the last state, on unseen sequences; below 0 reads 0, NaN where x does not vary
    or there is one sequence alone.

    `x` (samples, time, features), `h` (samples, units). Ridge regression in float64, fitted on the first half of the
    sequences, R^2 over the second half, all features that vary at a lag taken together.
    """
    half = len(x) // 2
    if not half:
        return np.full(x.shape[1], np.nan)
    flat = x[:, ::-1].reshape(len(x), -1).astype("float64")
    states = h.astype("float64")
    mean, target_mean = states[:half].mean(axis=0), flat[:half].mean(axis=0)
    a, y = states[:half] - mean, flat[:half] - target_mean
    gram = a.T @ a
    penalty = _RIDGE * np.trace(gram) / len(gram) + np.finfo("float64").tiny
    weights = np.linalg.solve(gram + penalty * np.eye(len(gram)), a.T @ y)
    rest = flat[half:]
    error = np.square(rest - target_mean - (states[half:] - mean) @ weights).sum(axis=0)
    spread = np.square(rest - rest.mean(axis=0)).sum(axis=0)
    error, spread = (part.reshape(x.shape[1], -1).sum(axis=1) for part in (np.where(spread > 0, error, 0), spread))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, np.maximum(1 - error / spread, 0), np.nan)

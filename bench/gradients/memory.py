"""What of the past can be read out of a state by a line: a linear probe (Alain and Bengio, 2016).

Ridge regression in float64. R^2 is that of leaving one out: every sequence is told by a line fitted to all others,
which for ridge takes one fit (Allen, 1974). All features that vary are taken together. Below 0 reads 0; NaN where
nothing varies, or there are fewer than three sequences.
"""

import numpy as np

_RIDGE = 1e-3
"""Penalty by the states' mean variance: keeps states of few dimensions solvable, and shrinks by a thousandth."""
_LEAST = 3


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
    n, count = len(h), targets.shape[1]
    if n < _LEAST:
        return np.full(count, np.nan)
    y = targets.reshape(n, -1).astype("float64")
    y -= y.mean(axis=0)
    a = h.astype("float64") - h.mean(axis=0, dtype="float64")
    gram = a.T @ a
    penalty = _RIDGE * np.trace(gram) / len(gram) + np.finfo("float64").tiny
    solved = np.linalg.solve(gram + penalty * np.eye(len(gram)), a.T)
    # What a sequence adds to its own prediction, the mean's share included.
    own = 1 / n + np.einsum("nu,un->n", a, solved)
    error = np.square((y - a @ (solved @ y)) / (1 - own)[:, None]).sum(axis=0)
    spread = np.square(y * n / (n - 1)).sum(axis=0)
    error, spread = (part.reshape(count, -1).sum(axis=1) for part in (np.where(spread > 0, error, 0), spread))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, np.maximum(1 - error / spread, 0), np.nan)

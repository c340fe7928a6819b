"""How a recurrent state carries a small change on, free of any task: from the Jacobians of its steps."""

from collections.abc import Sequence

import numpy as np


def lyapunov(jacobians: np.ndarray) -> np.ndarray:
    """Lyapunov exponents (states,) in nats a step, descending, mean over sequences, by QR (Benettin et al. 1980).

    `jacobians` (samples, time, states, states): ds_t/ds_(t-1).
    """
    samples, time, size, _ = jacobians.shape
    q = np.broadcast_to(np.eye(size), (samples, size, size))
    total = np.zeros((samples, size))
    with np.errstate(divide="ignore"):
        for step in range(time):
            q, r = np.linalg.qr(jacobians[:, step].astype("float64") @ q)
            total += np.log(np.abs(np.diagonal(r, axis1=1, axis2=2)))
    return np.sort(total.mean(axis=0) / time)[::-1]


def singular_values(jacobians: np.ndarray, lags: Sequence[int]) -> np.ndarray:
    """log10 of the singular values (len(lags), states) of ds_T/ds_(T-lag), descending, geometric mean over sequences.

    The running product is divided by its norm at every step, so that it neither under- nor overflows. Values less than
    1e-13 of the largest are rounding: they read -inf.
    """
    samples, time, size, _ = jacobians.shape
    product = np.broadcast_to(np.eye(size), (samples, size, size))
    logs = np.zeros(samples)
    found = {}
    for lag in range(1, max(lags, default=0) + 1):
        product = product @ jacobians[:, time - lag].astype("float64")
        norm = np.linalg.norm(product, axis=(1, 2))
        with np.errstate(divide="ignore"):
            logs = logs + np.log10(norm)
        product = product / np.where(norm > 0, norm, 1)[:, None, None]
        if lag in lags:
            values = np.linalg.svd(product, compute_uv=False)
            with np.errstate(divide="ignore"):
                each = np.log10(np.where(values > 1e-13 * values[:, :1], values, 0)) + logs[:, None]
            found[lag] = each.mean(axis=0)
    return np.stack([found[lag] for lag in lags]) if lags else np.zeros((0, size))

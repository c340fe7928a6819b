"""What the synthetic long-range tasks share: marked values, symbols, and the conditions of training."""

import numpy as np

from bench.architecture import InputSpec
from bench.setting import Value
from bench.task import Training

TRAINING = Training(steps=3_000, batch_size=64, lr=5e-3, clip=1.0)


def marked_spec(*, length: int, **_: Value) -> InputSpec:
    """Values and markers in, one number out."""
    return InputSpec("sequence", (length, 2), outputs=1)


def marked_pairs(rng: np.random.Generator, n: int, *, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (n, length, 2) of values U[0, 1) and markers, and the two marked values (n, 2).

    One marker lies in the first half, the other in the second, which has the middle step of an odd length.
    """
    x = np.zeros((n, length, 2), np.float32)
    x[..., 0] = rng.random((n, length), dtype=np.float32)
    half = length // 2
    marked = np.stack([rng.integers(0, half, n), rng.integers(half, length, n)], axis=1)
    rows = np.arange(n)[:, None]
    x[rows, marked, 1] = 1
    return x, x[rows, marked, 0]


def marks(x: np.ndarray) -> np.ndarray:
    """Where sequences of `marked_pairs` are marked, (n, length)."""
    return np.asarray(x[..., 1] == 1)


def one_hot(symbols: np.ndarray, size: int) -> np.ndarray:
    """float32 of shape (*symbols.shape, size)."""
    rows: np.ndarray = np.eye(size, dtype=np.float32)[symbols]
    return rows

"""Copying memory: repeat ten symbols after a delay.

Tests exact storage over T steps in which nothing happens (Hochreiter and Schmidhuber, 1997; in the form of Arjovsky,
Shah and Bengio, 2016). T + 20 steps:

    input    10 symbols of 8, T - 1 blanks, the delimiter, 10 blanks
    target   T + 10 blanks, the 10 symbols

The metric looks at the last ten steps alone: over all steps, answering nothing but blanks would score
(T + 10) / (T + 20). Nine output classes: the delimiter is never a target.
"""

import math

import numpy as np

from bench.architecture import InputSpec
from bench.setting import Setting, Value
from bench.task import Metric, Solved, Split, Task
from tasks._long_range import TRAINING, one_hot

SYMBOLS, ITEMS = 8, 10
BLANK, DELIMITER = 8, 9


def spec(*, length: int, **_: Value) -> InputSpec:
    return InputSpec("sequence", (length + 2 * ITEMS, SYMBOLS + 2), outputs=SYMBOLS + 1, per_step=True, causal=True)


def draw(rng: np.random.Generator, n: int, *, length: int) -> Split:
    """n sequences (n, length + 20, 10), one-hot, and the target of every step (n, length + 20)."""
    items = rng.integers(0, SYMBOLS, (n, ITEMS), dtype=np.int32)
    x = np.full((n, length + 2 * ITEMS), BLANK, np.int32)
    y = x.copy()
    x[:, :ITEMS] = y[:, -ITEMS:] = items
    x[:, -ITEMS - 1] = DELIMITER
    return Split(one_hot(x, SYMBOLS + 2), y)


def recall(y: np.ndarray, output: np.ndarray) -> np.ndarray:
    """Share of the last ten steps that are right, one value a sample."""
    hits = np.argmax(output[:, -ITEMS:], axis=-1) == y[:, -ITEMS:]
    shares: np.ndarray = hits.mean(axis=1)
    return shares


def cues(x: np.ndarray) -> np.ndarray:
    """Where a symbol to be remembered stands, (n, length + 20)."""
    return np.asarray(x[..., :SYMBOLS].any(axis=-1))


TASK = Task(
    summary="repeat ten symbols after a delay of T steps",
    source="Arjovsky, Shah and Bengio (2016), Unitary Evolution Recurrent Neural Networks, section 4.1",
    spec=spec,
    loss="cross-entropy",
    metric=Metric("accuracy on the last 10", recall, higher_is_better=True),
    chance=lambda **_: 1 / SYMBOLS,
    chance_loss=lambda *, length, **_: ITEMS * math.log(SYMBOLS) / (length + 2 * ITEMS),
    solved=Solved(0.99, in_a_row=3),
    settings={"length": Setting(100, "delay T: a sequence has T + 20 steps", minimum=2, maximum=100_000)},
    training=TRAINING,
    draw=draw,
    cues=cues,
)

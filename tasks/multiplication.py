"""The multiplication problem: the product of the two marked numbers of a sequence.

Tests as `adding` does, but the answer is no linear function of what must be kept (Hochreiter and Schmidhuber, 1997,
experiment 5). Input (T, 2) as in `adding`. The best constant answer is 1/4, with the variance of the product as its
error: 1/9 - 1/16 = 7/144.
"""

import numpy as np

from bench.setting import Setting
from bench.task import MSE, Solved, Split, Task
from tasks._long_range import TRAINING, marked_pairs, marked_spec, marks

CHANCE = 7 / 144
# The same share of chance as in `adding` (0.01 of 1/6), since products vary less than sums: 0.01 itself would be a
# fifth of chance, which a model reaches that keeps only one of the numbers half well.
TARGET = 0.06 * CHANCE


def draw(rng: np.random.Generator, n: int, *, length: int) -> Split:
    """n sequences (n, length, 2) and the products of their marked values (n, 1)."""
    x, marked = marked_pairs(rng, n, length=length)
    return Split(x, marked.prod(axis=1, keepdims=True))


TASK = Task(
    summary="multiply two marked numbers far apart in a sequence",
    source="Hochreiter and Schmidhuber (1997), Long Short-Term Memory, experiment 5",
    spec=marked_spec,
    loss="mse",
    metric=MSE,
    chance=lambda **_: CHANCE,
    chance_loss=lambda **_: CHANCE,
    solved=Solved(TARGET, in_a_row=3),
    settings={"length": Setting(100, "steps of a sequence", minimum=2, maximum=100_000)},
    training=TRAINING,
    draw=draw,
    cues=marks,
)

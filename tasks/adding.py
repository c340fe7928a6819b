"""The adding problem: the sum of the two marked numbers of a sequence.

Tests whether two real values survive up to T steps of distractors (Hochreiter and Schmidhuber, 1997, experiment 4; in
the form of Le, Jaitly and Hinton, 2015). Input (T, 2): values U[0, 1) and a marker that is one at two steps, the first
in the first half, the second in the second half. The best constant answer is 1, with the variance of the sum as its
error: 1/12 + 1/12 = 1/6.
"""

import numpy as np

from bench.setting import Setting
from bench.task import MSE, Solved, Split, Task
from tasks._long_range import TRAINING, marked_pairs, marked_spec, marks


def draw(rng: np.random.Generator, n: int, *, length: int) -> Split:
    """n sequences (n, length, 2) and the sums of their marked values (n, 1)."""
    x, marked = marked_pairs(rng, n, length=length)
    return Split(x, marked.sum(axis=1, keepdims=True))


TASK = Task(
    summary="add two marked numbers far apart in a sequence",
    source="Hochreiter and Schmidhuber (1997), experiment 4; Le, Jaitly and Hinton (2015), arXiv:1504.00941",
    spec=marked_spec,
    loss="mse",
    metric=MSE,
    chance=lambda **_: 1 / 6,
    chance_loss=lambda **_: 1 / 6,
    solved=Solved(0.01, in_a_row=3),
    settings={"length": Setting(100, "steps of a sequence", minimum=2, maximum=100_000)},
    training=TRAINING,
    draw=draw,
    cues=marks,
)

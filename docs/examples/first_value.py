"""Remember the first value of a noisy sequence: how long can an architecture hold one number?

A worked example of a task: one function that draws data, one constant that declares it.
"""

import numpy as np

from bench.architecture import InputSpec
from bench.setting import Setting
from bench.task import MSE, Solved, Split, Task, Training


def draw(rng: np.random.Generator, n: int, *, length: int) -> Split:
    """n sequences (n, length, 1) of uniform noise; the target (n, 1) is the first value."""
    x = rng.random((n, length, 1), dtype="float32")
    return Split(x, x[:, 0, :])


TASK = Task(
    summary="remember the first value of a noisy sequence",
    source="this example",
    draw=draw,
    spec=lambda *, length, **_: InputSpec("sequence", (length, 1), outputs=1),
    loss="mse",
    metric=MSE,
    chance=lambda **_: 1 / 12,  # the variance of U(0, 1): the best constant answer is its mean
    solved=Solved(0.005, in_a_row=3),
    settings={"length": Setting(20, "steps of a sequence", minimum=2)},
    training=Training(steps=600, batch_size=64, lr=5e-3, clip=1.0),
)

"""Temporal order: in which order did the relevant symbols come?

Tests whether the order of two or three events far apart is kept (Hochreiter and Schmidhuber, 1997, experiment 6; in
the form of Pascanu, Mikolov and Bengio, 2013). T symbols of six, one-hot: distractors a, b, c, d, and at one step of
each window an X or a Y. Windows as shares of T: [.1, .2) and [.5, .6); with three relevant symbols [.1, .2), [.3, .4)
and [.6, .7). The class is the ordered pair (XX, XY, YX, YY) or triple.
"""

import math

import numpy as np

from bench.architecture import InputSpec
from bench.setting import Setting, Value
from bench.task import ACCURACY, Solved, Split, Task, Training
from tasks._long_range import one_hot

DISTRACTORS = 4
X = 4  # and Y is 5
WINDOWS = {2: (1, 5), 3: (1, 3, 6)}
"""Relevant symbols -> where their windows start, in tenths of T."""


def spec(*, length: int, bits: int, **_: Value) -> InputSpec:
    return InputSpec("sequence", (length, DISTRACTORS + 2), outputs=2**bits)


def draw(rng: np.random.Generator, n: int, *, length: int, bits: int) -> Split:
    """n sequences (n, length, 6), one-hot, and their classes (n,)."""
    symbols = rng.integers(0, DISTRACTORS, (n, length), dtype=np.uint8)
    relevant = rng.integers(0, 2, (n, bits), dtype=np.uint8)
    places = [rng.integers(*window(tenth, length), n) for tenth in WINDOWS[bits]]
    symbols[np.arange(n)[:, None], np.stack(places, axis=1)] = X + relevant
    weights = 2 ** np.arange(bits - 1, -1, -1, dtype=np.int32)  # the first symbol counts most: XX 0, XY 1, YX 2, YY 3
    return Split(one_hot(symbols, DISTRACTORS + 2), relevant.astype(np.int32) @ weights)


def window(tenth: int, length: int) -> tuple[int, int]:
    """The steps t with tenth/10 <= t/length < (tenth + 1)/10, as a half-open range; in integers, so none is lost."""
    return -(-tenth * length // 10), -(-(tenth + 1) * length // 10)


def cues(x: np.ndarray) -> np.ndarray:
    """Where X or Y stands, (n, length)."""
    return np.asarray(x[..., DISTRACTORS:].any(axis=-1))


TASK = Task(
    summary="classify the order of two or three symbols far apart among distractors",
    source="Hochreiter and Schmidhuber (1997), experiment 6; Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063",
    spec=spec,
    loss="cross-entropy",
    metric=ACCURACY,
    chance=lambda *, bits, **_: 0.5**bits,
    chance_loss=lambda *, bits, **_: bits * math.log(2),
    solved=Solved(0.99, in_a_row=3),
    settings={
        "length": Setting(
            100, "steps of a sequence; from 10 on every window holds a step", minimum=10, maximum=100_000
        ),
        "bits": Setting(2, "relevant symbols", choices=(2, 3)),
    },
    training=Training(steps=1_500, batch_size=64, lr=1e-2, clip=1.0),
    draw=draw,
    cues=cues,
)

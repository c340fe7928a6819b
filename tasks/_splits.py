"""Held-out validation data for published data sets that come as train and test only."""

import numpy as np

from bench.task import Split

SEED = 20_240_229
"""Entropy of the split. It is part of the tasks' definition: another value is another task."""


def hold_out(train: Split) -> tuple[Split, Split]:
    """Training and validation data: a tenth of `train` is held out, the same for every seed and architecture.

    Both come shuffled, since files sorted by class would make every prefix (`train_size`) one-sided.
    """
    order = np.random.default_rng(SEED).permutation(len(train.y))
    kept, held = order[len(order) // 10 :], order[: len(order) // 10]
    return Split(train.x[kept], train.y[kept]), Split(train.x[held], train.y[held])

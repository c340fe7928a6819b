"""The training stream: which samples a cell sees, in which order, and for how many steps."""

import hashlib
from collections.abc import Iterator

import numpy as np

from bench.errors import DataError
from bench.task import Data, Split, Training

_ORDER = 1
_SUBSET = 2
"""Second words of generators' entropy, the first being the cell's seed (or 0): one stream for each use."""


def batches(data: Data, seed: int, size: int) -> Iterator[Split]:
    """Endless full batches, the same for every architecture under one seed: fresh draws, or epoch after epoch a new
    order of the training set, its rest left out."""
    rng = np.random.default_rng([seed, _ORDER])
    if not isinstance(data.train, Split):
        while True:
            yield data.train(rng, size)
    x, y = data.train
    while True:
        order = rng.permutation(len(x))
        for start in range(0, len(x) - size + 1, size):
            chosen = order[start : start + size]
            yield Split(x[chosen], y[chosen])


def subset(data: Data, size: int | None) -> Data:
    """The data with `size` training samples, the same for every seed; all of them, or fresh ones, where it is None.

    Raises DataError where there are not so many.
    """
    if size is None:
        return data
    rng = np.random.default_rng([0, _SUBSET])
    if not isinstance(data.train, Split):
        return Data(data.train(rng, size), data.validation, data.test)
    if size > len(data.train.x):
        raise DataError(f"train_size: expected at most {len(data.train.x)}, the training set, received {size}")
    chosen = rng.permutation(len(data.train.x))[:size]
    return Data(Split(data.train.x[chosen], data.train.y[chosen]), data.validation, data.test)


def steps(data: Data, training: Training) -> int:
    """Training steps of a cell. Raises DataError where the data has no epochs or not one full batch."""
    if not isinstance(data.train, Split):
        if training.steps is None:
            raise DataError("epochs: the task draws fresh samples and has no epochs; give --steps or --train-size")
        return training.steps
    each = len(data.train.x) // training.batch_size
    if not each:
        raise DataError(f"batch_size: expected at most {len(data.train.x)}, received {training.batch_size}")
    return training.steps if training.steps is not None else (training.epochs or 1) * each


def data_hash(data: Data) -> str:
    """SHA-256 over the arrays of a task's data."""
    digest = hashlib.sha256()
    for split in (data.validation, data.test, data.train):
        for array in split if isinstance(split, Split) else ():
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()

"""Digits: recognise small handwritten digits; the image task that needs no download.

Tests whether an architecture makes use of a tiny grid and few samples. 1,797 real digits of 8 x 8 pixels with 17
grey levels, bundled with scikit-learn: the test part of the UCI data set "Optical Recognition of Handwritten Digits"
(Alpaydin and Kaynak, 1998). It comes unsplit; the split here is fixed: 1,257 for training, 180 for validation, 360 for
testing.
"""

from functools import partial
from typing import Unpack

import numpy as np

from bench.task import ACCURACY, Data, Solved, Split, Task, Training
from tasks._images import SETTINGS, View, arranged, image_spec
from tasks._splits import SEED

SHAPE = (8, 8, 1)
BRIGHTEST = 16
VALIDATION, TEST = 180, 360


def load(**settings: Unpack[View]) -> Data:
    """The digits in a fixed random split, as the settings ask."""
    # Imported here: it takes a second, which listing the catalogue must not cost.
    from sklearn.datasets import load_digits  # noqa: PLC0415

    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.target))
    test, validation, train = np.split(order, [TEST, TEST + VALIDATION])

    def part(index: np.ndarray) -> Split:
        return arranged(Split(digits.images[index][..., None], digits.target[index]), BRIGHTEST, **settings)

    return Data(part(train), part(validation), part(test))


TASK = Task(
    summary="recognise 8x8 handwritten digits; no download",
    source="Alpaydin and Kaynak (1998), UCI Optical Recognition of Handwritten Digits, as bundled with scikit-learn",
    spec=partial(image_spec, SHAPE),
    loss="cross-entropy",
    metric=ACCURACY,
    chance=lambda **_: 25 / 360,  # the digit 2, the most frequent of the training labels: 25 of the 360 test labels
    solved=Solved(0.97, in_a_row=1),
    settings=SETTINGS,
    training=Training(epochs=30, batch_size=32, lr=1e-3),
    load=load,
)

"""MNIST: recognise handwritten digits.

Tests use of the grid, or with `view=pixels` memory over 784 steps (sequential MNIST; with `permute_pixels` permuted
sequential MNIST: Le, Jaitly and Hinton, 2015). 60,000 + 10,000 images of 28 x 28 pixels (LeCun, Cortes and Burges,
1998).
"""

from functools import partial
from typing import Unpack

import numpy as np

from bench.files import DataFile
from bench.task import ACCURACY, Data, Solved, Split, Task, Training
from tasks._images import SETTINGS, View, image_data, image_spec

SHAPE = (28, 28, 1)
FILE = DataFile(
    "mnist.npz",
    "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
)


def load(**settings: Unpack[View]) -> Data:
    """The images with a tenth of the training part held out. Raises DataError where the file is missing or altered."""
    with np.load(FILE.verified(), allow_pickle=False) as arrays:
        train, test = (Split(arrays[f"x_{part}"][..., None], arrays[f"y_{part}"]) for part in ("train", "test"))
    return image_data(train, test, **settings)


TASK = Task(
    summary="recognise 28x28 handwritten digits, as a grid or pixel by pixel",
    source="LeCun, Cortes and Burges (1998), The MNIST Database of Handwritten Digits",
    spec=partial(image_spec, SHAPE),
    loss="cross-entropy",
    metric=ACCURACY,
    chance=lambda **_: 0.1135,  # the digit 1, the most frequent of the training labels: 1,135 of the 10,000 test labels
    solved=Solved(0.99, in_a_row=1),
    settings=SETTINGS,
    training=Training(epochs=5, batch_size=64, lr=1e-3),
    load=load,
    files=(FILE,),
)

"""CIFAR-10: recognise objects in ten classes of small colour photographs.

Tests use of a grid of natural images, where the place of an object varies (unlike in MNIST); with `view=pixels` memory
over 1,024 steps. 50,000 + 10,000 images of 32 x 32 pixels in three colours (Krizhevsky, 2009), in the published
batches, unpacked.
"""

import math
from functools import partial
from typing import Unpack

import numpy as np

from bench.errors import DataError
from bench.files import DataFile
from bench.task import ACCURACY, Data, Solved, Split, Task, Training
from tasks._images import SETTINGS, View, image_data, image_spec
from tasks._pickle import unpickle

SHAPE = (32, 32, 3)
ARCHIVE = DataFile(
    "cifar-10-python.tar.gz",
    "md5:c58f30108f718f92721af3b95e74349a",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)
FILES = tuple(
    DataFile(f"cifar-10-batches-py/{name}", f"md5:{md5}", archive=ARCHIVE)
    for name, md5 in (
        ("data_batch_1", "c99cafc152244af753f735de768cd75f"),
        ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
        ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
        ("data_batch_4", "634d18415352ddfa80567beed471001a"),
        ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
        ("test_batch", "40351d587109b95175f43aff81a1287e"),
    )
)


def load(**settings: Unpack[View]) -> Data:
    """The images with a tenth of the training part held out. Raises DataError where a file is missing or altered."""
    *train, test = (read_batch(file) for file in FILES)
    joined = Split(np.concatenate([batch.x for batch in train]), np.concatenate([batch.y for batch in train]))
    return image_data(joined, test, **settings)


def read_batch(file: DataFile) -> Split:
    """Images (n, 32, 32, 3) and labels of one batch; nothing is unpickled before its digest is checked."""
    path = file.verified()
    batch = unpickle(path.read_bytes(), str(path))
    if not isinstance(batch, dict) or not {b"data", b"labels"} <= batch.keys():
        raise DataError(f"data file {path}: expected a dict with data and labels, found {type(batch).__name__}")
    planes = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32)  # all red, then all green, then all blue
    return Split(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.asarray(batch[b"labels"]))


TASK = Task(
    summary="recognise objects in 32x32 colour photographs, as a grid or pixel by pixel",
    source="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
    spec=partial(image_spec, SHAPE),
    loss="cross-entropy",
    metric=ACCURACY,
    chance=lambda **_: 0.1,  # every class has 1,000 of the 10,000 test labels
    solved=Solved(0.70, in_a_row=1),
    settings=SETTINGS,
    training=Training(epochs=10, batch_size=64, lr=1e-3),
    load=load,
    files=FILES,
    chance_loss=lambda **_: math.log(10),
)

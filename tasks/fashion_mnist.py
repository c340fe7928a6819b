"""Fashion-MNIST: recognise articles of clothing in ten classes.

Tests use of the grid where MNIST is too easy. 60,000 + 10,000 images of 28 x 28 pixels, in the published IDX files
(Xiao, Rasul and Vollgraf, 2017).
"""

import gzip
import math
import zlib
from functools import partial
from typing import Unpack

import numpy as np

from bench.errors import DataError
from bench.files import DataFile
from bench.task import ACCURACY, Data, Solved, Split, Task, Training
from tasks._images import SETTINGS, View, image_data, image_spec

SHAPE = (28, 28, 1)
_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
FILES = tuple(
    DataFile(f"fashion-mnist/{name}", f"md5:{md5}", _URL + name)
    for name, md5 in (
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    )
)


def load(**settings: Unpack[View]) -> Data:
    """The images with a tenth of the training part held out. Raises DataError where a file is missing or altered."""
    train_x, train_y, test_x, test_y = (read_idx(file) for file in FILES)
    return image_data(Split(train_x[..., None], train_y), Split(test_x[..., None], test_y), **settings)


def read_idx(file: DataFile) -> np.ndarray:
    """The array of bytes in a gzipped IDX file: two zeros, type 8 (a byte), the axes, their sizes, then the values."""
    path = file.verified()
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"data file {path}: expected gzipped data, found {error}") from None
    axes = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    header = 4 + 4 * axes
    if axes == 0 or len(content) < header:
        raise DataError(f"data file {path}: expected an IDX header of bytes, found {content[:16]!r}")
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4))
    if len(content) != header + math.prod(shape):
        raise DataError(f"data file {path}: expected {math.prod(shape)} values, found {len(content) - header}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


TASK = Task(
    summary="recognise 28x28 articles of clothing, as a grid or pixel by pixel",
    source="Xiao, Rasul and Vollgraf (2017), Fashion-MNIST, arXiv:1708.07747",
    spec=partial(image_spec, SHAPE),
    loss="cross-entropy",
    metric=ACCURACY,
    chance=lambda **_: 0.1,  # every class has 1,000 of the 10,000 test labels
    solved=Solved(0.90, in_a_row=1),
    settings=SETTINGS,
    training=Training(epochs=5, batch_size=64, lr=1e-3),
    load=load,
    files=FILES,
    chance_loss=lambda **_: math.log(10),
)

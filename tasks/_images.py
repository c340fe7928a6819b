"""What the image tasks share: one set of images, read as a grid, as rows or as single pixels."""

from typing import TypedDict, Unpack

import numpy as np

from bench.architecture import InputSpec, Kind
from bench.errors import UsageError
from bench.setting import Setting, Value
from bench.task import Data, Split
from tasks._splits import hold_out

Shape = tuple[int, int, int]
"""(height, width, channels)."""

SETTINGS = {
    "view": Setting(
        "image",
        "what a model reads: the grid, a sequence of rows, or a sequence of pixels in reading order",
        choices=("image", "rows", "pixels"),
    ),
    "pool": Setting(1, "average pooling by this factor before anything else", choices=(1, 2, 4)),
    "permute_pixels": Setting(
        False,
        "move the pixels by one fixed permutation, the same for every image: destroys the grid, keeps the content",
    ),
}

PERMUTATION_SEED = 92_916


class View(TypedDict):
    """The settings of an image task."""

    view: str
    pool: int
    permute_pixels: bool


def image_spec(shape: Shape, *, view: str, pool: int, **_: Value) -> InputSpec:
    """What a model reads of images of `shape` in ten classes. Raises UsageError where `pool` does not fit."""
    height, width, channels = _pooled(shape, pool)
    kind: Kind = "image" if view == "image" else "sequence"
    views: dict[str, tuple[int, ...]] = {
        "image": (height, width, channels),
        "rows": (height, width * channels),
        "pixels": (height * width, channels),
    }
    return InputSpec(kind, views[view], outputs=10)


def image_data(train: Split, test: Split, **settings: Unpack[View]) -> Data:
    """The three splits of a published set of 8-bit images (n, height, width, channels)."""
    train, validation = hold_out(train)  # before the conversion: bytes are four times smaller than floats
    return Data(
        arranged(train, 255, **settings), arranged(validation, 255, **settings), arranged(test, 255, **settings)
    )


def arranged(images: Split, brightest: int, **settings: Unpack[View]) -> Split:
    """Images (n, height, width, channels) with values 0 to `brightest` as the view asks, float32 in [0, 1]."""
    height, width, channels = images.x.shape[1:]
    shape = (height, width, channels)
    x = pooled(images.x, settings["pool"])
    x /= np.float32(brightest)
    if settings["permute_pixels"]:
        pixels = x.reshape(len(x), -1, channels)
        x = pixels.take(permutation(pixels.shape[1]), axis=1)
    return Split(x.reshape(len(x), *image_spec(shape, **settings).shape), images.y.astype(np.int32))


def pooled(images: np.ndarray, pool: int) -> np.ndarray:
    """Means of `pool` x `pool` blocks of (n, height, width, channels), as float32."""
    n, height, width, channels = images.shape
    rows, columns, _ = _pooled((height, width, channels), pool)
    total = np.zeros((n, rows, columns, channels), np.float32)
    for row, column in np.ndindex(pool, pool):  # several times faster than a mean over two axes of small blocks
        total += images[:, row::pool, column::pool]
    total /= np.float32(pool * pool)
    return total


def permutation(pixels: int) -> np.ndarray:
    """The fixed order of `pixels` positions: new position i shows old position `permutation(pixels)[i]`."""
    return np.random.default_rng(PERMUTATION_SEED).permutation(pixels)


def _pooled(shape: Shape, pool: int) -> Shape:
    height, width, channels = shape
    if height % pool or width % pool or min(height, width) < 2 * pool:
        raise UsageError(
            f"pool: expected a divisor of {height} and {width} that leaves at least 2 pixels a side, received {pool}"
        )
    return height // pool, width // pool, channels

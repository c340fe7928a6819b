"""IMDB: is a film review favourable?

Tests whether an architecture reads text: 25,000 + 25,000 reviews as indices of words by frequency (Maas et al., 2011),
prepared as Keras's `imdb.load_data` and `pad_sequences` do by default. A token is 0 for padding, 1 for the start of a
review, 2 for a word outside the vocabulary, else the word's index + 3. The last `maxlen` tokens are kept, and padding
stands in front, so that a reader ends on the last word of every review.
"""

import math
import zipfile
from itertools import chain

import numpy as np

from bench.architecture import InputSpec
from bench.errors import DataError
from bench.files import DataFile
from bench.setting import Setting, Value
from bench.task import ACCURACY, Data, Solved, Split, Task, Training
from tasks._pickle import unpickle
from tasks._splits import hold_out

START, UNKNOWN, INDEX_FROM = 1, 2, 3
FILE = DataFile(
    "imdb.npz",
    "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/imdb.npz",
)


def spec(*, num_words: int, maxlen: int, **_: Value) -> InputSpec:
    return InputSpec("tokens", (maxlen,), outputs=2, vocabulary=num_words)


def load(*, num_words: int, maxlen: int) -> Data:
    """The reviews with a tenth of the training part held out. Raises DataError where the file is missing or altered."""

    def part(name: str) -> Split:
        reviews, labels = read(FILE, name)
        return Split(tokens(reviews, num_words=num_words, maxlen=maxlen), labels.astype(np.int32))

    train, validation = hold_out(part("train"))
    return Data(train, validation, part("test"))


def tokens(reviews: list[list[int]], *, num_words: int, maxlen: int) -> np.ndarray:
    """Tokens (reviews, maxlen) of lists of word indices."""
    lengths = np.array([len(review) for review in reviews])
    kept = np.minimum(lengths, maxlen)
    words = np.fromiter(chain.from_iterable(review[-maxlen:] for review in reviews), np.int32, int(kept.sum()))
    words += INDEX_FROM
    words[words >= num_words] = UNKNOWN
    result = np.zeros((len(reviews), maxlen), np.int32)
    result[np.arange(maxlen) >= maxlen - kept[:, None]] = words  # row by row, as `words` is
    short = np.flatnonzero(lengths < maxlen)  # longer ones lose their start
    result[short, maxlen - lengths[short] - 1] = START
    return result


def read(file: DataFile, part: str) -> tuple[list[list[int]], np.ndarray]:
    """Word indices of every review of a part (train or test), and the labels; the digest is checked before.

    The archive holds pickled lists. NumPy would unpickle whatever stands there; this reads them restricted.
    """
    path = file.verified()
    with zipfile.ZipFile(path) as archive, archive.open(f"x_{part}.npy") as member:
        np.lib.format.read_magic(member)
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        if not dtype.hasobject:
            raise DataError(f"data file {path}: expected lists in x_{part}, found {dtype}")
        reviews = unpickle(member.read(), f"{path} (x_{part})")
    with np.load(path, allow_pickle=False) as arrays:
        labels: np.ndarray = arrays[f"y_{part}"]
    if not isinstance(reviews, np.ndarray) or not reviews.shape == shape == labels.shape:
        raise DataError(f"data file {path}: expected {len(labels)} reviews in x_{part}, found shape {shape}")
    return list(reviews), labels


TASK = Task(
    summary="tell favourable from unfavourable film reviews, word by word",
    source="Maas et al. (2011), Learning Word Vectors for Sentiment Analysis; word indices as published with Keras",
    spec=spec,
    loss="cross-entropy",
    metric=ACCURACY,
    chance=lambda **_: 0.5,  # half of the test reviews are favourable
    solved=Solved(0.87, in_a_row=1),
    settings={
        "num_words": Setting(20_000, "size of the vocabulary, three special tokens included", minimum=4),
        "maxlen": Setting(200, "steps: the last tokens of a review that are kept", minimum=1),
    },
    training=Training(epochs=3, batch_size=64, lr=1e-3, evaluations=12),
    load=load,
    files=(FILE,),
    chance_loss=lambda **_: math.log(2),
)

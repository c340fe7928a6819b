import io
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.errors import DataError
from bench.files import DataFile
from bench.task import Split
from tasks import imdb
from tasks.imdb import FILE, load, read, tokens

Publish = Callable[[str, bytes], DataFile]
OldPickle = Callable[[Any], bytes]
REVIEWS = [[1, 2, 3], [5], [7, 900, 8, 6], [10, 20, 30, 40, 50, 60], []]


def reference(review: list[int], *, num_words: int, maxlen: int) -> list[int]:
    """Keras's load_data and pad_sequences for one review, word by word as their documentation says it."""
    sequence = [1]
    for word in review:
        sequence.append(word + 3)
    sequence = [token if token < num_words else 2 for token in sequence]
    while len(sequence) > maxlen:
        sequence.pop(0)
    while len(sequence) < maxlen:
        sequence.insert(0, 0)
    return sequence


def archive(old_pickle: OldPickle, reviews: Any, labels: list[int]) -> bytes:
    """An archive in the form of the published one: object arrays that Python 2 pickled."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as npz:
        for part in ("train", "test"):
            with npz.open(f"x_{part}.npy", "w") as member:
                header = {"descr": "|O", "fortran_order": False, "shape": (len(labels),)}
                np.lib.format.write_array_header_1_0(member, header)
                member.write(old_pickle(reviews))
            with npz.open(f"y_{part}.npy", "w") as member:
                np.lib.format.write_array(member, np.array(labels))
    return file.getvalue()


def lists(reviews: list[list[int]]) -> np.ndarray:
    array = np.empty(len(reviews), object)
    array[:] = reviews
    return array


@pytest.mark.parametrize("maxlen", [1, 2, 4, 5, 6, 7, 20])
@pytest.mark.parametrize("num_words", [4, 10, 1_000])
def test_tokens_are_those_of_keras(maxlen: int, num_words: int) -> None:
    expected = [reference(review, num_words=num_words, maxlen=maxlen) for review in REVIEWS]
    assert tokens(REVIEWS, num_words=num_words, maxlen=maxlen).tolist() == expected


def test_the_last_words_are_kept_and_padding_stands_in_front() -> None:
    assert tokens([[10, 11, 12]], num_words=99, maxlen=2).tolist() == [[14, 15]]
    assert tokens([[10, 11, 12]], num_words=99, maxlen=3).tolist() == [[13, 14, 15]]
    assert tokens([[10, 11, 12]], num_words=99, maxlen=6).tolist() == [[0, 0, 1, 13, 14, 15]]


def test_the_published_reviews_are_those_of_keras(real: Callable[..., None]) -> None:
    real(FILE)
    data = load(num_words=20_000, maxlen=200)
    assert isinstance(data.train, Split)
    assert [len(part.y) for part in (data.train, data.validation, data.test)] == [22_500, 2_500, 25_000]
    with np.load(FILE.verified(), allow_pickle=True) as raw:
        reviews, labels, train = raw["x_test"], raw["y_test"], raw["x_train"]
    for row in [*range(20), 12_499, 12_500, 24_999]:
        assert data.test.x[row].tolist() == reference(reviews[row], num_words=20_000, maxlen=200)
        assert data.test.y[row] == labels[row]
    ours = sorted(np.concatenate([data.train.x, data.validation.x])[:, -3:].tolist())
    assert ours == sorted(reference(review, num_words=20_000, maxlen=3) for review in train)


def test_a_generated_archive_is_read(publish: Publish, old_pickle: OldPickle) -> None:
    reviews, labels = read(publish("imdb.npz", archive(old_pickle, lists(REVIEWS), [0, 1, 1, 0, 1])), "test")
    assert reviews == REVIEWS
    assert labels.tolist() == [0, 1, 1, 0, 1]


def test_an_altered_archive_is_refused_before_it_is_unpickled(
    publish: Publish, old_pickle: OldPickle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imdb, "unpickle", lambda *_: pytest.fail("unpickled before it was checked"))
    publish("imdb.npz", archive(old_pickle, lists(REVIEWS), [0] * 5))
    with pytest.raises(DataError, match=rf"imdb\.npz.*expected {FILE.digest}, found sha256:[0-9a-f]{{64}}"):
        load(num_words=100, maxlen=10)


def test_an_archive_that_would_run_code_is_refused_even_with_the_right_digest(
    publish: Publish, old_pickle: OldPickle, bomb: Any
) -> None:
    file = publish("imdb.npz", archive(old_pickle, bomb, [0]))
    with pytest.raises(DataError, match=r"imdb\.npz \(x_train\): expected a pickle .* found .*exec"):
        read(file, "train")


def test_an_archive_with_fewer_reviews_than_labels_is_refused(publish: Publish, old_pickle: OldPickle) -> None:
    file = publish("imdb.npz", archive(old_pickle, lists(REVIEWS), [0, 1]))
    with pytest.raises(DataError, match=r"imdb\.npz: expected 2 reviews"):
        read(file, "train")

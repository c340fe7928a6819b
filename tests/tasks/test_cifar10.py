from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.errors import DataError
from bench.files import DataFile
from bench.task import Split
from tasks import cifar10
from tasks.cifar10 import FILES, load, read_batch

RNG = np.random.default_rng(0)
Publish = Callable[[str, bytes], DataFile]
OldPickle = Callable[[Any], bytes]


def batch(n: int) -> dict[bytes, Any]:
    return {b"data": RNG.integers(0, 256, (n, 3072), dtype=np.uint8), b"labels": RNG.integers(0, 10, n).tolist()}


def test_a_batch_holds_planes_of_red_green_and_blue(publish: Publish, old_pickle: OldPickle) -> None:
    raw = batch(3)
    x, y = read_batch(publish("batch", old_pickle(raw)))
    assert y.tolist() == raw[b"labels"]
    for image, row, column, colour in [(0, 0, 0, 0), (1, 5, 31, 1), (2, 31, 7, 2)]:
        assert x[image, row, column, colour] == raw[b"data"][image, colour * 1024 + row * 32 + column]


def test_five_batches_train_and_the_sixth_tests(
    publish: Publish, old_pickle: OldPickle, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [batch(10) for _ in FILES]
    files = tuple(publish(file.name, old_pickle(raw)) for file, raw in zip(FILES, batches, strict=True))
    monkeypatch.setattr(cifar10, "FILES", files)
    data = load(view="pixels", pool=1, permute_pixels=False)
    assert isinstance(data.train, Split)
    assert [len(part.y) for part in (data.train, data.validation, data.test)] == [45, 5, 10]
    assert data.test.y.tolist() == batches[-1][b"labels"]
    np.testing.assert_allclose(data.test.x, batches[-1][b"data"].reshape(10, 3, 1024).swapaxes(1, 2) / 255, rtol=1e-6)


def test_the_photographs_have_the_published_mean_colour(real: Callable[..., None]) -> None:
    real(*FILES)
    data = load(view="image", pool=4, permute_pixels=False)
    assert isinstance(data.train, Split)
    x = np.concatenate([data.train.x, data.validation.x])
    assert len(x) == 50_000
    np.testing.assert_allclose(x.mean(axis=(0, 1, 2), dtype="float64"), [0.4914, 0.4822, 0.4465], atol=1e-4)
    assert np.bincount(np.concatenate([data.train.y, data.validation.y])).tolist() == [5_000] * 10


def test_an_altered_batch_is_refused_before_it_is_unpickled(
    publish: Publish, old_pickle: OldPickle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "unpickle", lambda *_: pytest.fail("unpickled before it was checked"))
    found = publish(FILES[0].name, old_pickle(batch(1))).digest
    with pytest.raises(DataError, match=rf"data_batch_1.*expected {FILES[0].digest}, found {found}"):
        load(view="image", pool=1, permute_pixels=False)


def test_a_batch_that_would_run_code_is_refused_even_with_the_right_digest(
    publish: Publish, old_pickle: OldPickle, bomb: Any
) -> None:
    file = publish("batch", old_pickle({b"data": bomb, b"labels": []}))
    with pytest.raises(DataError, match=r"batch: expected a pickle of numbers and arrays, found .*exec"):
        read_batch(file)


def test_a_batch_without_labels_is_refused(publish: Publish, old_pickle: OldPickle) -> None:
    with pytest.raises(DataError, match="expected a dict with data and labels"):
        read_batch(publish("batch", old_pickle({b"data": 1})))

"""Fashion-MNIST is on no machine of the project: its published form is generated here."""

import gzip
import struct
from collections.abc import Callable

import numpy as np
import pytest

from bench.errors import DataError
from bench.files import DataFile
from bench.task import Split
from tasks import fashion_mnist
from tasks.fashion_mnist import FILES, load, read_idx

Publish = Callable[[str, bytes], DataFile]
RNG = np.random.default_rng(0)


def zipped(content: bytes) -> bytes:
    # With the time in them, the cases below would be others in every process that collects them.
    return gzip.compress(content, mtime=0)


def idx(values: np.ndarray) -> bytes:
    return zipped(struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes())


@pytest.fixture
def generated(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Four small files in place of the published ones, and what is in them."""
    arrays = [RNG.integers(0, 256, (n, 28, 28), dtype=np.uint8) for n in (60, 20)]
    labels = [np.arange(n, dtype=np.uint8) % 10 for n in (60, 20)]
    contents = [arrays[0], labels[0], arrays[1], labels[1]]
    files = tuple(publish(file.name, idx(values)) for file, values in zip(FILES, contents, strict=True))
    monkeypatch.setattr(fashion_mnist, "FILES", files)
    return contents


def test_the_files_are_read_and_split(generated: list[np.ndarray]) -> None:
    train_x, train_y, test_x, test_y = generated
    data = load(view="image", pool=1, permute_pixels=False)
    assert isinstance(data.train, Split)
    np.testing.assert_allclose(data.test.x[..., 0], test_x / 255, rtol=1e-6)
    assert np.array_equal(data.test.y, test_y)
    assert [len(data.train.y), len(data.validation.y)] == [54, 6]
    published = {image.tobytes(): label for image, label in zip(train_x, train_y, strict=True)}
    for part in (data.train, data.validation):
        for image, label in zip(np.rint(part.x * 255).astype(np.uint8), part.y, strict=True):
            assert published.pop(image.tobytes()) == label
    assert not published


@pytest.mark.usefixtures("generated")
@pytest.mark.parametrize("view", ["image", "rows", "pixels"])
def test_shapes_are_those_of_the_spec(view: str) -> None:
    spec = fashion_mnist.TASK.spec(view=view, pool=2, permute_pixels=True)
    data = load(view=view, pool=2, permute_pixels=True)
    assert data.test.x.shape[1:] == spec.shape
    assert (data.test.x.dtype, data.test.y.dtype) == (np.float32, np.int32)


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 5)])
def test_an_idx_file_has_as_many_axes_as_it_says(publish: Publish, shape: tuple[int, ...]) -> None:
    values = RNG.integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(read_idx(publish("some.gz", idx(values))), values)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no gzip", "expected gzipped data"),
        (idx(np.zeros(9, np.uint8))[:-9], "expected gzipped data"),
        (zipped(b""), "expected an IDX header"),
        (zipped(b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0"), "expected an IDX header"),  # floats
        (zipped(b"\0\0\x08\x03\0\0\0\x01"), "expected an IDX header"),
        (zipped(b"\0\0\x08\x01\0\0\0\x05abc"), "expected 5 values, found 3"),
        (zipped(b"\0\0\x08\x01\0\0\0\x02abc"), "expected 2 values, found 3"),
    ],
)
def test_a_malformed_file_is_refused_by_name(publish: Publish, content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=rf"broken\.gz: {said}"):
        read_idx(publish("broken.gz", content))


def test_an_altered_file_is_refused_before_it_is_read(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip, "decompress", lambda _: pytest.fail("read before it was checked"))
    found = publish(FILES[0].name, idx(np.zeros((1, 28, 28), np.uint8))).digest
    with pytest.raises(DataError, match=rf"train-images-idx3-ubyte\.gz.*expected {FILES[0].digest}, found {found}"):
        load(view="image", pool=1, permute_pixels=False)


def test_a_missing_file_is_named_with_its_source(publish: Publish) -> None:
    publish("unrelated", b"")
    with pytest.raises(DataError, match=r"fashion-mnist/train-images.*https://"):
        load(view="image", pool=1, permute_pixels=False)


def test_the_declared_files_are_the_four_published_ones() -> None:
    assert all(isinstance(file, DataFile) and file.url and file.url.endswith(file.name.split("/")[1]) for file in FILES)
    assert len({file.digest for file in FILES}) == len(FILES) == 4

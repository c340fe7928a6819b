from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from bench.errors import DataError
from bench.files import DataFile
from bench.task import Split
from tasks import mnist

Publish = Callable[[str, bytes], DataFile]


def test_every_published_image_is_in_exactly_one_split(real: Callable[..., None]) -> None:
    real(mnist.FILE)
    data = mnist.load(view="image", pool=1, permute_pixels=False)
    assert isinstance(data.train, Split)
    with np.load(mnist.FILE.path) as raw:
        published = Counter(image.tobytes() for image in raw["x_train"])
        test, labels = raw["x_test"], raw["y_test"]
    ours = [np.rint(part.x * 255).astype(np.uint8) for part in (data.train, data.validation)]
    assert [len(part) for part in ours] == [54_000, 6_000]
    assert Counter(image.tobytes() for part in ours for image in part) == published
    assert np.array_equal(np.rint(data.test.x[..., 0] * 255).astype(np.uint8), test)
    assert np.array_equal(data.test.y, labels)


def test_pixel_by_pixel_is_784_steps_and_pooled_196() -> None:
    assert mnist.TASK.spec(view="pixels", pool=1, permute_pixels=True).shape == (784, 1)
    assert mnist.TASK.spec(view="pixels", pool=2, permute_pixels=True).shape == (196, 1)
    assert mnist.TASK.spec(view="rows", pool=1, permute_pixels=False).shape == (28, 28)


def test_an_altered_file_is_refused_before_it_is_read(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    publish("mnist.npz", b"not what was published")
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("read before it was checked"))
    with pytest.raises(DataError, match=rf"mnist\.npz.*expected {mnist.FILE.digest}, found sha256:"):
        mnist.load(view="image", pool=1, permute_pixels=False)

import numpy as np
import pytest
from sklearn.datasets import load_digits

from bench.task import Split
from tasks.digits import TASK, load


def test_all_1797_digits_are_in_exactly_one_split() -> None:
    data = load(view="image", pool=1, permute_pixels=False)
    assert isinstance(data.train, Split)
    parts = (data.train, data.validation, data.test)
    assert [len(part.y) for part in parts] == [1257, 180, 360]
    ours = [(label, image.tobytes()) for part in parts for image, label in zip(part.x, part.y, strict=True)]
    raw = load_digits()
    theirs = [
        (label, (image / 16).astype(np.float32).tobytes()) for image, label in zip(raw.images, raw.target, strict=True)
    ]
    assert sorted(ours) == sorted(theirs)


def test_values_fill_the_range_zero_to_one() -> None:
    x = load(view="pixels", pool=1, permute_pixels=True).test.x
    assert x.min() == 0
    assert x.max() == 1
    assert set(np.unique(x * 16)) <= set(range(17))


@pytest.mark.parametrize(("pool", "side"), [(1, 8), (2, 4), (4, 2)])
def test_every_pool_fits(pool: int, side: int) -> None:
    assert TASK.spec(view="image", pool=pool, permute_pixels=False).shape == (side, side, 1)

import numpy as np
import pytest

from bench.errors import UsageError
from bench.task import Split
from tasks._images import arranged, image_data, image_spec, permutation, pooled

RNG = np.random.default_rng(5)
IMAGES = RNG.integers(0, 256, (6, 8, 12, 3), dtype=np.uint8)
LABELS = np.arange(6)


def view(name: str, *, pool: int = 1, permute: bool = False) -> np.ndarray:
    return arranged(Split(IMAGES, LABELS), 255, view=name, pool=pool, permute_pixels=permute).x


def test_values_are_shares_of_the_brightest() -> None:
    np.testing.assert_allclose(view("image"), IMAGES / 255, rtol=1e-6)
    assert view("image").dtype == np.float32


def test_rows_and_pixels_are_the_image_in_reading_order() -> None:
    rows, pixels = view("rows"), view("pixels")
    assert rows.shape == (6, 8, 36)
    assert pixels.shape == (6, 96, 3)
    for row, column, channel in [(0, 0, 0), (2, 5, 1), (7, 11, 2)]:
        value = np.float32(IMAGES[4, row, column, channel]) / np.float32(255)
        assert rows[4, row, column * 3 + channel] == value
        assert pixels[4, row * 12 + column, channel] == value


@pytest.mark.parametrize("pool", [1, 2, 4])
def test_pooling_is_the_mean_of_each_block(pool: int) -> None:
    result = pooled(IMAGES, pool)
    for row in range(8 // pool):
        for column in range(12 // pool):
            block = IMAGES[:, row * pool : (row + 1) * pool, column * pool : (column + 1) * pool]
            np.testing.assert_allclose(result[:, row, column], block.reshape(6, -1, 3).mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize(("shape", "pool"), [((8, 8, 1), 3), ((4, 4, 1), 4), ((28, 6, 3), 4)])
def test_pooling_that_does_not_fit_is_refused(shape: tuple[int, int, int], pool: int) -> None:
    with pytest.raises(UsageError, match=rf"pool: expected a divisor of {shape[0]} and {shape[1]}.*received {pool}"):
        image_spec(shape, view="image", pool=pool)


@pytest.mark.parametrize("pixels", [4, 196, 784, 1024])
def test_the_permutation_is_a_bijection_and_destroys_the_grid(pixels: int) -> None:
    order = permutation(pixels)
    assert sorted(order) == list(range(pixels))
    side = int(pixels**0.5)
    if side > 2:  # a third of the pixels next to each other would still be a grid of sorts
        row, column = np.divmod(order.reshape(side, side), side)
        apart = np.abs(np.diff(row, axis=1)) + np.abs(np.diff(column, axis=1))
        assert (apart == 1).mean() < 0.05


def test_the_permutation_stays_what_it_was() -> None:
    # It is part of the task: with another order, stored results would no longer compare.
    assert permutation(784)[:6].tolist() == [283, 28, 288, 783, 276, 553]


def test_permuting_moves_whole_pixels_alike_in_every_image_after_pooling() -> None:
    plain, moved = view("pixels", pool=2), view("pixels", pool=2, permute=True)
    order = permutation(24)
    for new, old in enumerate(order):
        assert np.array_equal(moved[:, new], plain[:, old])
    assert np.array_equal(view("image", pool=2, permute=True).reshape(6, 24, 3), moved)
    assert np.array_equal(view("rows", pool=2, permute=True).reshape(6, 24, 3), moved)


def test_a_tenth_is_held_out_and_nothing_is_lost() -> None:
    x = np.zeros((50, 4, 4, 1), np.uint8)
    x[:, 0, 0, 0] = np.arange(50)
    train = Split(x, np.arange(50) % 10)
    data = image_data(train, Split(x[:3], np.arange(3)), view="image", pool=1, permute_pixels=False)
    assert isinstance(data.train, Split)
    assert (len(data.train.y), len(data.validation.y)) == (45, 5)
    ids = [np.rint(part.x[:, 0, 0, 0] * 255).astype(int) for part in (data.train, data.validation)]
    assert sorted(np.concatenate(ids)) == list(range(50))
    for part, numbers in zip((data.train, data.validation), ids, strict=True):
        assert np.array_equal(part.y, numbers % 10)
    assert data.test.y.tolist() == [0, 1, 2]

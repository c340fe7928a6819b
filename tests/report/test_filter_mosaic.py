import numpy as np
import pytest

from bench.report.aggregate import task_tables
from bench.report.filter_mosaic import filter_words, mosaic

from .conftest import make_record


def made(channels: int = 3, count: int = 48, architecture: str = "cnn", seed: int = 0):
    rng = np.random.default_rng(seed)
    return make_record("cifar10", architecture, seed), {"filters": rng.normal(size=(2, 7, 7, channels, count))}


def test_a_mosaic_scales_each_filter_by_its_largest_weight_around_grey() -> None:
    weights = np.array([[2.0, -4.0], [0.0, 1.0]])
    whole = mosaic(np.stack([weights, 10 * weights], axis=-1)[:, :, None])
    assert whole.shape == (2, 5, 3)
    np.testing.assert_allclose(whole[:, :2, 0], [[0.75, 0.0], [0.5, 0.625]])
    np.testing.assert_allclose(whole[:, 3:], whole[:, :2])
    np.testing.assert_allclose(whole[:, 2], 1)


def test_three_channels_are_colours_and_others_their_mean() -> None:
    rng = np.random.default_rng(0)
    colour, grey = rng.normal(size=(3, 3, 3, 1)), rng.normal(size=(3, 3, 5, 1))
    np.testing.assert_allclose(mosaic(colour), 0.5 + colour[..., 0] / (2 * np.abs(colour).max()))
    mean = grey[..., 0].mean(axis=-1)
    np.testing.assert_allclose(mosaic(grey)[..., 1], 0.5 + mean / (2 * np.abs(mean).max()))


@pytest.mark.parametrize(("count", "shape"), [(1, (7, 7)), (9, (15, 63)), (48, (31, 63))])
def test_at_most_32_filters_are_shown(count: int, shape: tuple[int, int]) -> None:
    assert mosaic(np.ones((7, 7, 3, count))).shape == (*shape, 3)


def test_filters_of_zero_are_grey() -> None:
    assert (mosaic(np.zeros((2, 2, 1, 1))) == 0.5).all()


def test_the_sentence_says_how_much_their_shape_changed() -> None:
    record, curves = made()
    curves["filters"][1] = 3 * curves["filters"][0]
    (table,) = task_tables([record])
    text = filter_words(table, lambda _: curves)
    assert "(1: its shape did not change): 1.00 in **cnn**." in text
    assert "the first 32, seed 0" in text

import numpy as np
import pytest

from tasks.adding import draw


@pytest.mark.parametrize("length", [2, 3, 7, 100])
def test_the_answer_is_the_sum_of_the_marked_values(length: int) -> None:
    x, y = draw(np.random.default_rng(0), 200, length=length)
    for sequence, answer in zip(x, y, strict=True):
        marked = [value for value, marker in sequence if marker == 1]
        assert len(marked) == 2
        assert answer == pytest.approx([sum(marked)], rel=1e-6)


@pytest.mark.parametrize("length", [2, 3, 7, 100])
def test_one_marker_lies_in_each_half_and_reaches_all_of_it(length: int) -> None:
    markers = draw(np.random.default_rng(1), 5_000, length=length).x[..., 1]
    assert set(np.unique(markers)) <= {0, 1}
    half = length // 2
    assert (markers[:, :half].sum(axis=1) == 1).all()
    assert (markers[:, half:].sum(axis=1) == 1).all()
    assert markers.any(axis=0).all()


def test_values_are_uniform_and_the_best_constant_errs_by_a_sixth() -> None:
    x, y = draw(np.random.default_rng(2), 100_000, length=4)
    values = x[..., 0]
    assert values.min() >= 0
    assert values.max() < 1
    assert values.mean() == pytest.approx(0.5, abs=0.005)
    assert values.var() == pytest.approx(1 / 12, rel=0.01)
    assert y.mean() == pytest.approx(1, abs=0.01)
    assert np.square(y - 1).mean() == pytest.approx(1 / 6, rel=0.02)

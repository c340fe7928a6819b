import math

import numpy as np
import pytest

from tasks.copy import TASK, draw, recall


@pytest.mark.parametrize("length", [2, 5, 100])
def test_the_layout_is_symbols_blanks_delimiter_blanks(length: int) -> None:
    x, y = draw(np.random.default_rng(0), 50, length=length)
    assert x.shape == (50, length + 20, 10)
    assert np.array_equal(x.sum(axis=-1), np.ones((50, length + 20)))
    for symbols, target in zip(x.argmax(axis=-1).tolist(), y.tolist(), strict=True):
        items = symbols[:10]
        assert all(0 <= item < 8 for item in items)
        assert symbols[10:] == [8] * (length - 1) + [9] + [8] * 10
        assert target == [8] * (length + 10) + items


def test_symbols_are_uniform() -> None:
    _, y = draw(np.random.default_rng(1), 8_000, length=2)
    np.testing.assert_allclose(np.bincount(y[:, -10:].ravel(), minlength=8) / 80_000, 1 / 8, atol=0.006)


def test_the_delimiter_comes_just_before_the_answer_is_due() -> None:
    x, y = draw(np.random.default_rng(2), 1, length=30)
    delimiter = int(x[0, :, 9].argmax())
    assert y[0, delimiter] == 8
    assert (y[0, delimiter + 1 :] < 8).all()


def test_the_metric_looks_at_the_last_ten_steps_alone() -> None:
    _, y = draw(np.random.default_rng(3), 4, length=10)
    right = np.eye(9)[y]
    assert recall(y, right).tolist() == [1, 1, 1, 1]
    blanks = np.broadcast_to(np.eye(9)[8], right.shape)
    assert recall(y, blanks).tolist() == [0, 0, 0, 0]
    wrong_before = right.copy()
    wrong_before[:, :-10] = np.eye(9)[0]
    assert recall(y, wrong_before).tolist() == [1, 1, 1, 1]
    half = right.copy()
    half[:, -5:] = np.eye(9)[8]
    assert recall(y, half).tolist() == [0.5] * 4


def test_the_loss_of_knowing_the_layout_alone_is_ten_ln_8_over_all_steps() -> None:
    assert TASK.chance_loss is not None
    assert TASK.chance_loss(length=100) == pytest.approx(10 * math.log(8) / 120)
    assert TASK.spec(length=100).causal

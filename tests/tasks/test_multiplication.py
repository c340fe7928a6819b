import numpy as np
import pytest

from tasks import adding
from tasks.multiplication import CHANCE, TARGET, draw


@pytest.mark.parametrize("length", [2, 5, 100])
def test_the_answer_is_the_product_of_the_marked_values(length: int) -> None:
    x, y = draw(np.random.default_rng(0), 200, length=length)
    for sequence, answer in zip(x, y, strict=True):
        first, second = (value for value, marker in sequence if marker == 1)
        assert answer == pytest.approx([first * second], rel=1e-6)


def test_the_best_constant_errs_by_seven_parts_in_144() -> None:
    _, y = draw(np.random.default_rng(1), 100_000, length=4)
    assert y.mean() == pytest.approx(1 / 4, abs=0.003)
    assert np.square(y - 0.25).mean() == pytest.approx(7 / 144, rel=0.02)


def test_sequences_are_those_of_adding() -> None:
    ours, theirs = (task(np.random.default_rng(3), 10, length=20).x for task in (draw, adding.draw))
    assert np.array_equal(ours, theirs)


def test_the_target_is_the_same_share_of_chance_as_in_adding() -> None:
    share = adding.TASK.solved.threshold / adding.TASK.chance()
    assert share * CHANCE == pytest.approx(TARGET)

import numpy as np

from bench.task import Split
from tasks._splits import hold_out


def test_a_tenth_is_held_out_shuffled_with_its_labels() -> None:
    x = np.arange(1_000)
    train, validation = hold_out(Split(x, x // 500))
    assert (len(train.x), len(validation.x)) == (900, 100)
    assert sorted([*train.x, *validation.x]) == x.tolist()
    for part in (train, validation):
        assert np.array_equal(part.y, part.x // 500)
        assert 0.3 < part.y[: len(part.y) // 2].mean() < 0.7  # sorted by class in the file


def test_the_split_stays_what_it_was() -> None:
    _, validation = hold_out(Split(np.arange(60_000), np.arange(60_000)))
    assert validation.x[:5].tolist() == [26250, 32736, 39654, 30815, 47219]

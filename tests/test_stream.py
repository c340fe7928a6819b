"""Which samples a cell sees, in which order, for how many steps."""

import numpy as np
import pytest

from bench.errors import DataError
from bench.stream import batches, data_hash, steps, subset
from bench.task import Data, Split, Training


def _data(n: int = 10) -> Data:
    x = np.arange(n)
    return Data(Split(x, x), Split(x, x), Split(x, x))


def test_batches_are_a_new_order_of_all_samples_each_epoch():
    x = np.arange(10)
    stream = batches(Data(Split(x, x), Split(x, x), Split(x, x)), 0, 5)
    epochs = [np.concatenate([next(stream).x for _ in range(2)]) for _ in range(3)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_the_data_hash_sees_every_bit():
    x, y = np.zeros((3, 2), "float32"), np.zeros(3, "int32")
    changed = x.copy()
    changed[0, 0] = np.nextafter(np.float32(0), np.float32(1))
    same, other = Split(x, y), Split(changed, y)
    splits = [(same, same, same), (same, same, other), (same, other, same), (other, same, same)]
    assert len({data_hash(Data(*three)) for three in splits}) == 4
    assert data_hash(Data(same, same, same)) == data_hash(Data(Split(x.copy(), y.copy()), same, same))


def test_another_seed_is_another_order_and_the_same_seed_the_same():
    first = [next(batches(_data(), seed, 5)).x.tolist() for seed in (0, 0, 1)]
    assert first[0] == first[1] != first[2]


def test_what_does_not_fill_a_batch_is_left_out_of_its_epoch():
    stream = batches(_data(), 0, 4)
    epochs = [np.concatenate([next(stream).x for _ in range(2)]) for _ in range(2)]
    assert all(len(set(epoch.tolist())) == 8 for epoch in epochs)


def test_drawn_samples_are_fresh_at_every_step_and_the_same_for_every_architecture():
    def draw(rng: np.random.Generator, n: int) -> Split:
        x = rng.random(n)
        return Split(x, x)

    data = Data(draw, _data().validation, _data().test)
    a, b = batches(data, 3, 4), batches(data, 3, 4)
    drawn = [(next(a).x.tolist(), next(b).x.tolist()) for _ in range(3)]
    assert all(one == other for one, other in drawn)
    assert len({tuple(one) for one, _ in drawn}) == 3


def test_a_subset_keeps_inputs_with_their_targets_and_is_always_the_same():
    one, other = subset(_data(), 4).train, subset(_data(), 4).train
    assert isinstance(one, Split)
    assert len(one.x) == 4
    assert one.x.tolist() == one.y.tolist() == other.x.tolist()
    assert subset(_data(), None).train.x.tolist() == list(range(10))


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        (Training(epochs=3, batch_size=4), 6),
        (Training(epochs=1, batch_size=10), 1),
        (Training(steps=7, batch_size=4), 7),
    ],
)
def test_steps_are_whole_batches_of_whole_epochs(training, expected):
    assert steps(_data(), training) == expected


def test_epochs_of_fresh_samples_and_a_batch_larger_than_the_set_are_refused():
    with pytest.raises(DataError, match="has no epochs"):
        steps(
            Data(lambda rng, n: Split(rng.random(n), rng.random(n)), _data().validation, _data().test),
            Training(epochs=1),
        )
    with pytest.raises(DataError, match="batch_size: expected at most 10, received 11"):
        steps(_data(), Training(steps=1, batch_size=11))

"""Counting parameters and matching widths."""

import keras
import pytest

from bench.errors import BenchError
from bench.width import count_parameters, match_width


def _dense(units: int) -> keras.Model:
    return keras.Sequential([keras.Input((10,)), keras.layers.Dense(units)])


def test_the_embedding_is_counted_apart_also_inside_a_nested_model():
    inner = keras.Sequential([keras.Input((4,), dtype="int32"), keras.layers.Embedding(7, 3)])
    inputs = keras.Input((4,), dtype="int32")
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inner(inputs))))
    assert count_parameters(model) == (12 * 2 + 2, 21)


def test_weights_that_do_not_train_are_not_counted():
    model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    assert count_parameters(model) == (8, 0)


@pytest.mark.parametrize("target", [11, 1100, 10_007, 123_456])
def test_the_width_is_the_nearest(target):
    units = match_width(_dense, target)
    assert abs(11 * units - target) == min(abs(11 * u - target) for u in range(1, 20_000))


def test_a_target_below_the_least_width_is_refused():
    with pytest.raises(BenchError, match=r"no width has 5 parameters.*11 at units=1"):
        match_width(_dense, 5)

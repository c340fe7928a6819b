"""How many parameters a model has, and the width at which an architecture has a given number of them."""

import math
from collections.abc import Callable

import keras

from bench.errors import BenchError

TOLERANCE = 0.02
_WIDEST = 1 << 14


def count_parameters(model: keras.Model) -> tuple[int, int]:
    """Trainable parameters outside the embedding, and in it."""
    embedded = {
        id(variable)
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Embedding)
        for variable in layer.trainable_variables
    }
    outside = inside = 0
    for variable in model.trainable_variables:
        if id(variable) in embedded:
            inside += math.prod(variable.shape)
        else:
            outside += math.prod(variable.shape)
    return outside, inside


def match_width(build: Callable[[int], keras.Model], target: int) -> int:
    """The `units` at which `build(units)` has `target` trainable parameters outside the embedding, within 2 %.

    Raises BenchError, naming the nearest widths, where none is that close.
    """
    counts: dict[int, int] = {}

    def count(units: int) -> int:
        if units not in counts:
            counts[units] = count_parameters(build(units))[0]
        return counts[units]

    low, high = 1, 2
    while count(high) < target and high < _WIDEST:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < target else (low, middle)
    best = min((low, high), key=lambda units: abs(count(units) - target))
    if abs(count(best) - target) > TOLERANCE * target:
        near = " and ".join(f"{count(units):,} at units={units}" for units in (low, high))
        raise BenchError(f"no width has {target:,} parameters within 2 %: nearest are {near}; choose another --params")
    return best

"""Floating-point operations of one sample's way through a model, counted layer by layer from the shapes.

Profilers of the frameworks count the body of a recurrent loop once; here a step counts as often as the loop runs.

A multiplication and an addition are two operations. An activation is one an element, whatever function it is, and a
softmax five (maximum, difference, exponential, sum, quotient). Dropout, embeddings and all that only moves, selects or
masks numbers are none; neither is what is done once a batch, such as the sinusoids of the positions. Convolutions count
what lies beyond the ends as any other input; masked steps, and scores that a causal mask hides, count as any other.

A layer that is not known has no count, and the model has none: no guess is ever in the sum. A layer or a recurrent cell
of one's own is known by a method `flops(shape)`: its operations on one sample of that shape (of a cell: on one step).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import keras
from keras import layers

from bench.architectures import _cells, _steps

Shape = tuple[int, ...]
"""Of one sample: without the batch."""
Rule = Callable[[Any, Sequence[Shape], Shape], int]
"""(layer, shapes of its inputs, shape of its output) -> operations."""

_SOFTMAX: Final = 5


class Count(NamedTuple):
    """Operations of one sample forward, or None and the kinds of layers that are not known, each once."""

    flops: int | None
    unknown: tuple[str, ...] = ()


class _UnknownError(Exception):
    """A layer that has no rule."""


def count_flops(model: keras.Model) -> Count:
    """The operations of one sample's way forward through a functional or sequential model."""
    total, unknown = 0, dict[str, None]()
    for part in _parts(model):
        try:
            total += _count(*part)
        except _UnknownError as error:
            unknown[str(error)] = None
    return Count(None, tuple(unknown)) if unknown else Count(total)


def _parts(model: Any) -> Iterable[tuple[Any, list[Shape], Shape]]:
    """Every call of a layer on the way from the inputs to the outputs, nested models opened."""
    graph = model._functional if type(model) is keras.Sequential else model
    if type(graph).__module__ != "keras.src.models.functional":
        yield model, [], ()  # what a subclass computes is not known
        return
    depths = graph._nodes_by_depth
    for node in chain.from_iterable(depths[depth] for depth in sorted(depths, reverse=True)):
        # Masks are arguments too, and are no numbers.
        called = [tensor.shape for tensor in node.arguments.keras_tensors if tensor.dtype != "bool"]
        inputs = getattr(node.operation, "inputs", None) if isinstance(node.operation, keras.Model) else None
        if inputs and [tensor.shape for tensor in inputs] == called:
            yield from _parts(node.operation)
        else:  # a nested model of other shapes than it was built for has no rule
            yield node.operation, [shape[1:] for shape in called], node.outputs[0].shape[1:]


def _count(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    rule = _RULES.get(type(layer)) or _OPERATIONS.get(type(layer).__name__ if _is_operation(layer) else "")
    if rule is not _nothing and any(None in shape for shape in (*inputs, output)):
        raise _UnknownError(f"{type(layer).__name__} of a length that is not fixed")
    if rule is not None:
        return rule(layer, inputs, output)
    return _own(layer, inputs[0] if inputs else ())


def _own(layer: Any, shape: Shape) -> int:
    """What a layer or a cell says of itself."""
    if not callable(getattr(layer, "flops", None)):
        raise _UnknownError(type(layer).__name__)
    return int(layer.flops(shape))


def _is_operation(layer: Any) -> bool:
    """A function of `keras.ops` on a symbolic tensor."""
    return type(layer).__module__.startswith("keras.src.ops.")


def _size(variable: Any) -> int:
    return 0 if variable is None else math.prod(variable.shape)


def _activation(function: Any, elements: int) -> int:
    name = getattr(function, "__name__", "")
    return 0 if function is None or name == "linear" else _SOFTMAX * elements if name == "softmax" else elements


def _affine(layer: Any, positions: int) -> int:
    """A kernel and a bias, each used once at every position."""
    return positions * (2 * _size(layer.kernel) + _size(layer.bias))


def _dense(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    return _affine(layer, math.prod(output[:-1])) + _activation(layer.activation, math.prod(output))


def _convolution(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    elements = math.prod(output)
    return _affine(layer, elements // layer.filters) + _activation(layer.activation, elements)


def _einsum_dense(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    given = str(layer.equation).split("->")[0].replace(" ", "")
    if "." in given:
        raise _UnknownError("EinsumDense with an ellipsis")
    first, second = given.split(",")
    sizes = dict(zip(first[1:], inputs[0], strict=True)) | dict(zip(second, layer.kernel.shape, strict=True))
    elements = math.prod(output)
    added = elements if layer.bias is not None else 0
    return 2 * math.prod(sizes.values()) + added + _activation(layer.activation, elements)


def _attention(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    """Projections, scores, their scale and softmax, the weighted sum of the values, the projection out."""
    if [len(shape) for shape in inputs] != [2, 2] or getattr(layer, "_use_gate", False):
        raise _UnknownError("MultiHeadAttention of more than queries and values, over several axes or with a gate")
    (queries, _), (keys, _) = inputs
    scores: int = layer.num_heads * queries * keys
    projections = (
        (layer._query_dense, queries),
        (layer._key_dense, keys),
        (layer._value_dense, keys),
        (layer._output_dense, queries),
    )
    attended: int = scores * (2 * layer.key_dim + 1 + _SOFTMAX + 2 * layer.value_dim)
    return sum(_affine(part, positions) for part, positions in projections) + attended


def _loop(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    return inputs[0][0] * _step(layer.cell, inputs[0][1:])


def _step(cell: Any, features: Shape) -> int:
    """One step of a recurrent cell."""
    if type(cell) is layers.StackedRNNCells:
        widths = [features, *((each.output_size,) for each in cell.cells[:-1])]
        return sum(_step(each, width) for each, width in zip(cell.cells, widths, strict=True))
    elementwise = _CELLS.get(type(cell))
    if elementwise is None:
        return _own(cell, features)
    return 2 * (_size(cell.kernel) + _size(cell.recurrent_kernel)) + _size(cell.bias) + elementwise(cell, cell.units)


def _simple_step(cell: Any, units: int) -> int:
    return units + _activation(cell.activation, units)


def _lstm_step(cell: Any, units: int) -> int:
    """Sums of 4 gates; c = f c + i g; h = o act(c)."""
    gates = 3 * _activation(cell.recurrent_activation, units) + 2 * _activation(cell.activation, units)
    return (4 + 3 + 1) * units + gates


def _gru_step(cell: Any, units: int) -> int:
    """Sums of 3 gates; the reset; h = z h + (1 - z) g."""
    gates = 2 * _activation(cell.recurrent_activation, units) + _activation(cell.activation, units)
    return (3 + 1 + 4) * units + gates


def _lstm_1997_step(cell: Any, units: int) -> int:
    """Sums of 3 gates and their functions; c = c + i g; h = o tanh(c)."""
    return (3 + 3 + 2 + 2) * units


def _bidirectional(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    merged: int = {"sum": 1, "mul": 1, "ave": 2}.get(layer.merge_mode, 0) * math.prod(output)
    both = (layer.forward_layer, layer.backward_layer)
    return sum(_count(each, inputs, output) for each in both) + merged


def _each_step(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    return inputs[0][0] * _count(layer.layer, [inputs[0][1:]], output[1:])


def _layer_normalization(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    """Mean 1, variance 3, difference and quotient 2, and the trained scale and centre."""
    if getattr(layer, "rms_scaling", False):
        raise _UnknownError("LayerNormalization with rms_scaling")
    return (6 + bool(layer.scale) + bool(layer.center)) * math.prod(output)


def _activated(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    return _activation(layer.activation, math.prod(output))


def _pooling(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    window: int = math.prod(layer.pool_size)
    return window * math.prod(output)


def _matmul(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    if len(inputs) != 2:
        raise _UnknownError("Matmul with a constant")
    return 2 * inputs[0][-1] * math.prod(output)


def _of_output(times: int) -> Rule:
    return lambda layer, inputs, output: times * math.prod(output)


def _of_input(times: int) -> Rule:
    return lambda layer, inputs, output: times * math.prod(inputs[0])


def _merge(extra: int) -> Rule:
    return lambda layer, inputs, output: (len(inputs) - 1 + extra) * math.prod(output)


def _nothing(layer: Any, inputs: Sequence[Shape], output: Shape) -> int:
    return 0


_CELLS: Mapping[type, Callable[[Any, int], int]] = {
    layers.SimpleRNNCell: _simple_step,
    layers.LSTMCell: _lstm_step,
    layers.GRUCell: _gru_step,
    _cells.LSTM1997Cell: _lstm_1997_step,
}
"""What a step does beside its matrix products and biases."""

# By exact type: what a subclass computes in its own way is not known.
_RULES: Mapping[type, Rule] = {
    layers.Dense: _dense,
    layers.EinsumDense: _einsum_dense,
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.Conv3D, _steps.MaskedConv1D), _convolution),
    **dict.fromkeys((layers.SimpleRNN, layers.LSTM, layers.GRU, layers.RNN), _loop),
    layers.Bidirectional: _bidirectional,
    layers.TimeDistributed: _each_step,
    layers.MultiHeadAttention: _attention,
    layers.BatchNormalization: _of_output(2),
    layers.LayerNormalization: _layer_normalization,
    layers.Activation: _activated,
    **dict.fromkeys((layers.ReLU, layers.LeakyReLU, layers.ELU, layers.PReLU, layers.Masking), _of_output(1)),
    layers.Softmax: _of_output(_SOFTMAX),
    layers.Rescaling: _of_output(2),
    **dict.fromkeys((layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D), _pooling),
    **dict.fromkeys((layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D), _pooling),
    **dict.fromkeys((layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D), _of_input(1)),
    **dict.fromkeys((layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D), _of_input(1)),
    **dict.fromkeys((_steps.MeanOverSteps, _steps.MaxOverSteps), _of_input(1)),
    _steps.Positions: _of_output(1),
    **dict.fromkeys((layers.Add, layers.Subtract, layers.Multiply, layers.Maximum, layers.Minimum), _merge(0)),
    layers.Average: _merge(1),
    **dict.fromkeys(
        (
            layers.InputLayer,
            layers.Embedding,
            layers.Dropout,
            layers.SpatialDropout1D,
            layers.SpatialDropout2D,
            layers.GaussianDropout,
            layers.GaussianNoise,
            layers.Flatten,
            layers.Reshape,
            layers.Permute,
            layers.RepeatVector,
            layers.Concatenate,
            layers.Identity,
            layers.ZeroPadding1D,
            layers.ZeroPadding2D,
            layers.Cropping1D,
            layers.Cropping2D,
            _steps.LastStep,
        ),
        _nothing,
    ),
}

_OPERATIONS: Mapping[str, Rule] = {
    "Matmul": _matmul,
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum"), _of_output(1)),
    **dict.fromkeys(("Negative", "Absolute", "Square", "Sqrt", "Exp", "Log", "Sin", "Cos"), _of_output(1)),
    **dict.fromkeys(("Tanh", "Sigmoid", "Relu"), _of_output(1)),
    **dict.fromkeys(("Mean", "Sum", "Max", "Min"), _of_input(1)),
    **dict.fromkeys(("Reshape", "Transpose", "GetItem", "Squeeze", "ExpandDims", "Concatenate", "Stack"), _nothing),
    **dict.fromkeys(("Equal", "NotEqual", "LogicalAnd", "LogicalNot", "LogicalOr"), _nothing),
}
"""Functions of `keras.ops`, by the names of their classes."""

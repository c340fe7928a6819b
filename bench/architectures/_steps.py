"""Layers over the steps of a sequence, (batch, time, features), that give padding no influence.

A mask (batch, time) is True at real steps; without one every step is real. Keras's own pooling divides by the number of
real steps and gives NaN for a row of padding only; these return zeros there.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

register = keras.saving.register_keras_serializable(package="archbench")


@register
class MaskedConv1D(keras.layers.Conv1D):
    """A Conv1D that sees zeros at padded steps, as it does beyond the ends, and passes the mask on.

    Only for stride 1 with padding "same" or "causal": the output has the steps of the input.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.strides != (1,) or self.padding not in ("same", "causal"):
            raise ValueError(
                "invalid convolution: expected stride 1 and padding same or causal, "
                f"received {self.strides[0]} and {self.padding!r}"
            )
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return super().call(_zeroed(inputs, mask))


class _OverSteps(keras.layers.Layer):
    """Base of the layers that turn (batch, time, features) into (batch, features) and end the mask's way."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (shape[0], shape[2])


@register
class MeanOverSteps(_OverSteps):
    """Mean over the real steps."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return ops.mean(inputs, axis=1)
        real = ops.sum(ops.cast(mask, inputs.dtype), axis=1, keepdims=True)
        return ops.sum(_zeroed(inputs, mask), axis=1) / ops.maximum(real, 1.0)


@register
class MaxOverSteps(_OverSteps):
    """Maximum over the real steps of features that are nowhere negative (after a ReLU): padding counts as zero."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return ops.max(_zeroed(inputs, mask), axis=1)


@register
class LastStep(_OverSteps):
    """The features of the last real step."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return inputs[:, -1]
        count = ops.cumsum(ops.cast(mask, "int32"), axis=1)
        last = ops.logical_and(ops.equal(count, count[:, -1:]), ops.cast(mask, "bool"))
        return ops.sum(_zeroed(inputs, last), axis=1)


@register
class Positions(keras.layers.Layer):
    """Adds sinusoids of the step's number, times one trained scale; padded steps are not counted.

    Sinusoids: Vaswani et al. 2017. The scale (Li et al. 2019) starts at 0.1, about the size of what freshly
    initialised embeddings and projections hold: at 1 positions would drown the content.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.scale = self.add_weight(shape=(), initializer=keras.initializers.Constant(0.1), name="scale")

    def call(self, inputs: Any, mask: Any = None) -> Any:
        steps, features = inputs.shape[1], inputs.shape[2]
        number = ops.arange(steps)[None] if mask is None else ops.cumsum(ops.cast(mask, "int32"), axis=1) - 1
        pair, odd = np.divmod(np.arange(features), 2)
        frequency = ops.convert_to_tensor(10_000.0 ** (-2 * pair / features), "float32")
        angle = ops.cast(number, "float32")[..., None] * frequency + ops.convert_to_tensor(odd * np.pi / 2, "float32")
        return inputs + self.scale * ops.cast(ops.sin(angle), inputs.dtype)


def _zeroed(inputs: Any, mask: Any) -> Any:
    return inputs if mask is None else inputs * ops.cast(mask, inputs.dtype)[..., None]

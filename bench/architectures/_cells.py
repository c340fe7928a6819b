"""Recurrent cells that Keras does not have, for `keras.layers.RNN`."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="archbench")
class LSTM1997Cell(keras.layers.Layer):
    """The LSTM before it could forget: c = c + i * g, h = o * tanh(c) (after Hochreiter & Schmidhuber 1997).

    Gates i, o are sigmoid and g is tanh of x W + h U + b, in the order i, g, o. The carry's derivative is exactly 1.
    Kernel (features, 3 units), recurrent kernel (units, 3 units), bias (3 units,); states h and c, each (batch, units).
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units, units]
        self.output_size = units

    def build(self, shape: tuple[int | None, ...]) -> None:
        width = 3 * self.units
        self.kernel = self.add_weight(shape=(shape[-1], width), initializer="glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, width), initializer="orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(width,), initializer="zeros", name="bias")

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        h, c = states
        z = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel) + self.bias
        i, g, o = ops.split(z, 3, axis=-1)
        c = c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [h, c]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}

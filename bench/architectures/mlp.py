"""Multilayer perceptron on the flattened input: no idea of space or time is built in.

Source: Rumelhart, Hinton & Williams 1986; ReLU with its initialisation (He et al. 2015), dropout
(Srivastava et al. 2014).
"""

from typing import TYPE_CHECKING

from bench.architecture import Architecture, InputSpec, reads
from bench.architectures import _settings

if TYPE_CHECKING:
    import keras


def build(spec: InputSpec, *, units: int, layers: int, dropout: float) -> "keras.Model":
    """`layers` hidden ReLU layers, then a linear readout."""
    import keras

    inputs = keras.Input(spec.shape, dtype="float32")
    x = keras.layers.Flatten()(inputs)
    for _ in range(layers):
        x = keras.layers.Dense(units, activation="relu", kernel_initializer="he_uniform")(x)
        if dropout:
            x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(spec.outputs, name="readout")(x))


ARCHITECTURE = Architecture(
    summary="multilayer perceptron on the flattened input",
    build=build,
    refuses=reads("vector", "image", "sequence", per_step=False),
    source="Rumelhart, Hinton & Williams 1986",
    settings={
        "units": _settings.units(512, "units of a hidden layer"),
        "layers": _settings.layers(2, "hidden layers"),
        "dropout": _settings.dropout(0.0),
    },
)

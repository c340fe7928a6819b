"""Convolutions over time, then the maximum over the sequence: it finds local patterns wherever they stand.

Source: Collobert et al. 2011; Kim 2014 (text).
"""

from typing import TYPE_CHECKING

from bench.architecture import Architecture, InputSpec, reads
from bench.architectures import _settings
from bench.setting import Setting

if TYPE_CHECKING:
    import keras


def build(spec: InputSpec, *, units: int, layers: int, kernel: int, dropout: float, embedding: int) -> "keras.Model":
    """`layers` ReLU convolutions, the maximum over the real steps, a linear readout."""
    import keras

    from bench.architectures import _inputs, _steps

    inputs, x = _inputs.read(spec, embedding=embedding)
    for _ in range(layers):
        x = _steps.MaskedConv1D(units, kernel, padding="same", activation="relu")(x)
    x = _steps.MaxOverSteps()(x)
    if dropout:
        x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(spec.outputs, name="readout")(x))


ARCHITECTURE = Architecture(
    summary="convolutions over time, maximum over the sequence",
    build=build,
    refuses=reads("sequence", "tokens", per_step=False),
    source="Collobert et al. 2011; Kim 2014",
    settings={
        "units": _settings.units(64, "filters of a convolution"),
        "layers": _settings.layers(2, "convolutions"),
        "kernel": Setting(5, "steps a filter sees", minimum=1),
        "dropout": _settings.dropout(0.2),
        "embedding": _settings.EMBEDDING,
    },
)

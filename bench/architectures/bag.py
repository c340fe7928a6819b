"""Bag of embeddings: the mean of a text's word vectors, then one hidden layer. It knows the words, not their order.

The baseline a sequence model on text has to beat. Source: Iyyer et al. 2015 (deep averaging network).
"""

from typing import TYPE_CHECKING

from bench.architecture import Architecture, InputSpec, reads
from bench.architectures import _settings

if TYPE_CHECKING:
    import keras


def build(spec: InputSpec, *, units: int, dropout: float, embedding: int) -> "keras.Model":
    """Mean of the real tokens' embeddings, a hidden ReLU layer, a linear readout."""
    import keras

    from bench.architectures import _inputs, _steps

    inputs, x = _inputs.read(spec, embedding=embedding)
    x = _steps.MeanOverSteps()(x)
    x = keras.layers.Dense(units, activation="relu")(x)
    if dropout:
        x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(spec.outputs, name="readout")(x))


ARCHITECTURE = Architecture(
    summary="mean of the word embeddings, then one hidden layer",
    build=build,
    refuses=reads("tokens", per_step=False),
    source="Iyyer et al. 2015",
    settings={
        "units": _settings.units(64, "units of the hidden layer"),
        "dropout": _settings.dropout(0.2),
        "embedding": _settings.EMBEDDING,
    },
    jit=True,
)

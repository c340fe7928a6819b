"""Transformer encoder, pre-norm: every step looks at every other, or at those before it.

Source: Vaswani et al. 2017; normalisation before each part, Xiong et al. 2020.
"""

from typing import TYPE_CHECKING, Any

from bench.architecture import Architecture, InputSpec, reads
from bench.architectures import _settings

if TYPE_CHECKING:
    import keras

HEADS = 4


def build(spec: InputSpec, *, units: int, layers: int, dropout: float, embedding: int) -> "keras.Model":
    """`layers` blocks of attention and a feed-forward part, then a linear readout.

    It reads every step; else the mean over the real steps, or the last real step where the spec is causal.
    """
    import keras

    from bench.architectures import _inputs, _steps

    inputs, x = _inputs.read(spec, embedding=embedding)
    x = _steps.Positions()(keras.layers.Dense(units, name="stem")(x))
    for _ in range(layers):
        x = _block(x, dropout, causal=spec.causal)
    x = keras.layers.LayerNormalization()(x)
    if not spec.per_step:
        x = (_steps.LastStep() if spec.causal else _steps.MeanOverSteps())(x)
    return keras.Model(inputs, keras.layers.Dense(spec.outputs, name="readout")(x))


def _block(x: Any, dropout: float, *, causal: bool) -> Any:
    from keras import layers

    units = x.shape[-1]
    key_dim = -(-units // HEADS)
    normed = layers.LayerNormalization()(x)
    attention = layers.MultiHeadAttention(HEADS, key_dim)(normed, normed, use_causal_mask=causal)
    x = layers.Add()([x, layers.Dropout(dropout)(attention)])
    # Twice the width, less what rounding the heads up has added: parameters are then 8 units^2 for every `units`
    # instead of jumping at each multiple of the heads, and can be matched.
    inner = max(4 * units - 2 * HEADS * key_dim, 1)
    y = layers.Dense(inner, activation="relu")(layers.LayerNormalization()(x))
    return layers.Add()([x, layers.Dropout(dropout)(layers.Dense(units)(y))])


ARCHITECTURE = Architecture(
    summary="pre-norm Transformer encoder, causal where the task is",
    build=build,
    refuses=reads("sequence", "tokens"),
    source="Vaswani et al. 2017; Xiong et al. 2020",
    settings={
        "units": _settings.units(64, "width of the model; the feed-forward part is twice as wide"),
        "layers": _settings.layers(2, "blocks of attention and feed-forward"),
        "dropout": _settings.dropout(0.1),
        "embedding": _settings.EMBEDDING,
    },
)

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

    The model is half of `units` wide, rounded down and at least 1; the unit that rounding drops widens the feed-forward
    part. Parameters so grow in half the steps of the width, fine enough to be matched.

    It reads every step; else the mean over the real steps, or the last real step where the spec is causal.
    """
    import keras

    from bench.architectures import _inputs, _steps

    inputs, x = _inputs.read(spec, embedding=embedding)
    x = _steps.Positions()(keras.layers.Dense(max(units // 2, 1), name="stem")(x))
    for _ in range(layers):
        x = _block(x, units, dropout, causal=spec.causal)
    x = keras.layers.LayerNormalization()(x)
    if not spec.per_step:
        x = (_steps.LastStep() if spec.causal else _steps.MeanOverSteps())(x)
    return keras.Model(inputs, keras.layers.Dense(spec.outputs, name="readout")(x))


def _block(x: Any, units: int, dropout: float, *, causal: bool) -> Any:
    from keras import layers

    width = x.shape[-1]
    key_dim = -(-width // HEADS)
    normed = layers.LayerNormalization()(x)
    attention = layers.MultiHeadAttention(HEADS, key_dim)(normed, normed, use_causal_mask=causal)
    x = layers.Add()([x, layers.Dropout(dropout)(attention)])
    # What attention leaves of 2 units^2 weights, about twice the width: roundings of the width and the heads then make
    # no jumps. Below 5 units attention takes them all, and the part is as wide as makes every unit count.
    inner = max(units**2 // width - 2 * HEADS * key_dim, min(units, 3))
    y = layers.Dense(inner, activation="relu")(layers.LayerNormalization()(x))
    return layers.Add()([x, layers.Dropout(dropout)(layers.Dense(width)(y))])


ARCHITECTURE = Architecture(
    summary="pre-norm Transformer encoder, causal where the task is",
    build=build,
    refuses=reads("sequence", "tokens"),
    source="Vaswani et al. 2017; Xiong et al. 2020",
    settings={
        "units": _settings.units(
            128, "twice the width of the model, which is rounded down; about the width of the feed-forward part"
        ),
        "layers": _settings.layers(2, "blocks of attention and feed-forward"),
        "dropout": _settings.dropout(0.1),
        "embedding": _settings.EMBEDDING,
    },
)

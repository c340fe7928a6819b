"""Temporal convolutional network: residual blocks of dilated causal convolutions that see the whole past.

Source: Bai, Kolter & Koltun 2018, without weight normalisation.
"""

from typing import TYPE_CHECKING, Any

from bench.architecture import Architecture, InputSpec, reads
from bench.architectures import _settings
from bench.setting import Setting

if TYPE_CHECKING:
    import keras

MAX_BLOCKS = 10
"""The most blocks a model gets; with a kernel of 3 they see 4,093 steps."""


def build(spec: InputSpec, *, units: int, kernel: int, dropout: float, embedding: int) -> "keras.Model":
    """As many blocks as it takes to see the whole sequence, then a linear readout of the last or of every step."""
    import keras

    from bench.architectures import _inputs, _steps

    inputs, x = _inputs.read(spec, embedding=embedding)
    x = keras.layers.Dense(-(-units // 2), name="stem")(x)
    for block in range(blocks(spec.shape[0], kernel)):
        x = _block(x, units // 2, kernel, 2**block, dropout)
    if not spec.per_step:
        x = _steps.LastStep()(x)
    return keras.Model(inputs, keras.layers.Dense(spec.outputs, name="readout")(x))


def receptive_field(blocks: int, kernel: int) -> int:
    """Steps that can reach an output of so many blocks: two convolutions a block, dilations 1, 2, 4, ..."""
    return 1 + 2 * (kernel - 1) * ((1 << blocks) - 1)


def blocks(steps: int, kernel: int) -> int:
    """The fewest blocks, at most MAX_BLOCKS, whose receptive field covers `steps`."""
    return next((n for n in range(1, MAX_BLOCKS) if receptive_field(n, kernel) >= steps), MAX_BLOCKS)


def _block(x: Any, inner: int, kernel: int, dilation: int, dropout: float) -> Any:
    from keras import layers

    from bench.architectures import _steps

    skip = x
    for filters in (max(inner, 1), x.shape[-1]):
        x = _steps.MaskedConv1D(filters, kernel, padding="causal", dilation_rate=dilation, activation="relu")(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
    return layers.ReLU()(layers.Add()([skip, x]))


ARCHITECTURE = Architecture(
    summary="dilated causal convolutions that see the whole past",
    build=build,
    refuses=reads("sequence", "tokens"),
    source="Bai, Kolter & Koltun 2018",
    settings={
        "units": _settings.units(64, "channels of a block: half on the residual path, half between its convolutions"),
        "kernel": Setting(3, "taps of a filter", minimum=2),
        "dropout": _settings.dropout(0.0),
        "embedding": _settings.EMBEDDING,
    },
)

"""Two-dimensional convolutional network: shared local filters, pooled step by step.

Source: LeCun et al. 1998; batch normalisation (Ioffe & Szegedy 2015).
"""

from typing import TYPE_CHECKING, Any

from bench.architecture import Architecture, InputSpec, reads
from bench.architectures import _settings
from bench.setting import Setting

if TYPE_CHECKING:
    import keras


def build(spec: InputSpec, *, units: int, dropout: float, kernel: int) -> "keras.Model":
    """Stages of convolution, batch normalisation, ReLU and pooling 2x2, then a linear readout of what is left.

    The first stage convolves with `kernel` x `kernel`, the others with 3x3.

    A stage for each time the shorter side can be halved while it is at least 4, one to three; widths double from stage
    to stage up to `units`.
    """
    import keras

    inputs = keras.Input(spec.shape, dtype="float32")
    x = inputs
    for depth, filters in enumerate(_widths(min(spec.shape[:2]), units)):
        x = _stage(x, filters, 3 if depth else kernel)
    x = keras.layers.Flatten()(x)
    if dropout:
        x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(spec.outputs, name="readout")(x))


def _widths(side: int, units: int) -> list[int]:
    # Rounded up and down in turn, so that parameters grow in small steps with `units`.
    widths = [-(-units // 4), max(units // 2, 1), units]
    stages = 1 + (side >= 8) + (side >= 16)
    return widths[-stages:]


def _stage(x: Any, filters: int, kernel: int) -> Any:
    from keras import layers

    # Without a bias: the normalisation takes the mean away and has a shift of its own.
    x = layers.Conv2D(filters, kernel, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return layers.MaxPooling2D(2)(x) if min(x.shape[1:3]) >= 2 else x


ARCHITECTURE = Architecture(
    summary="convolutional network over an image",
    build=build,
    refuses=reads("image"),
    source="LeCun et al. 1998; Ioffe & Szegedy 2015",
    settings={
        "units": _settings.units(128, "filters of the last stage; the stages before have a half and a quarter"),
        "dropout": _settings.dropout(0.2),
        "kernel": Setting(3, "side of the first stage's filters", minimum=1, maximum=31),
    },
)

"""Whether two models are one but for their weights, so that both may be trained by what is compiled of one."""

import re
from typing import Any, Final

import keras
import numpy as np

_COMPARED: Final = 4
"""Samples on which both must answer alike."""
_START: Final = ("unit_forget_bias",)
"""What a layer's configuration says of initial weights, beside initialisers."""


def alike(model: keras.Model, twin: keras.Model, x: np.ndarray) -> bool:
    """Whether layers and configurations are equal, initial weights apart, and both then compute the same of `x`.

    The first takes over the weights of the second. What cannot be compared is not alike.
    """
    try:
        return _configuration(model) == _configuration(twin) and _answers_alike(model, twin, x[:_COMPARED])
    except Exception:  # whatever Keras makes of a plug-in's model: it is then built alone, and fails there if it must
        return False


def _configuration(model: keras.Model) -> list[Any]:
    return [(type(layer), _lasting(layer.get_config())) for layer in model.layers]


def _answers_alike(model: keras.Model, twin: keras.Model, x: np.ndarray) -> bool:
    for variable, value in zip(model.variables, twin.variables, strict=True):
        variable.assign(value)
    found, expected = (keras.ops.convert_to_numpy(one(x, training=False)) for one in (model, twin))
    return np.array_equal(found, expected)


def _lasting(config: Any, key: str = "") -> Any:
    """The configuration of a layer without what decides its first weights, and the numbers that Keras gives names."""
    if isinstance(config, dict):
        left = {key for key in config if key not in _START and not key.endswith("_initializer")}
        return {key: _lasting(config[key], key) for key in left}
    if isinstance(config, list | tuple):
        return [_lasting(one) for one in config]
    return re.sub(r"_\d+$", "", config) if key == "name" and isinstance(config, str) else config

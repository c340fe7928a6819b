"""The first layers every arm shares: an input of the spec's shape and, for tokens, the embedding."""

from typing import Any

import keras

from bench.architecture import InputSpec


def read(spec: InputSpec, *, embedding: int) -> tuple[Any, Any]:
    """The input tensor (batch, *spec.shape) and what the arm works on.

    Tokens become (batch, time, embedding) with a mask that marks token 0 as padding; every other kind passes as it is.
    """
    if spec.kind != "tokens":
        inputs = keras.Input(spec.shape, dtype="float32")
        return inputs, inputs
    inputs = keras.Input(spec.shape, dtype="int32")
    return inputs, keras.layers.Embedding(spec.vocabulary, embedding, mask_zero=True, name="embedding")(inputs)

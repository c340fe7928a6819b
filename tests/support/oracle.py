"""The framework's own gradients, taken without bench.backends: what the bench's are compared with."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np


def gradients(function: Callable[..., Any], *arrays: np.ndarray) -> list[np.ndarray]:
    """Of a function of tensors that returns a scalar, with respect to each of them; zeros where it depends on none."""
    tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                tape.watch(tensors)
                value = function(*tensors)
            found = tape.gradient(value, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        case "jax":
            import jax

            found = jax.grad(function, argnums=tuple(range(len(tensors))))(*tensors)
        case "torch":
            import torch

            leaves = [tensor.detach().requires_grad_() for tensor in tensors]
            found = torch.autograd.grad(function(*leaves), leaves, materialize_grads=True)
    return [keras.ops.convert_to_numpy(gradient) for gradient in found]


def weight_gradients(loss: Callable[[], Any], variables: list[Any]) -> list[np.ndarray]:
    """Of a scalar loss, with respect to each Keras variable."""

    def of(*values: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return loss()

    return gradients(of, *[keras.ops.convert_to_numpy(variable) for variable in variables])

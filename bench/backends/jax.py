"""JAX."""

import os
import sys
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import keras
import numpy as np


def configure(threads: int) -> None:
    """Compute with that many threads, deterministically. Before anything computes: JAX reads this only once."""
    # Keras imports TensorFlow, where there is one, to set the seed of that too: 2 s and 400 MB, for nothing.
    sys.modules.setdefault("tensorflow", cast("Any", None))
    os.environ["NPROC"] = str(threads)  # XLA's name for the size of its pool on a CPU
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # else the first worker takes all of a GPU


def device() -> str:
    """'cpu', or the name of the GPU that computes."""
    first = jax.devices()[0]
    return "cpu" if first.platform == "cpu" else str(first.device_kind)


def compiles(wanted: bool) -> bool:
    """Whether Keras is to compile the training step: always, since JAX runs one operation at a time else."""
    return True


def dense(gradient: Any) -> Any:
    """A gradient as Keras hands it to an optimizer, which is dense already."""
    return gradient


def host(tensor: Any) -> np.ndarray:
    """The values of a tensor, not to be written to: a view where the device is the CPU, since copies take time."""
    return np.asarray(tensor)


def synchronize() -> None:
    """Wait until the device has done all it was given, so that a clock may be read."""
    jax.effects_barrier()
    jax.device_put(0.0).block_until_ready()  # a device runs what it is given in turn


def reset_peak_bytes() -> None:
    """Forget the most memory that the device has held so far: JAX cannot, so that a peak may be of what came before."""


def peak_bytes() -> int | None:
    """The most memory that the device has held; None on a CPU, whose memory is that of the process."""
    device = jax.devices()[0]
    return None if device.platform == "cpu" else int(device.memory_stats()["peak_bytes_in_use"])


def compiled(function: Callable[..., Any], variables: list[Any], *, jit: bool) -> Callable[..., Any]:
    """The function of tensors, compiled once for each set of shapes; it finds `variables` as they then stand."""
    run = jax.jit(_stateless(function, variables))
    return lambda *args: run([variable.value for variable in variables], *args)


def gradient(
    function: Callable[..., tuple[Any, Any]], variables: list[Any], *, jit: bool
) -> Callable[..., tuple[Any, Any]]:
    """`function(watched, *args)` returns a scalar and more tensors; the compiled result the gradient and the rest.

    The gradient is that of the scalar with respect to each tensor in `watched`, zeros where it does not depend on it.
    """
    run = jax.jit(jax.grad(_stateless(function, variables), argnums=1, has_aux=True))
    return lambda *args: cast("tuple[Any, Any]", run([variable.value for variable in variables], *args))


def _stateless(function: Callable[..., Any], variables: list[Any]) -> Callable[..., Any]:
    """The function with the variables' values in front of its arguments: compiled, it would hold the first ones."""

    def run(values: list[Any], *args: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*args)

    return run


def vjp(function: Callable[..., Any], inputs: tuple[Any, ...], cotangent: Any) -> tuple[Any, ...]:
    """The product of a cotangent (like the function's value) with the function's Jacobian at `inputs`."""
    return cast("tuple[Any, ...]", jax.vjp(function, *inputs)[1](cotangent))


def jacobian(function: Callable[[Any], Any], x: Any) -> Any:
    """Of a function of (batch, m) that returns (batch, n), row by row: (batch, n, m)."""
    y, back = jax.vjp(function, jnp.asarray(x))
    rows = jax.vmap(lambda unit: back(jnp.broadcast_to(unit, y.shape))[0])(jnp.eye(y.shape[-1]))
    return jnp.moveaxis(rows, 0, 1)

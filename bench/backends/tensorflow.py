"""TensorFlow."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import tensorflow as tf

from bench.backends import ask_xla
from bench.step import Step


def configure(threads: int) -> None:
    """Compute with that many threads, deterministically.

    On a CPU with a fixed number of threads TensorFlow's kernels are deterministic as they are, and its determinism
    switch would turn XLA off, which makes recurrent loops 2-3 times slower; on a GPU the switch is needed. Products
    there are those of float32, as on every backend.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:  # compiled in some five sixths of the time of XLA's third level, the default, and as fast
        ask_xla(first="--xla_backend_optimization_level=2")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # else the first worker takes all of it
        tf.config.experimental.enable_op_determinism()
        tf.config.experimental.enable_tensor_float_32_execution(False)


def device() -> str:
    """'cpu', or the name of the GPU that computes."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "cpu"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name))


def compiles(wanted: bool) -> bool:
    """Whether Keras is to compile the training step, with XLA: where the architecture wants it."""
    return wanted


def dense(gradient: Any) -> Any:
    """A gradient as Keras hands it to an optimizer; an embedding's is a list of slices, which may repeat a row."""
    return tf.convert_to_tensor(gradient)


def host(tensor: Any) -> np.ndarray:
    """The values of a tensor, not to be written to: a view where the device is the CPU, since copies take time."""
    return np.asarray(memoryview(tensor))


def synchronize() -> None:
    """Wait until the device has done all it was given, so that a clock may be read."""
    tf.test.experimental.sync_devices()


def loads() -> int:
    """How many programs were loaded so far that another process had compiled: none."""
    return 0


def reset_peak_bytes() -> None:
    """Forget the most memory that the device has held so far."""
    for gpu in tf.config.list_logical_devices("GPU"):
        tf.config.experimental.reset_memory_stats(gpu.name)


def peak_bytes() -> int | None:
    """The most memory that the device has held since; None on a CPU, whose memory is that of the process."""
    gpus = tf.config.list_logical_devices("GPU")
    return max((int(tf.config.experimental.get_memory_info(gpu.name)["peak"]) for gpu in gpus), default=None)


def stepper(model: Any) -> Step:
    """The training step of a model that is compiled for training."""
    return Step(model)


def compiled(function: Callable[..., Any], variables: list[Any], *, jit: bool) -> Callable[..., Any]:
    """The function of tensors, traced once for each set of shapes; it finds `variables` as they then stand."""
    return cast("Callable[..., Any]", tf.function(function, jit_compile=jit, autograph=False))


def gradient(
    function: Callable[..., tuple[Any, Any]], variables: list[Any], *, jit: bool
) -> Callable[..., tuple[Any, Any]]:
    """`function(watched, *args)` returns a scalar and more tensors; the compiled result the gradient and the rest.

    The gradient is that of the scalar with respect to each tensor in `watched`, zeros where it does not depend on it.
    """

    @tf.function(jit_compile=jit, autograph=False)  # Keras traces its own steps as they stand too
    def run(watched: dict[str, Any], *args: Any) -> tuple[Any, Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            value, more = function(watched, *args)
        return tape.gradient(value, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO), more

    return cast("Callable[..., tuple[Any, Any]]", run)


def vjp(function: Callable[..., Any], inputs: tuple[Any, ...], cotangent: Any) -> tuple[Any, ...]:
    """The product of a cotangent (like the function's value) with the function's Jacobian at `inputs`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        value = function(*inputs)
    return tuple(tape.gradient(value, inputs, cotangent, unconnected_gradients=tf.UnconnectedGradients.ZERO))


def jacobian(function: Callable[[Any], Any], x: Any) -> Any:
    """Of a function of (batch, m) that returns (batch, n), row by row: (batch, n, m)."""
    x = tf.convert_to_tensor(x)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = function(x)
    return tape.batch_jacobian(y, x)

"""JAX."""

import os
import sys
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import keras
import numpy as np

from bench.backends import ask_xla, computes_on_gpu
from bench.step import Step

_LOADS: list[str] = []
jax.monitoring.register_event_listener(
    lambda event, **_: _LOADS.append(event) if event == "/jax/compilation_cache/cache_hits" else None
)


def configure(threads: int) -> None:
    """Compute with that many threads, deterministically. Before anything computes: JAX reads this only once.

    Products are those of float32: on a GPU JAX, and TensorFlow, would round the factors to 10 bits (TF32) and PyTorch
    some of them, so that the same weights had other gradients on each.
    """
    # Keras imports TensorFlow, where there is one, to set the seed of that too: 2 s and 400 MB, for nothing.
    sys.modules.setdefault("tensorflow", cast("Any", None))
    os.environ["NPROC"] = str(threads)  # XLA's name for the size of its pool on a CPU
    # Of XLA's third level, the default, programs are compiled in 0.55 to 0.98 of the time, and run in 0.93 to 1.03.
    level = "" if computes_on_gpu("jax") else "--xla_backend_optimization_level=2"
    ask_xla(first=level, last="--xla_gpu_deterministic_ops=true")
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # else the first worker takes all of a GPU
    # Else a CPU computes in the background, and nothing waits for a result that nobody keeps.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    jax.config.update("jax_default_matmul_precision", "float32")


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
    """Wait until the device has done all it was given, so that a clock may be read. After `configure`."""
    jax.effects_barrier()
    jnp.zeros(()).block_until_ready()  # a GPU runs what it is given in turn, and a CPU at once


def loads() -> int:
    """How many programs were loaded so far that another process had compiled."""
    return len(_LOADS)


def reset_peak_bytes() -> None:
    """Forget the most memory that the device has held so far: JAX cannot, so that a peak may be of what came before."""


def peak_bytes() -> int | None:
    """The most memory that the device has held; None on a CPU, whose memory is that of the process."""
    device = jax.devices()[0]
    return None if device.platform == "cpu" else int(device.memory_stats()["peak_bytes_in_use"])


def stepper(model: Any) -> Step:
    """The training step of a model that is compiled for training."""
    return _Step(model)


class _Step(Step):
    """Keeps the variables' values from step to step, as `fit` does: `train_on_batch` gathers and assigns them all,
    which takes longer than many a step. While they are kept the variables hold deleted arrays, and reading one raises.
    """

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.variables: tuple[list[Any], ...] = ()
        self.state: tuple[list[Any], ...] | None = None
        self.metrics: list[np.ndarray] | None = None

    def reset(self) -> None:
        """Nothing: every step starts from metrics that are zero."""

    def __call__(self, x: np.ndarray, y: np.ndarray) -> float:
        """Train on a batch; its loss. Keras takes the first step itself: it builds what it has not built yet."""
        if self.metrics is None:
            super().reset()
            loss = super().__call__(x, y)
            self.model.reset_metrics()
            self.metrics = [np.array(variable) for variable in self.model.metrics_variables]
            return loss
        state, self.state = self.state or self._taken(), None  # a step that fails leaves nothing to go on from
        logs, (*state, _) = self.model.train_function((*state, self.metrics), iter([(x, y, None)]))
        loss = float(logs["loss"])
        self.state = tuple(state)
        return loss

    def sync(self) -> None:
        """Put what the steps made of the variables into the model; the next step takes them as they then stand.

        Raises RuntimeError where one was assigned since the last step: the step would undo it.
        """
        if self.state is None:
            return
        state, self.state = self.state, None
        pairs = [pair for part in zip(self.variables, state, strict=True) for pair in zip(*part, strict=True)]
        for variable, _ in pairs:
            if not variable.value.is_deleted():
                raise RuntimeError(f"{variable.path} was assigned after a training step without sync()")
        for variable, value in pairs:
            variable.assign(value)

    def _taken(self) -> tuple[list[Any], ...]:
        """The values of the variables, in the order that Keras's step takes them in."""
        model = self.model
        self.variables = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
        return tuple([variable.value for variable in variables] for variables in self.variables)


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

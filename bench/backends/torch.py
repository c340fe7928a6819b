"""PyTorch."""

import os
import sys
from collections.abc import Callable
from typing import Any, cast

import keras
import numpy as np
import torch

from bench.step import Step


def configure(threads: int) -> None:
    """Compute with that many threads, deterministically. On a CPU with a fixed number PyTorch's kernels are so.

    On a GPU products, convolutions and recurrences are those of float32, as on every backend.
    """
    # Keras imports TensorFlow, where there is one, to set the seed of that too: 2 s and 400 MB, for nothing.
    sys.modules.setdefault("tensorflow", cast("Any", None))
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    if torch.cuda.is_available():
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it cuBLAS refuses to be deterministic
        torch.use_deterministic_algorithms(True)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


def device() -> str:
    """'cpu', or the name of the GPU that computes."""
    return str(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else "cpu"


def compiles(wanted: bool) -> bool:
    """Whether Keras is to compile the training step: never, since PyTorch's compiler unrolls every loop."""
    return False


def dense(gradient: Any) -> Any:
    """A gradient as Keras hands it to an optimizer, which is dense already."""
    return gradient


def host(tensor: Any) -> np.ndarray:
    """The values of a tensor, not to be written to: a view where the device is the CPU, since copies take time."""
    return cast("np.ndarray", tensor.detach().cpu().numpy())


def synchronize() -> None:
    """Wait until the device has done all it was given, so that a clock may be read."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def loads() -> int:
    """How many programs were loaded so far that another process had compiled: none."""
    return 0


def reset_peak_bytes() -> None:
    """Forget the most memory that the device has held so far."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_bytes() -> int | None:
    """The most memory that the device has held since; None on a CPU, whose memory is that of the process."""
    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else None


def stepper(model: Any) -> Step:
    """The training step of a model that is compiled for training."""
    return Step(model)


def compiled(function: Callable[..., Any], variables: list[Any], *, jit: bool) -> Callable[..., Any]:
    """The function of tensors, run as it is; it finds `variables` as they stand."""
    return cast("Callable[..., Any]", torch.no_grad()(function))


def gradient(
    function: Callable[..., tuple[Any, Any]], variables: list[Any], *, jit: bool
) -> Callable[..., tuple[Any, Any]]:
    """`function(watched, *args)` returns a scalar and more tensors; the result returns the gradient and the rest.

    The gradient is that of the scalar with respect to each tensor in `watched`, zeros where it does not depend on it.
    """

    def run(watched: dict[str, Any], *args: Any) -> tuple[Any, Any]:
        leaves = {key: tensor.detach().requires_grad_() for key, tensor in watched.items()}
        value, more = function(leaves, *args)
        return dict(zip(leaves, _pulled(value, tuple(leaves.values())), strict=True)), more

    return run


def vjp(function: Callable[..., Any], inputs: tuple[Any, ...], cotangent: Any) -> tuple[Any, ...]:
    """The product of a cotangent (like the function's value) with the function's Jacobian at `inputs`."""
    with torch.enable_grad():  # a backward pass, where this is called, has turned it off
        leaves = tuple(part.detach().requires_grad_() for part in inputs)
        return _pulled(function(*leaves), leaves, cotangent)


def jacobian(function: Callable[[Any], Any], x: Any) -> Any:
    """Of a function of (batch, m) that returns (batch, n), row by row: (batch, n, m)."""
    leaf = keras.ops.convert_to_tensor(x).requires_grad_()
    y = function(leaf)
    rows = [_pulled(y, (leaf,), unit.expand_as(y), again=True)[0] for unit in torch.eye(y.shape[-1]).to(y)]
    return torch.stack(rows, dim=1).cpu()


def _pulled(values: Any, leaves: tuple[Any, ...], cotangents: Any = None, *, again: bool = False) -> tuple[Any, ...]:
    """Gradients with respect to the leaves, zeros where nothing depends on one; `again`: may be asked again."""
    if not leaves:
        return ()
    found = torch.autograd.grad(values, leaves, cotangents, retain_graph=again, materialize_grads=True)
    return cast("tuple[Any, ...]", found)

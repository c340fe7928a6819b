"""The only files that import a framework. Each has the same few functions; a worker loads the one it runs on.

`configure(threads)` before anything computes; `device()` names what computes; `compiles` and `dense` say what Keras
makes of a step and its gradients there; `host` reads a tensor; `compiled` runs; `gradient`, `vjp` and `jacobian`
differentiate; `synchronize` waits for the device before a clock is read, `reset_peak_bytes` and `peak_bytes` tell what
memory it took.

What is told apart without importing a framework is here, so that changing it changes no cell's id (bench.sources).
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from bench.errors import UsageError

_UNUSED = ("sklearn", "matplotlib", "pandas")
"""What Keras imports where it is there, for wrappers and plots that no worker needs."""
_MEMORY_ERRORS = ("ResourceExhaustedError", "OutOfMemoryError")
"""Of TensorFlow, and of PyTorch on a GPU."""
_MEMORY_MESSAGES = ("RESOURCE_EXHAUSTED", "DefaultCPUAllocator")
"""In a RuntimeError, or a type made from it: of JAX, and of PyTorch on a CPU."""


@cache
def load(name: str) -> ModuleType:
    """The module of a backend; importing it imports the framework, and Keras."""
    with _without(*_UNUSED), _uncollected():
        module = import_module(f"{__name__}.{name}")
        import_module("keras")  # TensorFlow's module does not need it yet
    return module


@contextmanager
def _without(*packages: str) -> Iterator[None]:
    """Those not imported yet cannot be for as long as this lasts: a quarter of a worker's start."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: the import fails, as documented
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for garbage, which takes a quarter of TensorFlow's import and finds none, then or later: what was
    imported stays. Once a process: a model that is there as this ends would stay too.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def require(name: str) -> None:
    """Raises UsageError where the framework of a backend is not installed; imports nothing."""
    if find_spec(name) is None:
        raise UsageError(f"backend {name} is not installed: pip install 'archbench[{name}]' or choose another one")


def computes_on_gpu(name: str) -> bool:
    """Whether the backend as it is installed computes on a CUDA GPU where there is one; imports nothing.

    Wheels for CPUs alone do not, and would leave the GPU idle and all cores but one too.
    """
    if name == "jax":
        return any(find_spec(f"jax_cuda{version}_plugin") is not None for version in (12, 13))
    if name == "torch":
        spec = find_spec("torch")
        return spec is not None and (Path(str(spec.origin)).parent / "lib" / "libtorch_cuda.so").exists()
    wheel = find_spec("nvidia") is not None and find_spec("nvidia.cudnn") is not None
    return wheel or find_library("cudnn") is not None


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, be it Python's, NumPy's or a framework's."""
    if isinstance(error, RuntimeError):
        named = any(message in str(error) for message in _MEMORY_MESSAGES)
    else:
        named = isinstance(error, MemoryError)
    return named or type(error).__name__ in _MEMORY_ERRORS

"""The only files that import a framework. Each has the same few functions; a worker loads the one it runs on.

`configure(threads)` before anything computes; `device()` names what computes; `compiles` and `dense` say what Keras
makes of a step and its gradients there; `host` reads a tensor; `compiled` runs; `gradient`, `vjp` and `jacobian`
differentiate; `loads` counts what was loaded instead of compiled; `synchronize` waits for the device before a clock is
read, `reset_peak_bytes` and `peak_bytes` tell what memory it took.

What is told apart without importing a framework is here, so that changing it changes no cell's id (bench.sources).
"""

import os
from ctypes.util import find_library
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from bench.errors import UsageError
from bench.garbage import uncollected
from bench.imports import without

_UNUSED = ("sklearn", "matplotlib", "pandas")
"""What Keras imports where it is there, for wrappers and plots that no worker needs: a quarter of its start."""
_CACHE = (
    "JAX_ENABLE_COMPILATION_CACHE",
    "JAX_COMPILATION_CACHE_MAX_SIZE",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES",
    "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES",
    "JAX_RAISE_PERSISTENT_CACHE_ERRORS",
)
"""What else a user may have set of how JAX keeps what it compiles."""
_MEMORY_ERRORS = ("ResourceExhaustedError", "OutOfMemoryError")
"""Of TensorFlow, and of PyTorch on a GPU."""
_MEMORY_MESSAGES = ("RESOURCE_EXHAUSTED", "DefaultCPUAllocator")
"""In a RuntimeError, or a type made from it: of JAX, and of PyTorch on a CPU."""


@cache
def load(name: str) -> ModuleType:
    """The module of a backend; importing it imports the framework, and Keras."""
    with without(*_UNUSED), uncollected():
        module = import_module(f"{__name__}.{name}")
        import_module("keras")  # TensorFlow's module does not need it yet
    return module


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


def shares(name: str) -> bool:
    """Whether a process on the backend can load what another has compiled, so that it is compiled once a run."""
    return name == "jax"


def compiled_in(folder: Path | None) -> dict[str, str | None]:
    """The environment, None for what is not to be in it, of processes that share in `folder` what they compile.

    Of None, and of other folders, they take nothing: what an earlier run has compiled would take no time in this one.
    """
    found = dict.fromkeys(_CACHE) | {"JAX_COMPILATION_CACHE_DIR": None if folder is None else str(folder)}
    # By default JAX keeps nothing that is compiled within a second.
    return found if folder is None else found | {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


def ask_xla(*, first: str = "", last: str = "") -> None:
    """Ask XLA, before it starts, for what the user may override and for what not. A file of flags is left as it is."""
    given = os.environ.get("XLA_FLAGS", "").strip()
    if not given or given.startswith("-"):
        os.environ["XLA_FLAGS"] = " ".join(filter(None, [first, given, last]))


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, be it Python's, NumPy's or a framework's."""
    if isinstance(error, RuntimeError):
        named = any(message in str(error) for message in _MEMORY_MESSAGES)
    else:
        named = isinstance(error, MemoryError)
    return named or type(error).__name__ in _MEMORY_ERRORS

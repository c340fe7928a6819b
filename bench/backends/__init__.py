"""The only files that import a framework. Each has the same few functions; a worker loads the one it runs on.

`configure(threads)` before anything computes; `device()` names what computes; `gradient` and `jacobian` differentiate;
`synchronize` waits for the device before a clock is read, `reset_peak_bytes` and `peak_bytes` tell what memory it took.
"""

from importlib import import_module
from types import ModuleType


def load(name: str) -> ModuleType:
    """The module of a backend; importing it imports the framework."""
    return import_module(f"{__name__}.{name}")

"""The only files that import a framework. Each has the same few functions; a worker loads the one it runs on.

`configure(threads)` before anything computes; `device()` names what computes; `gradient` and `jacobian` differentiate.
"""

from importlib import import_module
from types import ModuleType


def load(name: str) -> ModuleType:
    """The module of a backend; importing it imports the framework."""
    return import_module(f"{__name__}.{name}")

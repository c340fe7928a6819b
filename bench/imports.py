"""Imports that take less time: of what nobody here needs nothing is imported, and garbage is not looked for; nor is it
where thousands of records are read."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Those not imported yet cannot be for as long as this lasts: for libraries that can do without, and then do so as
    long as the process lives."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: the import fails, as documented
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


@contextmanager
def uncollected() -> Iterator[None]:
    """Without looking for garbage, which takes a quarter of TensorFlow's import and a seventh of what `show` of 10,000
    records does, and finds none, then or later: what was imported or read stays. Once a process: a model that is there
    as this ends would stay too.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()

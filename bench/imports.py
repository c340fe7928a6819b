"""Imports that take less time, since of what nobody here needs nothing is imported."""

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

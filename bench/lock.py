"""A lock on a folder that ends with the processes that hold it, however they end."""

import io
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.errors import StoreError

try:
    import fcntl
except ImportError:  # not on this system: nobody is kept out
    fcntl = None  # type: ignore[assignment]

_ENDING_SECONDS = 5.0
"""How long the workers of a killed run may take to notice."""


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the lock file `path`; the kernel lets go of it when this process and all who inherit the file have ended.

    Yields the file's descriptor. Raises StoreError where another process holds it, saying which, and OSError where the
    file cannot be opened. Without fcntl, or on a file system that cannot lock, nobody is kept out.
    """
    with path.open("a+", encoding="utf-8") as file:
        _acquire(file, path.parent)
        file.truncate(0)
        file.write(f"{os.getpid()} on {platform.node()}")
        file.flush()
        yield file.fileno()


def _acquire(file: io.TextIOWrapper, folder: Path) -> None:
    end = time.monotonic() + _ENDING_SECONDS
    while fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            file.seek(0)
            holder = file.read(100)
            pid = holder.partition(" ")[0]
            if (pid.isdecimal() and psutil.pid_exists(int(pid))) or time.monotonic() > end:
                raise StoreError(
                    f"{folder}: a run is under way in this folder, process {holder or 'unknown'};"
                    " wait until it ends, or choose another --out"
                ) from None
            time.sleep(0.1)  # its process was killed, and the workers are about to notice
        except OSError:
            return

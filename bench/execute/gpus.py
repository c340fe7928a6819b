"""Which GPUs workers share out, one each. Looks without importing a framework: the parent never does."""

import os
from itertools import takewhile
from pathlib import Path

from bench import backends

_DRIVER = Path("/proc/driver/nvidia/gpus")


def gpus(backend: str) -> list[str]:
    """What CUDA_VISIBLE_DEVICES calls each GPU that workers on a backend may have; empty where they compute on the CPU.

    The list of that variable where it is set (empty, or -1: none), else all of the machine.
    """
    count = _count()
    if not count or not backends.computes_on_gpu(backend):
        return []
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = map(str, range(count)) if given is None else (name.strip() for name in given.split(","))
    return list(takewhile(lambda name: _there(name, count), names))  # CUDA too stops at the first that is not


def _there(name: str, count: int) -> bool:
    """A number below the count, or the name of one, which CUDA looks up."""
    return 0 <= int(name) < count if name.lstrip("-").isdecimal() else bool(name)


def _count() -> int:
    """How many GPUs the driver knows."""
    try:
        import pynvml  # noqa: PLC0415  # an extra; without it the driver's own folder is counted

        pynvml.nvmlInit()
        try:
            return int(pynvml.nvmlDeviceGetCount())
        finally:
            pynvml.nvmlShutdown()
    except ImportError:
        pass
    except pynvml.NVMLError:  # no driver that answers
        return 0
    try:
        return len(list(_DRIVER.iterdir()))
    except OSError:
        return 0

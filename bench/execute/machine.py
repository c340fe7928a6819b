"""Facts about this machine and the installed code, for a record's conditions."""

import os
import platform
from importlib.metadata import version

import psutil

import bench


def machine() -> dict[str, str | int]:
    """Processor, cores, memory in bytes and operating system."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
    }


def libraries(backend: str) -> dict[str, str]:
    """Versions of Python and of what computes."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("keras", "numpy", backend)}}


def code_version(source: str) -> str:
    """The version of archbench and the hash of the source that decides the numbers."""
    return f"{bench.__version__}+{source}"


def affinity() -> list[int]:
    """Processors this process may run on; empty where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()

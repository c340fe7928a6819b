"""Facts about this machine and the installed code, for a record's conditions."""

import os
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import psutil

import bench
from bench.plan import Cell
from bench.record import Conditions
from bench.stream import data_hash
from bench.task import Data, Split


def conditions(cell: Cell, device: str) -> Callable[[Data], Conditions]:
    """Where and with what this process computes a cell, as a function of the cell's data."""
    return lambda data: Conditions(
        code=code_version(cell.sources["harness"]),
        libraries=libraries(cell.backend),
        machine=machine(),
        device=device,
        threads=cell.threads,
        affinity=affinity(),
        data_hash=data_hash(data),
        train_samples=len(data.train.x) if isinstance(data.train, Split) else None,
        validation_samples=len(data.validation.x),
        test_samples=len(data.test.x),
    )


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


def cores() -> int:
    """How many processors there are for this process."""
    return len(affinity()) or os.cpu_count() or 1


def most_workers(threads: int, gpus: Sequence[str]) -> int:
    """As many as there are cores for, of so many threads each, and, where GPUs compute, GPUs; at least one."""
    most = max(1, cores() // threads)
    return min(most, len(gpus) or most)


def pin(cpus: Sequence[int]) -> None:
    """Pin every thread that is there: setting the affinity of a process sets that of its first thread alone."""
    if not cpus or not hasattr(os, "sched_setaffinity"):
        return
    os.sched_setaffinity(0, cpus)
    with suppress(FileNotFoundError):
        for thread in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cpus)


def cpus_of(group: int, threads: int) -> list[int]:
    """The processors of a core group of so many threads; none where the system cannot pin or has no such group."""
    own = affinity()[group * threads : (group + 1) * threads]
    return own if len(own) == threads else []


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()

"""What `archbench doctor` finds: whether runs will work here, whether their timings can be trusted, what to mend."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal

import psutil

import bench
from bench.catalogue import Catalogue
from bench.errors import DataError, count
from bench.execute.gpus import gpus
from bench.execute.machine import affinity, cores, cpus_of, machine, most_workers
from bench.execute.process import environment
from bench.files import data_home
from bench.store import write_atomic
from bench.suite import BACKENDS

Level = Literal["ok", "note", "problem"]
GIB: Final = 2**30
NOISY: Final = 1.05
"""Noise of a matrix product beyond which timings of cells tell little."""
_BUSY: Final = 0.5
"""Load a core, beside this program, from which on others are at work."""
_SLOW_WRITE_SECONDS: Final = 0.1
_RECORD_BYTES: Final = 64 * 1024
_WRITES: Final = 10
_PATIENCE_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at. A note may be left as it is, a problem makes runs fail; either says what to do."""

    name: str
    level: Level
    value: str
    advice: str | None = None


Checkup = Callable[[str, int], Mapping[str, Any]]
"""(backend, threads) -> what bench.execute.checkup answers. Raises RuntimeError with the reason where it cannot."""


def findings(catalogue: Catalogue, out: Path, *, backend: str, threads: int, checkup: Checkup) -> Iterator[Finding]:
    """Everything that is looked at, one after another; the backend, which takes seconds, last."""
    yield Finding("archbench", "ok", f"{bench.__version__} on Python {platform.python_version()}")
    yield from _machine(backend, threads)
    yield from _results(out)
    yield from _data(catalogue)
    yield from _backends(backend)
    yield from _computing(backend, threads, checkup)


def run_checkup(backend: str, threads: int) -> Mapping[str, Any]:
    """Measure a backend in a process of its own. RuntimeError with the last line it said where it fails."""
    cpus = ",".join(map(str, cpus_of(0, threads)))
    try:
        done = subprocess.run(  # noqa: S603  # our own module, arguments as a list
            [sys.executable, "-P", "-m", "bench.execute.checkup", backend, str(threads), cpus],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment(backend, threads),
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"no answer after {_PATIENCE_SECONDS:g} s") from None
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1])
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _machine(backend: str, threads: int) -> Iterator[Finding]:
    found, here = machine(), cores()
    yield Finding("processor", "ok", f"{found['processor']}, {found['cores']} cores, {found['system']}")
    if not affinity():
        yield Finding("pinning", "note", "this system cannot pin", "expect more noise in timings than on Linux")
    elif threads > here:
        more = f"choose --threads up to {here}, or allow this process more processors"
        yield Finding("pinning", "note", f"{threads} threads for {here} processors", more)
    else:
        found_gpus = gpus(backend)
        workers = count(most_workers(threads, found_gpus), "worker")
        each = f" of {count(threads, 'thread')}" + (", one a GPU" if found_gpus else "")
        yield Finding("pinning", "ok", f"{count(here, 'processor')} for {workers}{each}")
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        busy = load / here > _BUSY
        advice = "end other programs before timing: they take the cores" if busy else None
        yield Finding("load", "note" if busy else "ok", f"{load:.1f} over the last minute", advice)
    memory = psutil.virtual_memory().available
    scarce = memory < 2 * GIB
    less = "a worker takes 1 GiB or more: end other programs, or use --workers 1" if scarce else None
    yield Finding("memory", "note" if scarce else "ok", f"{memory / GIB:.1f} GiB free", less)


def _results(out: Path) -> Iterator[Finding]:
    """The nearest folder that exists is written to, and left as it was."""
    try:
        out.is_dir()  # raises for a name that is too long, or may not be looked at
        folder = next(path for path in (out, *out.resolve().parents) if path.exists())
        if not folder.is_dir():
            yield Finding("results", "problem", f"{folder} is a file", "choose another --out")
            return
    except OSError as error:
        yield Finding("results", "problem", f"cannot write to {out}: {error.strerror}", "choose another --out")
        return
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".archbench-") as inside:
            start = time.perf_counter()
            for number in range(_WRITES):
                write_atomic(Path(inside) / f"{number}.json", b"x" * _RECORD_BYTES)
            seconds = (time.perf_counter() - start) / _WRITES
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding("results", "problem", f"cannot write to {folder}: {error.strerror}", "choose another --out")
        return
    slow, full = seconds > _SLOW_WRITE_SECONDS, free < GIB
    advice = "name an --out on a local disk" if slow else "make room, or name another --out" if full else None
    value = f"{folder}: {1e3 * seconds:.1f} ms a record of 64 KiB, {free / GIB:.0f} GiB free"
    yield Finding("results", "note" if advice else "ok", value, advice)


def _data(catalogue: Catalogue) -> Iterator[Finding]:
    ready: list[str] = []
    missing: list[str] = []
    for name, entry in sorted(catalogue.tasks.items()):
        try:
            for file in entry.value.files:
                (ready if file.path.exists() else missing).append(name)
                if file.path.exists():
                    file.verified()
        except DataError as error:
            yield Finding("data", "problem", str(error), f"archbench data fetch {name}")
    lie = ", ".join(dict.fromkeys(ready)) or "no data sets"
    advice = f"archbench data fetch {' '.join(dict.fromkeys(missing))}" if missing else None
    without = f", without {', '.join(dict.fromkeys(missing))}" if missing else ""
    yield Finding("data", "note" if missing else "ok", f"{data_home()}: {lie}{without}", advice)


def _backends(chosen: str) -> Iterator[Finding]:
    for name in BACKENDS:
        found = _version(name)
        if found is not None:
            yield Finding(name, "ok", f"{found} with Keras {_version('keras')}")
        else:
            level: Level = "problem" if name == chosen else "note"
            yield Finding(name, level, "not installed", _how(name))


def _how(backend: str) -> str:
    return "pip install tensorflow" if backend == "tensorflow" else f"pip install 'archbench[{backend}]'"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _computing(backend: str, threads: int, checkup: Checkup) -> Iterator[Finding]:
    if _version(backend) is None:
        return
    try:
        found = checkup(backend, threads)
    except RuntimeError as error:
        reinstall = f"reinstall it: pip install --force-reinstall {backend}"
        yield Finding("device", "problem", f"{backend} does not run: {error}", reinstall)
        return
    pinned = f"pinned to {', '.join(map(str, found['affinity']))}" if found["affinity"] else "not pinned"
    rate = f"{found['rate'] / 1e9:.0f} GFLOP/s in a matrix product"
    yield Finding("device", "ok", f"{found['device']}, {threads} thread{'s' * (threads > 1)} {pinned}; {rate}")
    noisy = found["noise"] > NOISY
    advice = "end other programs, fix the clock rate, and compare only what took turns" if noisy else None
    value = f"the same product, timed twice, differs by up to {100 * (found['noise'] - 1):.1f} %"
    yield Finding("noise", "note" if noisy else "ok", value, advice)

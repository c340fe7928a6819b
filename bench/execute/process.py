"""What the system knows of a worker's process group: its memory, its end, what it printed last."""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Set
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

import bench
from bench import backends

_VMSTAT = Path("/proc/vmstat")
_TAIL_LINES = 3
_TAIL_BYTES = 64 * 1024
_KEPT_BYTES = 2**31
"""What glibc's malloc keeps of freed memory, and the size from which on it asks the system for each piece anew: to hand
tens of MB back and forth at every step takes a third of an LSTM's step over 400 steps. Other systems do not read it."""


def signal_group(pid: int, signum: signal.Signals) -> None:
    """Send a signal to the process group that `pid` leads, if there still is one."""
    with suppress(ProcessLookupError, PermissionError):  # macOS: PermissionError where only a zombie is left
        os.killpg(pid, signum)


def group_bytes(leaders: Set[int]) -> Counter[int]:
    """Resident bytes of the process groups of these leaders; pages that processes share count in each of them."""
    held: Counter[int] = Counter()
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError, psutil.Error):
            if (leader := os.getpgid(pid)) in leaders:
                held[leader] += psutil.Process(pid).memory_info().rss
    return held


def oom_kills() -> int:
    """How many processes of this machine the kernel has killed for want of memory; 0 where it does not say."""
    try:
        lines = _VMSTAT.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def tail(log: Path, start: int) -> str:
    """The last lines of a log from byte `start` on, on one line; "none" where there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(start, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-_TAIL_LINES:]) or "none"


def environment(backend: str, threads: int, gpu: str | None = None, compiled: Path | None = None) -> dict[str, str]:
    """What a worker finds around it: the backend, its threads, its GPU alone, and this very copy of the bench.

    `compiled`: a folder of the run for what its workers compile (bench.backends.shares).
    """
    found: dict[str, str | None] = {
        **os.environ,
        **backends.compiled_in(compiled),
        "KERAS_BACKEND": backend,
        "OMP_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        "MALLOC_MMAP_THRESHOLD_": os.environ.get("MALLOC_MMAP_THRESHOLD_", str(_KEPT_BYTES)),
        "MALLOC_TRIM_THRESHOLD_": os.environ.get("MALLOC_TRIM_THRESHOLD_", str(_KEPT_BYTES)),
    }
    if gpu is not None:
        found["CUDA_VISIBLE_DEVICES"] = gpu
    home = Path(bench.__file__).parents[1]
    if home.name not in ("site-packages", "dist-packages"):  # a checkout that is not installed; -P hides it
        found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(home), os.environ.get("PYTHONPATH")]))
    return {name: value for name, value in found.items() if value is not None}


def end(process: "subprocess.Popen[str]", grace: float = 5.0) -> None:
    """End a process and whatever it started: politely, then not."""
    signal_group(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    signal_group(process.pid, signal.SIGKILL)
    process.wait()


def close(pipe: IO[str] | None) -> None:
    """Close a pipe that nobody may be left to read."""
    assert pipe is not None
    with suppress(BrokenPipeError):  # the worker is gone, and what was still to be flushed with it
        pipe.close()

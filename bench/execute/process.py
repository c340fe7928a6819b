"""What the system knows of a worker's process group: its memory, its end, what it printed last."""

import os
import signal
from collections import Counter
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

import psutil

_VMSTAT = Path("/proc/vmstat")
_TAIL_LINES = 3
_TAIL_BYTES = 64 * 1024


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

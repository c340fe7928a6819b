"""What memory a run takes: of the command that a user starts, and of each worker.

    python benchmarks/memory.py                                         # every architecture that fits CIFAR-10
    python benchmarks/memory.py --run vanishing --out results/vanishing # any run; a folder that has it trains little

Prints the peaks of resident memory, and what the run itself printed last. Works where /proc does (Linux). Other
processes do no harm.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

CIFAR = ["--task", "cifar10", "--steps", "300", "--seeds", "1", "--quiet"]
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def peak_megabytes(pid: int) -> float | None:
    """The most that a process has held so far; None where it has ended."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 / 1e6 if found else None


def watch(command: list[str]) -> tuple[float, dict[int, float]]:
    """Megabytes of the command, and of each process that it started, by its number."""
    process = subprocess.Popen(command)
    own, others = 0.0, {}
    while process.poll() is None:
        own = peak_megabytes(process.pid) or own
        try:
            started = psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            break
        for child in started:
            others[child.pid] = peak_megabytes(child.pid) or others.get(child.pid, 0.0)
        time.sleep(0.05)
    if process.wait():
        raise SystemExit(f"the run ended with {process.returncode}")
    return own, others


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", nargs="+", default=CIFAR, help="what follows `archbench run`")
    parser.add_argument("--out", help="results folder; default: a temporary one")
    given, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        out = ["--out", given.out or f"{folder}/run"]
        own, others = watch([sys.executable, "-P", "-m", "bench", "run", *given.run, *more, *out])
    workers = ", ".join(f"{megabytes:.0f}" for megabytes in sorted(others.values(), reverse=True))
    print(f"the command: {own:.0f} MB; what it started: {workers} MB")


if __name__ == "__main__":
    main()

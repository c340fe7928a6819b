"""How long reading a results folder takes, and how much memory: `show`, `show --json` and `plan` over made-up records.

Each folder holds that many records of the suite `vanishing` with three probes each, the size of real ones,
without curves. The commands run in turn, in random order within a round; prints medians over rounds of wall time,
processor time and peak memory, and the time per record between the smallest and the largest folder.

    python benchmarks/store.py --records 1000 --records 10000
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.catalogue import discover
from bench.plan import Flags, blank, plan
from bench.record import Decay, Gate, GradientFlow, GradientNorm, Saturation, Score
from bench.store import Store
from bench.suite import read_suite

COMMANDS = {
    "show": ["show", "RUN"],
    "show --json": ["show", "--json", "RUN"],
    "plan": ["plan", "vanishing", "--out", "RUN"],
}


def fill(folder: Path, count: int) -> None:
    """Write `count` records."""
    catalogue = discover()
    per_seed = len(plan(catalogue, read_suite("vanishing"), Flags(seeds=[0])))
    cells = plan(catalogue, read_suite("vanishing"), Flags(seeds=range(-(-count // per_seed))))[:count]
    store = Store(folder).create()
    score = Score(step=900, validation=0.123456, validation_loss=0.1, test=0.123456, test_loss=0.1)
    decay = Decay(rate=-0.123456, r2=0.98765, first=5, last=90, half_life=5.61234, horizon=80, censored=False)
    gate = Gate(
        mean=0.512345, above_90=0.01, below_10=0.02, tau_median=1.5, tau_longest=20.5, at_cues=0.5, auc_best=0.9
    )
    flows = {
        key: GradientFlow(
            step=step, loss=0.16, samples=256, not_finite=0, decay={"input": decay, "h": decay, "c": decay},
            gates={"forget": gate, "input": gate}, saturation=Saturation(open=0.9, saturated=0.01, dead=0.0),
        )
        for key, step in (("init", 0), ("500", 500), ("end", 1000))
    }  # fmt: skip
    norm = GradientNorm(first=1.0, last=0.1, largest=9.0, not_finite=0, clipped=0.1)
    for cell in cells:
        task = catalogue.task(cell.task).value
        store.write(
            blank(cell, task, status="ok", best=score, final=score, steps=1000, parameters=4000, wall_seconds=20.0,
                  train_seconds=18.0, gradient=flows, gradient_norm=norm)
        )  # fmt: skip


def measure(arguments: list[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak MB of a command."""
    start = time.perf_counter()
    with open(os.devnull, "w") as nowhere:
        process = subprocess.Popen([sys.executable, "-m", "bench", *arguments], stdout=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments}: exit code {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    counts = sorted(given.records or [1000, 10000])
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as root:
        for count in counts:
            fill(Path(root) / str(count), count)
        found: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
        for _ in range(given.rounds):
            jobs = [(name, count) for name in COMMANDS for count in counts]
            for name, count in rng.sample(jobs, len(jobs)):
                arguments = [str(Path(root) / str(count)) if part == "RUN" else part for part in COMMANDS[name]]
                found.setdefault((name, count), []).append(measure(arguments))
    for name in COMMANDS:
        medians = {
            count: [statistics.median(each) for each in zip(*found[name, count], strict=True)] for count in counts
        }
        for count, (seconds, busy, megabytes) in medians.items():
            print(f"{name:<12} {count:>6} records  {seconds:6.2f} s  {busy:6.2f} s of a processor  {megabytes:5.0f} MB")
        if len(counts) > 1:
            slope = (medians[counts[-1]][0] - medians[counts[0]][0]) / (counts[-1] - counts[0])
            print(f"{name:<12} {1e3 * slope:.3f} ms a record")


if __name__ == "__main__":
    main()

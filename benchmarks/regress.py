"""What `archbench regress` finds on this machine: nothing against itself, and slowdowns that are injected into head.

    python benchmarks/regress.py FOLDER              # 20 runs without a change, 10 with +5 %, 10 with +10 %, 2 hogged
    python benchmarks/regress.py FOLDER --runs aa=5  # fewer, of one kind alone
    python benchmarks/regress.py FOLDER --table      # what lies in the folder; measures nothing
    python benchmarks/regress.py FOLDER --pack pairs.npz     # the seconds of all turns, in microseconds, in one file
    python benchmarks/regress.py --quick             # a minute of two kinds, to see that it works; keeps nothing

A run is the whole procedure on one cell of the suite `sentinel`: screening, and where it is flagged the confirmation.
Each is kept in a file of its own, so that a run that was stopped costs only itself; the same command goes on. Let
nothing else run, but for what `hog` starts itself: a program on another processor, at work every other second.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.regress.detector import Detector, Generation
from bench.regress.live import Live, subjects
from bench.regress.sides import Side
from bench.suite import read_suite

HERE = Path(__file__).resolve().parents[1]
FAULTS = {"aa": "", "busy5": "busy=0.05", "busy10": "busy=0.10", "aa-hog": "", "busy5-hog": "busy=0.05"}
RUNS = {"aa": 20, "busy5": 10, "busy10": 10, "aa-hog": 1, "busy5-hog": 1}
HOG = """
import os, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [sorted(os.sched_getaffinity(0))[-1]])
while True:
    end = time.perf_counter() + 1
    while time.perf_counter() < end:
        pass
    time.sleep(1)
"""


@contextmanager
def hogging() -> Iterator[None]:
    """A program at work every other second, on the last processor."""
    process = subprocess.Popen([sys.executable, "-c", HOG])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure(kind: str, number: int, cell: int, minutes: float = float("inf")) -> tuple[dict[str, Any], np.ndarray]:
    """One run: what came of it, and the microseconds of its turns, (generations, 2, pairs), base and head."""
    subject = subjects(read_suite("sentinel"))[cell]
    sides = [Side(name, name, HERE, faults=FAULTS[kind] if name == "head" else "") for name in ("base", "head")]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as logs, hogging() if kind.endswith("hog") else nullcontext():
        live = Live(*sides, Path(logs), np.random.default_rng())

        def generation(one: Any) -> Generation:
            found = live.generation(one)
            print(f"  {kind} {number}: generation {len(live.pairs[one])}: {np.expm1(found.ratio):+.2%}", flush=True)
            return found

        detector = Detector(generation, live.rng, more=lambda: time.monotonic() - start < 60 * minutes)
        (speed,) = detector.run([subject])
    seconds = time.monotonic() - start
    pairs = np.array(live.pairs.get(subject, np.zeros((0, 2, 0))))
    peaks = live.peaks.get(subject, [])
    about = {"kind": kind, "number": number, "cell": subject.name, "seconds": seconds, "cores": os.cpu_count()}
    return {**about, "peaks": peaks, **asdict(speed)}, np.round(pairs * 1e6).astype("int32")


def table(folder: Path) -> None:
    """Print what the runs of each kind came to."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        found.setdefault(path.stem.rpartition("-")[0], []).append(json.loads(path.read_text()))
    print("| kind | runs | flagged | REGRESSION | IMPROVED | OK | INCONCLUSIVE | FAILED | median ratio | min a run |")
    print("| --- |" + " --- |" * 9)
    for kind, runs in found.items():
        outcomes = [run["outcome"] for run in runs]
        counts = [outcomes.count(one) for one in ("REGRESSION", "IMPROVED", "OK", "INCONCLUSIVE", "FAILED")]
        ratios = [run["ratio"] for run in runs if run["ratio"] is not None]
        ratio = f"{np.median(ratios):.3f}" if ratios else "–"
        minutes = f"{np.mean([run['seconds'] for run in runs]) / 60:.1f}"
        flagged = sum(run["flagged"] for run in runs)
        print(f"| {kind} | {len(runs)} | {flagged} | {' | '.join(map(str, counts))} | {ratio} | {minutes} |")


def main() -> None:
    """Measure what is not measured yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--runs", nargs="*", default=[f"{kind}={count}" for kind, count in RUNS.items()])
    parser.add_argument("--cell", type=int, default=0, help="of the suite sentinel, from 0")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.quick:
        for kind in ("aa", "busy10"):
            about, pairs = measure(kind, 0, given.cell, minutes=1)
            print(kind, pairs.shape, json.dumps({key: about[key] for key in ("outcome", "ratio", "seconds", "peaks")}))
        return
    if given.folder is None:
        parser.error("name a folder, or --quick")
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.pack:
        np.savez_compressed(given.pack, **{path.stem: np.load(path)["pairs"] for path in given.folder.glob("*.npz")})
    elif not given.table:
        for kind, count in (asked.split("=") for asked in given.runs):
            for number in range(int(count)):
                path = given.folder / f"{kind}-{number:02}.json"
                if path.exists():
                    continue
                about, pairs = measure(kind, number, given.cell)
                np.savez_compressed(path.with_suffix(".npz"), pairs=pairs)
                path.write_text(json.dumps(about, indent=1) + "\n")  # last: it says that the run is whole
                print(f"{kind} {number}: {about['outcome']} in {about['seconds'] / 60:.1f} min", flush=True)
    table(given.folder)


if __name__ == "__main__":
    main()

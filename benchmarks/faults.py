"""What the gates of `archbench regress` say of faults that are injected into head, on the cells of the suite sentinel.

    python benchmarks/faults.py FOLDER [--faults label-noise=0.5 dead ...] [--cells 0 1 2 3]   measures what is missing
    python benchmarks/faults.py FOLDER --table                                                prints what is there

Real workers and trainings; speed is left out (benchmarks/regress.py measures it), memory measured for its own fault.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.regress import job, live
from bench.regress.detector import Speed
from bench.regress.live import Live, subjects
from bench.regress.sides import Side
from bench.suite import read_suite

HERE = Path(__file__).resolve().parents[1]
FAULTS = ("rounding", "label-noise=0.5", "unclipped", "dead", "nan=5", "nan=50", "retrace", "memory")
ALWAYS = ("nan=50",)
"""Faults that show after the fingerprint's last step."""
GENERATIONS = 8
"""The fewest whose sign-flip test can tell memory apart."""
MORE = 0.2


class Memory:
    """In the place of the detector: a few generations, which tell memory, and no verdict on speed."""

    generations = 0

    def __init__(self, measure: Callable[[Any], Any], *_: Any, **__: Any) -> None:
        self.measure = measure

    def run(self, cells: Sequence[Any]) -> list[Speed]:
        """Measure."""
        for cell in cells:
            for _ in range(self.generations):
                self.measure(cell)
        return [Speed("OK", self.generations) for _ in cells]


def measure(cell: int, faults: str) -> dict[str, Any]:
    """One cell under one fault: every gate, and the minutes."""
    subject = subjects(read_suite("sentinel"))[cell]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as logs:
        if faults == "memory":
            base = Live(Side("base", "base", HERE), Side("head", "head", HERE), Path(logs), np.random.default_rng())
            base.generation(subject)
            faults = f"memory={round(MORE * base.peaks[subject][0][0])}"
        sides = [Side(name, name, HERE, faults=faults if name == "head" else "") for name in ("base", "head")]
        both = Live(*sides, Path(logs), np.random.default_rng(0))
        Memory.generations = GENERATIONS if faults.startswith("memory") else 0
        (found,) = job.run(
            [subject], both, both.rng, slo=0.05, more=lambda: True, always=faults in ALWAYS,
            progress=lambda line: print(f"  {faults}: {line}", flush=True),
        )  # fmt: skip
    gates = [asdict(gate) for gate in found.gates if gate.name != "memory" or Memory.generations]
    return {"cell": found.cell, "faults": faults, "minutes": (time.monotonic() - start) / 60, "gates": gates}


def table(folder: Path) -> None:
    """Print a line for each fault and cell: the gates that are neither OK nor IDENTICAL."""
    print("| fault | cell | found by | others | minutes |\n| --- | --- | --- | --- | --- |")
    for path in sorted(folder.glob("*.json")):
        one = json.loads(path.read_text())
        bad = {gate["name"]: gate["outcome"] for gate in one["gates"] if gate["outcome"] not in ("OK", "IDENTICAL")}
        found = [name for name, outcome in bad.items() if outcome == "REGRESSION"]
        others = [f"{name} {outcome}" for name, outcome in bad.items() if outcome != "REGRESSION"]
        others += [f"{gate['name']} warns" for gate in one["gates"] if "warning: " in gate["note"]]
        said = f"{', '.join(found) or '–'} | {', '.join(others) or 'quiet'}"
        print(f"| {one['faults']} | {one['cell']} | {said} | {one['minutes']:.1f} |")


def main() -> None:
    """Measure what is not measured yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faults", nargs="*", default=FAULTS)
    parser.add_argument("--cells", nargs="*", type=int, default=range(4))
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    job.Detector = Memory  # type: ignore[assignment, misc]
    live.PAIRS = 1  # type: ignore[misc]
    given.folder.mkdir(parents=True, exist_ok=True)
    for faults in () if given.table else given.faults:
        for cell in given.cells:
            path = given.folder / f"{faults}-{cell}.json"
            if not path.exists():
                path.write_text(json.dumps(measure(cell, faults), indent=1) + "\n")
    table(given.folder)


if __name__ == "__main__":
    main()

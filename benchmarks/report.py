"""How long writing the HTML report takes, how much memory, how large it is, and how soon Chromium shows it.

Each run holds that many made-up records: tasks of ten architectures and five seeds, each record with the curves of a
training of 1,000 steps (20 validations, gradient norms of eight variables at every step) and three probes of its
gradient over 100 lags, which is what most runs hold and more than some. Records and curves are made as they are asked
for, so that reading is not timed; each count is measured in a process of its own. Prints medians over rounds.

    python benchmarks/report.py --records 1000 --records 10000
"""

import argparse
import json
import math
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.record import Conditions, Decay, GradientFlow, GradientNorm, Record, Score
from bench.task import Training

ARCHITECTURES, SEEDS = 10, 5
STEPS, EVALUATIONS, VARIABLES, LAGS = 1000, 20, 8, 100
FLOOR = -38.0
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip


def record(number: int) -> Record:
    """The `number`-th record; every seventh architecture does not learn, every 97th cell diverged."""
    place, seed = divmod(number, SEEDS)
    task, arm = divmod(place, ARCHITECTURES)
    rng = np.random.default_rng(number)
    solves, ok = arm % 7 != 6, number % 97 != 96
    value = float((0.97 if solves else 0.2) + 0.01 * rng.normal() - 0.005 * arm)
    score = Score(step=STEPS, validation=value, validation_loss=0.1, test=value, test_loss=0.1) if ok else None
    identity = {"task": f"task-{task:03d}", "architecture": f"arm-{arm}", "seed": seed, "backend": "tensorflow"}
    decay = Decay(rate=-0.02, r2=0.99, first=5, last=90, half_life=5.0 + arm, horizon=60, censored=False)
    flow = {
        key: GradientFlow(step=step, loss=0.1, samples=256, not_finite=0, decay={"h": decay})
        for key, step in (("init", 0), ("500", 500), ("end", STEPS))
    }
    return Record(
        cell_id=f"{number:016x}", identity=identity, task=identity["task"], task_settings={"length": LAGS},
        architecture=identity["architecture"], architecture_settings={"units": 32}, seed=seed, backend="tensorflow",
        training=Training(steps=STEPS), status="ok" if ok else "diverged", reason=None if ok else "loss is NaN",
        measured_at=datetime(2026, 1, 1, tzinfo=UTC),
        conditions=Conditions(code="0", libraries={"python": "3"}, machine={"cores": 2}, device="cpu", threads=1,
                              affinity=[0], data_hash="d" * 64, train_samples=None, validation_samples=1000,
                              test_samples=1000),
        metric="accuracy", higher_is_better=True, chance=0.1, target=0.95, target_evaluations=3, best=score,
        final=score, solved=solves and ok, steps=STEPS,
        steps_to_target=300 + 10 * seed + 40 * arm if solves and ok else None,
        parameters=1000 * (arm + 1), embedding_parameters=0, train_seconds=10.0 + arm, gradient=flow,
        gradient_norm=GradientNorm(first=1.0, last=0.1, largest=9.0, not_finite=0, clipped=0.1), curves="1.npz",
    )  # fmt: skip


def curves(made: Record) -> Mapping[str, np.ndarray]:
    """The arrays beside a record."""
    rng = np.random.default_rng(int(made.cell_id, 16))
    at = np.linspace(0, STEPS, EVALUATIONS + 1).astype(int)
    end = made.value if math.isfinite(made.value) else made.chance
    lag = np.arange(LAGS)
    fall = np.maximum(-0.05 * lag[:, None] + np.array([0.0, -0.3, 0.0, 0.3]), FLOOR)
    return {
        "evaluation_step": at,
        "validation_score": end - (end - 0.1) * np.exp(-5 * at / STEPS) + 0.01 * rng.normal(size=len(at)),
        "gradient_norm": rng.lognormal(0, 0.5, (STEPS, VARIABLES)).astype("float32"),
        "variables": np.array([f"layer/{i}" for i in range(VARIABLES)]),
        "probe_step": np.array([0, 500, STEPS]),
        "profile_h": np.stack([fall, 0.8 * fall, 0.6 * fall]).astype("float32"),
        "gradient_floor": np.array(FLOOR, "float32"),
    }


def write(count: int, folder: Path) -> dict[str, float]:
    """Write the report of `count` records in this process: seconds, seconds of a processor, peak MB, size in MB."""
    from bench.report.html import write_html

    records = [record(number) for number in range(count)]
    start, busy = time.perf_counter(), time.process_time()
    path = write_html(records, curves, folder, title=f"{count} records")
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"s": seconds, "s of a processor": busy, "MB of memory": peak / 1e6, "MB": path.stat().st_size / 1e6}


def shown(path: Path, rounds: int) -> float | None:
    """Median seconds until Chromium has loaded the page, scripts and all; None without Chromium or Playwright."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        found = []
        for _ in range(rounds):
            page = browser.new_page()
            page.goto(path.as_uri())
            found.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd / 1e3"))
            page.close()
        browser.close()
    return statistics.median(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", nargs=2, metavar=("RECORDS", "FOLDER"), help="One measurement, as JSON.")
    given = parser.parse_args()
    if given.write:
        print(json.dumps(write(int(given.write[0]), Path(given.write[1]))))
        return
    for count in sorted(given.records or [1000, 10000]):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--write", str(count), folder]
            each = [json.loads(subprocess.check_output(command)) for _ in range(given.rounds)]
            parts = [f"{statistics.median(one[key] for one in each):.1f} {key}" for key in each[0]]
            opened = shown(Path(folder) / "report.html", given.rounds)
            print(f"{count:>6} records: {', '.join(parts)}" + (f", {opened:.2f} s to open" if opened else ""))


if __name__ == "__main__":
    main()

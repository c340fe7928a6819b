"""What a whole run costs: against a script written by hand, and beyond the training itself.

    python benchmarks/wall.py                                # three arms, three seeds, as benchmarks/by_hand.py
    python benchmarks/wall.py --arch lstm --seeds 1 --steps 6000 --workers 1 --threads 2     # one cell alone
    python benchmarks/wall.py --grid                         # 60 small cells: what is no training

The first two run the script and `archbench run` in turn, `--rounds` pairs in random order, and print the ratio of wall
times, from the start of either process to its end: imports, data, compiling, training, and for the bench evaluations,
norms of every step's gradient, probes before, during and after training, records and report too. The script's share of
the machine is all of it. Let nothing else run.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.plan import group_id
from bench.store import Store

HERE = Path(__file__).resolve().parent
BENCH = [sys.executable, "-P", "-m", "bench"]
TEST = 2_000
GRID = """
summary = "sixty small cells"
seeds = 5
units = 32
[[grid]]
tasks = [{ name = "adding", length = 50, test_size = 2_000 }, { name = "adding", length = 100, test_size = 2_000 }]
architectures = ["rnn", "rnn-uniform", "gru", "gru-chrono", "lstm", "lstm-b0"]
training = { steps = 500, lr = 5e-3, clip = 1.0 }
"""


def wall(command: Sequence[str]) -> float:
    """Seconds from start to end; fails where the command does."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def pairs(given: argparse.Namespace) -> None:
    """Print the ratio of the bench's wall time to the script's."""
    shared = ["--steps", given.steps, "--lr", 5e-3, "--batch-size", 64, "--seeds", given.seeds, "--arch", given.arch]
    shared = [*map(str, shared), "--units", "32"]
    rng = np.random.default_rng(0)
    ratios: list[float] = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as folder:
            task = ["--task", "adding", "--set", f"adding.length={given.length}", "--set", f"adding.test_size={TEST}"]
            how = ["--clip", "1", "--threads", str(given.threads), *given.more, "--quiet", "--out", f"{folder}/run"]
            how += ["--workers", str(given.workers)] if given.workers else []
            commands = {
                "script": [sys.executable, str(given.script), *shared, "--length", str(given.length)],
                "bench": [*BENCH, "run", *task, *shared, *how],
            }
            seconds = {name: wall(commands[name]) for name in rng.permutation(list(commands)).tolist()}
        ratios.append(seconds["bench"] / seconds["script"])
        print(f"bench {seconds['bench']:.1f} s, script {seconds['script']:.1f} s: {ratios[-1]:.3f}", flush=True)
    low, high = np.quantile(np.median(rng.choice(ratios, (10_000, len(ratios))), axis=1), [0.025, 0.975])
    print(f"median {np.median(ratios):.3f} [{low:.3f}, {high:.3f}] of {len(ratios)} pairs")


def grid(given: argparse.Namespace) -> None:
    """Print what of the wall time of a grid of small cells is no training."""
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as folder:
            suite, out = Path(folder) / "sixty.toml", f"{folder}/run"
            suite.write_text(GRID)
            workers = given.workers or 2
            whole = wall([*BENCH, "run", str(suite), "--quiet", "--workers", str(workers), *given.more, "--out", out])
            cells = Store(Path(out)).records(flow=False)
        spent = workers * whole
        # A cell that finds its model built and compiled does nothing but train, validate and probe.
        ready: dict[str, list[float]] = {}
        for cell in cells:
            if cell.compile_seconds is None:
                ready.setdefault(group_id(cell.identity), []).append(cell.wall_seconds)
        steps = sum(cell.train_seconds for cell in cells)
        inside = sum(cell.wall_seconds for cell in cells)
        training = sum(
            float(np.median(ready[group_id(cell.identity)])) if cell.compile_seconds is not None else cell.wall_seconds
            for cell in cells
        )
        shares = {
            "training steps": steps,
            "validations and probes": training - steps,
            "building and compiling": inside - training,
            "no cell": spent - inside,
        }
        said = ", ".join(f"{share / spent:.1%} {name}" for name, share in shares.items())
        print(
            f"{len(cells)} cells in {whole:.1f} s, {training / len(cells):.2f} s each but for compiling; {said}",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--script", type=Path, default=HERE / "by_hand.py")
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arch", default="rnn,gru,lstm")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--more", nargs="*", default=[], help="more flags of `archbench run`, without their dashes")
    given = parser.parse_args()
    given.more = [f"--{flag}" for flag in given.more]
    grid(given) if given.grid else pairs(given)


if __name__ == "__main__":
    main()

"""What a probe of the gradient costs, in training steps of the same model on the same batch, and against lag by lag.

One core, 256 sequences of the adding problem, arms as the bench builds and compiles them. Training steps and probes in
turn, in random order within a round; prints medians and the ratio with a 95 % interval over rounds. Asking lag by lag
takes a backward pass a step of the sequence, each about a training step.

    python benchmarks/probe.py --length 100 --length 400 --length 1600
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])

import keras
import numpy as np

from bench.architecture import InputSpec
from bench.backends import load
from bench.catalogue import discover
from bench.gradients.probe import Probe
from tasks.adding import draw

SEQUENCES = 256


def measure(arm: str, length: int, units: int, rounds: int) -> None:
    """Print one line."""
    spec = InputSpec("sequence", (length, 2), outputs=1)
    architecture = discover().architecture(arm).value
    settings = {key: setting.default for key, setting in architecture.settings.items()}
    keras.utils.set_random_seed(0)
    model = architecture.build(spec, **{**settings, "units": units}, **architecture.fixed)
    probe = Probe(model, spec, "mse", jit=architecture.jit)
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), "mse", jit_compile=architecture.jit)
    rng = np.random.default_rng(0)
    split = draw(rng, SEQUENCES, length=length)
    jobs: dict[str, Callable[[], object]] = {
        "step": lambda: model.train_on_batch(*split),
        "probe": lambda: probe(split),
    }
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(rounds):
        for name in rng.permutation(list(jobs)):
            start = time.perf_counter()
            jobs[name]()
            seconds[name].append(time.perf_counter() - start)
    ratios = np.array(seconds["probe"]) / np.array(seconds["step"])
    low, high = np.quantile(np.median(rng.choice(ratios, (10_000, rounds)), axis=1), [0.025, 0.975])
    step, one = (1e3 * float(np.median(seconds[name])) for name in jobs)
    print(
        f"{arm:<10} T={length:<5} step {step:8.1f} ms, probe {one:8.1f} ms: {np.median(ratios):.2f} steps"
        f" [{low:.2f}, {high:.2f}]; {length / (one / step):.0f} times less than a step a lag",
        flush=True,
    )


def main() -> None:
    """Measure every arm at every length."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, action="append")
    parser.add_argument("--arch", action="append")
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    load("tensorflow").configure(1)
    for length in arguments.length or [100, 400, 1600]:
        for arm in arguments.arch or ["rnn", "gru", "lstm"]:
            measure(arm, length, arguments.units, arguments.rounds)


if __name__ == "__main__":
    main()

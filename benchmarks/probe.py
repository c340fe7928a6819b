"""What a probe of the gradient costs, in training steps of the same model on the same batch, and against lag by lag.

In a process like a worker's, on one core: 256 sequences of the adding problem, arms as the bench builds and compiles
them. Training steps and probes in turn, in random order within a round; prints medians and the ratio with a 95 %
interval over rounds.

Asking lag by lag is a pass a lag: the model runs over the sequence, and the gradient of the loss with respect to the
state so many steps before the end is taken. Cheaper still, the states of one forward pass are kept, and the model runs
from there on alone. A few lags are timed; those between lie on the lines that join them.

    python benchmarks/probe.py --length 100 --length 400 --length 1600
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.execute.process import environment

if "MALLOC_TRIM_THRESHOLD_" not in os.environ:  # malloc reads what a worker finds around it when a process starts
    os.execve(sys.executable, [sys.executable, *sys.argv], environment("tensorflow", 1) | {"TF_CPP_MIN_LOG_LEVEL": "3"})
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])

import keras
import numpy as np

from bench.architecture import InputSpec
from bench.backends import load
from bench.catalogue import discover
from bench.gradients.probe import Probe
from bench.task import Split
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
    lags = [1, length // 4, length // 2, length - 1]
    jobs: dict[str, Callable[[], object]] = {
        "step": lambda: model.train_on_batch(*split),
        "probe": lambda: probe(split),
        **{
            f"{lag} {kept}": asking(probe, model, split, lag, kept=kept, jit=architecture.jit)
            for kept in (False, True)
            for lag in lags
        },
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
    step, one, *asked = (1e3 * float(np.median(seconds[name])) for name in jobs)
    passes, kept = (
        float(np.interp(np.arange(1, length), lags, part).sum()) / one for part in np.split(np.array(asked), 2)
    )
    print(
        f"{arm:<10} T={length:<5} step {step:8.1f} ms, probe {one:8.1f} ms: {np.median(ratios):.2f} steps"
        f" [{low:.2f}, {high:.2f}]; lag by lag {passes / length:.2f} T times as much, from kept states"
        f" {kept / length:.2f} T",
        flush=True,
    )


def asking(probe: Probe, model: keras.Model, split: Split, lag: int, *, kept: bool, jit: bool) -> Callable[[], object]:
    """What takes dL/ds of the state `lag` steps before the last one, and of it alone."""
    (tap,), readout = probe.taps, model.layers[-1]
    found = probe(split)
    states = [part[:, -1 - lag] for part in found.states[0]]
    before, rest = found.inputs[0][:, :-lag], found.inputs[0][:, -lag:]
    first, loop = keras.layers.RNN(tap.cell, return_state=True), keras.layers.RNN(tap.cell)

    def loss(watched: dict[str, Any], before: Any, rest: Any, y: Any) -> tuple[Any, Any]:
        start = list(watched.values())
        if not kept:
            start = [state + zero for state, zero in zip(first(before)[1:], start, strict=True)]
        output = readout(loop(rest, initial_state=start))
        return keras.ops.sum(keras.ops.mean(keras.ops.square(output - y), axis=-1)), ()

    gradient = load("tensorflow").gradient(loss, model.variables, jit=jit)
    at = {f"{index}": state if kept else np.zeros_like(state) for index, state in enumerate(states)}
    tensors = {key: keras.ops.convert_to_tensor(value) for key, value in at.items()}
    arguments = [keras.ops.convert_to_tensor(part) for part in (before, rest, split.y)]

    def ask() -> list[np.ndarray]:
        return [np.asarray(value) for value in gradient(tensors, *arguments)[0].values()]

    for own, one in zip(ask(), found.gradients[0], strict=True):  # the same numbers, else the times say nothing
        np.testing.assert_allclose(own, one[:, -1 - lag] * 2.0**-found.scale_log2, rtol=1e-3, atol=1e-6)
    return ask


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

"""What a training step costs: Keras's fit, train_on_batch, the bench's step, and that with the gradient recorder.

One core, LSTM on the adding problem, compiled with XLA. Blocks of steps of the four, in random order within a round,
so that the machine's drift hits all alike; prints the median ratio to the plain loop with a 95 % interval over rounds.

    python benchmarks/train_step.py --backend jax --layer rnn --length 100 --units 32 --rounds 20
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])

import numpy as np

from bench.backends import load
from bench.step import Step
from bench.suite import BACKENDS
from tasks.adding import draw

BATCH = 64
LAYERS = {"rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}


def _loop(step: Step, x: np.ndarray, y: np.ndarray) -> None:
    for start in range(0, len(x), BATCH):
        step.reset()
        step(x[start : start + BATCH], y[start : start + BATCH])
    step.sync()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=BACKENDS, default="tensorflow")
    parser.add_argument("--layer", choices=LAYERS, default="lstm")
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--steps", type=int, default=50, help="steps of a block")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    os.environ["KERAS_BACKEND"] = arguments.backend
    framework = load(arguments.backend)
    framework.configure(1)
    import keras  # after the backend was chosen

    from bench.gradients.recorder import recording  # likewise

    def model(optimizer: keras.Optimizer) -> keras.Model:
        keras.utils.set_random_seed(0)
        layer = getattr(keras.layers, LAYERS[arguments.layer])(arguments.units)
        found = keras.Sequential([keras.Input((arguments.length, 2)), layer, keras.layers.Dense(1)])
        found.compile(optimizer, "mse", jit_compile=framework.compiles(True))
        return found

    rng = np.random.default_rng(0)
    x, y = draw(rng, BATCH * arguments.steps, length=arguments.length)
    settings = {"learning_rate": 1e-3, "global_clipnorm": 1.0}
    by_keras, plain = (
        Step(model(keras.optimizers.Adam(**settings))),
        framework.stepper(model(keras.optimizers.Adam(**settings))),
    )
    recorded = framework.stepper(model(recording("adam", interval=arguments.steps, steps=10**9, **settings)))
    fitted = model(keras.optimizers.Adam(**settings))
    blocks: dict[str, Callable[[], object]] = {
        "train_on_batch": lambda: _loop(by_keras, x, y),
        "loop": lambda: _loop(plain, x, y),
        "loop with recorder": lambda: _loop(recorded, x, y),
        "fit": lambda: fitted.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0),
    }
    for block in blocks.values():
        block()
    seconds: dict[str, list[float]] = {name: [] for name in blocks}
    for _ in range(arguments.rounds):
        for name in rng.permutation(list(blocks)):
            start = time.perf_counter()
            blocks[name]()
            seconds[name].append((time.perf_counter() - start) / arguments.steps)
    for name, values in seconds.items():
        ratios = np.array(values) / np.array(seconds["loop"])
        drawn = np.median(rng.choice(ratios, (10_000, len(ratios))), axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        print(
            f"{name:<20} {1e3 * np.median(values):7.2f} ms a step, {np.median(ratios):.3f} of the loop"
            f" [{low:.3f}, {high:.3f}]"
        )


if __name__ == "__main__":
    main()

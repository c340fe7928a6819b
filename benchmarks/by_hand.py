"""What one would write without a bench: recurrent layers on the adding problem in plain Keras, one model after another.

Records nothing but the test error, and leaves every core to TensorFlow. `benchmarks/wall.py` runs it against the bench.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

LAYERS = {"rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}
TEST = 2_000


def adding(rng: np.random.Generator, n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """n sequences (length, 2) of a value and a marker; the target is the sum of the two marked values."""
    x = np.zeros((n, length, 2), "float32")
    x[..., 0] = rng.random((n, length))
    marked = np.stack([rng.integers(0, length // 2, n), rng.integers(length // 2, length, n)], axis=1)
    np.put_along_axis(x[..., 1], marked, 1, axis=1)
    return x, np.take_along_axis(x[..., 0], marked, axis=1).sum(axis=1, keepdims=True)


def main() -> None:
    """Train every layer under every seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arch", default="rnn,gru,lstm")
    given = parser.parse_args()
    for name in given.arch.split(","):
        for seed in range(given.seeds):
            rng = np.random.default_rng(seed)
            keras.utils.set_random_seed(seed)
            model = keras.Sequential([keras.Input((given.length, 2)), LAYERS[name](given.units), layers.Dense(1)])
            model.compile(keras.optimizers.Adam(given.lr, global_clipnorm=1.0), "mse")
            model.fit(*adding(rng, given.batch_size * given.steps, given.length), given.batch_size, verbose=0)
            error = model.evaluate(*adding(rng, TEST, given.length), batch_size=500, verbose=0)
            print(f"{name} seed {seed}: {error:.4f}", flush=True)


if __name__ == "__main__":
    main()

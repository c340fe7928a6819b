"""Gradient flow through models whose weights NumPy has drawn: the same on every backend, but for rounding.

    python known_weights.py FILE.npz

writes it as the backend of KERAS_BACKEND finds it.
"""

import sys

import keras
import numpy as np

from bench import backends
from bench.architecture import InputSpec
from bench.catalogue import discover
from bench.gradients.flow import measure
from bench.gradients.probe import Probe
from bench.task import Split

ARMS = ("rnn", "gru", "lstm", "lstm-1997", "bilstm", "tcn", "transformer")
SPECS = {
    "sequence": InputSpec("sequence", (50, 2), outputs=3),
    "tokens": InputSpec("tokens", (50,), outputs=3, vocabulary=9),
}


def flows() -> dict[str, np.ndarray]:
    """By "arm.kind.what": the loss, half-lives, and the mean log10 of the gradient's norm at each lag."""
    found = {}
    for arm in ARMS:
        for kind, spec in SPECS.items():
            flow = measure(_probe(arm, spec), _split(spec), 0, None)
            means = {name: array[:, 0] for name, array in flow.arrays.items() if name.startswith("profile_")}
            lives = {f"half-life {name}": np.array(decay.half_life) for name, decay in flow.record.decay.items()}
            of_model = {"loss": np.array(flow.record.loss), **means, **lives}
            found |= {f"{arm}.{kind}.{name}": array for name, array in of_model.items()}
    return found


def _probe(arm: str, spec: InputSpec) -> Probe:
    architecture = discover().architecture(arm).value
    defaults = {key: setting.default for key, setting in architecture.settings.items()}
    model = architecture.build(spec, **{**defaults, "units": 12}, **architecture.fixed)
    rng = np.random.default_rng(7)
    for weight in model.trainable_variables:
        shape = tuple(weight.shape)
        weight.assign(rng.normal(0, 0.9 * shape[0] ** -0.5 if shape else 0.1, shape))
    return Probe(model, spec, "cross-entropy", jit=False)


def _split(spec: InputSpec) -> Split:
    rng = np.random.default_rng(8)
    y = rng.integers(0, 3, 16).astype("int32")
    if spec.kind != "tokens":
        return Split(rng.normal(size=(16, *spec.shape)).astype("float32"), y)
    x = rng.integers(1, 9, (16, *spec.shape)).astype("int32")
    x[:8, :20] = 0  # padding in front, as of the text tasks
    return Split(x, y)


if __name__ == "__main__":
    backends.load(keras.backend.backend()).configure(1)
    np.savez(sys.argv[1], **flows())

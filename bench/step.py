"""One training step of a compiled Keras model: what `stepper` of every file in bench.backends returns."""

from typing import Any

import numpy as np


class Step:
    """Keras's own `train_on_batch`; the variables stand in the model after every call.

    A backend may keep them to itself from call to call, so `sync` goes before whatever reads or assigns one.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def reset(self) -> None:
        """Forget the losses so far, before the clock starts: older Keras returns the mean of them all otherwise."""
        self.model.reset_metrics()

    def __call__(self, x: np.ndarray, y: np.ndarray) -> float:
        """Train on a batch; its loss."""
        return float(self.model.train_on_batch(x, y))

    def sync(self) -> None:
        """Put what the steps made of the variables into the model; the next step takes them as they then stand."""

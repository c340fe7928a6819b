"""Bias initialisers that set the time scale of a gated cell, after Tallec & Ollivier 2018.

A unit that keeps a share sigmoid(b) of its state a step forgets over 1 + exp(b) steps, so b = ln U(1, T-1) spreads the
units' memories over the lengths that a sequence of T steps can ask for.
"""

from typing import Any

import keras
from keras import ops

register = keras.saving.register_keras_serializable(package="archbench")


class _Chrono(keras.initializers.Initializer):
    def __init__(self, steps: int, seed: int | None = None) -> None:
        self.steps = steps
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        return {"steps": self.steps, "seed": self.seed}

    def _log_times(self, units: int, dtype: Any) -> Any:
        # Delegated, so that an unset seed is drawn as every other Keras initialiser draws it.
        draw = keras.initializers.RandomUniform(1.0, max(self.steps - 1.0, 1.0), seed=self.seed)
        return ops.log(draw((units,), dtype=dtype))


@register
class ChronoLSTM(_Chrono):
    """Bias (4 units,) of a Keras LSTM, gates in the order i, f, c, o: b_f = ln U(1, T-1), b_i = -b_f, else 0."""

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        units = shape[-1] // 4
        keep = self._log_times(units, dtype)
        return ops.concatenate([-keep, keep, ops.zeros((2 * units,), dtype=keep.dtype)])


@register
class ChronoGRU(_Chrono):
    """Bias (2, 3 units) of a Keras GRU (rows: input, recurrent), gates z, r, h: b_z = ln U(1, T-1), else 0.

    Keras's z is the share of the state that is kept. The two rows are added for z, so one of them carries the value.
    """

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        units = shape[-1] // 3
        keep = self._log_times(units, dtype)
        row = ops.concatenate([keep, ops.zeros((2 * units,), dtype=keep.dtype)])
        return ops.stack([row, ops.zeros_like(row)])

"""An optimizer that keeps the norm of every variable's gradient, at every step, before clipping.

Keras hands every backend's gradients to one place, `Optimizer.apply`. The recorder is mixed into the chosen Keras
optimizer there and writes the norms into a ring buffer among the optimizer's variables, which is read once per
interval: no custom training step, no backend code, the loss unchanged to the last bit.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from bench import backends


class _Recorder:
    """Mixed in before a `keras.optimizers.Optimizer`. Sums of squares are float32: norms below 1e-19 read 0."""

    interval: int
    steps: int

    def build(self, variables: list[Any]) -> None:
        """Create the optimizer's variables and the recorder's: (interval, variables) and (variables,)."""
        super().build(variables)  # type: ignore[misc]  # the optimizer this is mixed into
        size = len(self._trainable_variables)  # type: ignore[attr-defined]  # likewise
        add = self.add_variable  # type: ignore[attr-defined]  # likewise
        self.gradient_norms = add((self.interval, size), initializer="zeros", name="gradient_norms")
        self.update_norms = add((size,), initializer="zeros", name="update_norms")

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> Any:
        """Record, then update. An embedding's sparse gradient is made dense first: its slices may repeat a row, and
        only their sum has the norm that is meant, here and in the optimizer's own clipping."""
        if trainable_variables is not None and not self.built:  # type: ignore[attr-defined]  # likewise
            self.build(trainable_variables)
        variables = self._trainable_variables  # type: ignore[attr-defined]  # likewise
        densify = backends.load(keras.backend.backend()).dense
        dense = [None if grad is None else densify(grad) for grad in grads]
        slot = ops.cast(self.iterations % self.interval, "int32")  # type: ignore[attr-defined]  # likewise
        row = ops.expand_dims(ops.stack([_norm(grad) for grad in dense]), 0)
        norms = ops.convert_to_tensor(self.gradient_norms)
        self.gradient_norms.assign(ops.slice_update(norms, (slot, 0), row))
        before = [ops.copy(variable) for variable in variables]
        last = ops.cast(self.iterations + 1, "int32") == self.steps  # type: ignore[attr-defined]  # likewise
        result = super().apply(dense, trainable_variables)  # type: ignore[misc]  # likewise
        self.update_norms.assign(
            ops.cond(
                ops.logical_or(last, slot == self.interval - 1),
                lambda: ops.stack([_norm(new - old) for new, old in zip(variables, before, strict=True)]),
                lambda: ops.convert_to_tensor(self.update_norms),
            )
        )
        return result


def _norm(tensor: Any) -> Any:
    return ops.zeros(()) if tensor is None else ops.sqrt(ops.sum(ops.square(ops.cast(tensor, "float32"))))


def recording(optimizer: str, *, interval: int, steps: int, **settings: Any) -> Any:
    """The Keras optimizer of that name with a recorder mixed in.

    `interval`: steps between two reads; `steps`: steps of the whole training. The norm of the update is kept for the
    last step of every interval and the last of all.
    """
    base = type(keras.optimizers.get(optimizer))
    recorder = type(f"Recording{base.__name__}", (_Recorder, base), {"interval": interval, "steps": steps})
    return recorder(**settings)


def recorded(optimizer: Any, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Gradient norms (steps, variables) since the last read, `steps` <= interval, and update norms (variables,)."""
    norms = np.array(keras.ops.convert_to_numpy(optimizer.gradient_norms))[:steps]
    return norms, np.array(keras.ops.convert_to_numpy(optimizer.update_norms))

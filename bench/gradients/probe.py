"""Asks a model for the gradient of each sequence's loss with respect to its states and its input, at every step."""

from typing import Any, NamedTuple, cast

import keras
import numpy as np
from keras import ops

from bench import backends
from bench.architecture import InputSpec
from bench.gradients.tap import Tap, Tapped, tapped
from bench.task import Loss, Split

SCALE_LOG2 = 80
"""The loss is multiplied by 2**80, so that small gradients do not underflow; 2**48 above 1 remain for large ones."""


class Found(NamedTuple):
    """What one backward pass gave, in float32. A sequence's loss is that of one step, or of its one output."""

    loss: np.ndarray
    """(samples,)"""
    input: np.ndarray | None
    """dL/dx (samples, *shape), for tokens dL/d(embedded sequence); None where tokens are not embedded."""
    gradients: list[list[np.ndarray]]
    """Of each tap and each of its states dL/ds (samples, time, units)."""
    states: list[list[np.ndarray]]
    """Of each tap and each of its states s (samples, time, units)."""
    inputs: list[np.ndarray]
    """Of each tap what its loop read (samples, time, features)."""
    scale_log2: int
    """All gradients are multiplied by 2 to this power."""


class Probe:
    """One model's probe, traced once for each batch shape.

    `model` is not compiled yet. Dropout is off and batch normalisation uses its moving means.
    """

    at: int | None
    """The step whose loss is probed; None where a sequence has one loss."""

    def __init__(self, model: keras.Model, spec: InputSpec, loss: Loss, *, jit: bool, at: int | None = None) -> None:
        self.spec, self.loss = spec, loss
        self.at = (spec.shape[0] - 1 if at is None else at) if spec.per_step else None
        self.tapped: Tapped = tapped(model, tokens=spec.kind == "tokens")
        backend = backends.load(keras.backend.backend())
        self._host = backend.host
        # Asked a few times in a training, without a loop or of a few batches: XLA would compile longer than it saves.
        self._weight_gradient = backend.gradient(self._pulled_step, [], jit=False)
        self._gradient = backend.gradient(self._scaled_loss, model.variables, jit=jit)
        self._zeros: dict[tuple[int, ...], Any] = {}
        """By shape: to fill tens of MB anew takes a twentieth of a long probe."""
        self._outputs = backend.compiled(lambda x: self._with([], x, resets=True)[0], model.variables, jit=False)

    @property
    def taps(self) -> list[Tap]:
        """The recurrent loops, in the order in which the model runs them."""
        return self.tapped.taps

    def __call__(self, split: Split) -> Found:
        """One backward pass; a second, without the scale, where the first overflows."""
        found = self._run(split, SCALE_LOG2)
        arrays = [array for tap in found.gradients for array in tap] + ([] if found.input is None else [found.input])
        # A sum is finite only where all are, and costs no copy; one that overflows itself is asked for again in vain.
        with np.errstate(over="ignore", invalid="ignore"):
            finite = np.isfinite([array.sum() for array in arrays]).all()
        return found if finite else self._run(split, 0)

    def seen(self, array: np.ndarray, *, backwards: bool = False) -> np.ndarray:
        """Of `array` (samples, time, ...) the steps that a loop has read when it answers with the loss that is probed:
        up to that step, or of a loop that runs `backwards` from it on. Arrays of other steps stay whole."""
        if self.at is None or array.shape[1] != self.spec.shape[0]:
            return array
        return array[:, self.at :] if backwards else array[:, : self.at + 1]

    def reset(self, x: np.ndarray) -> np.ndarray:
        """The model's output where every state of every loop is set to 0 after the first half of its real steps."""
        return cast("np.ndarray", self._host(self._outputs(ops.convert_to_tensor(x))))

    def weight_gradient(self, x: np.ndarray, states: list[np.ndarray], later: list[np.ndarray]) -> np.ndarray | None:
        """Of the first loop sum(later * ds/d(recurrent kernel)), over steps from `states` that read `x`, (rows, units).

        None where its cell has no such weight.
        """
        cell = self.taps[0].cell
        if not hasattr(cell, "recurrent_kernel"):
            return None
        others = [variable.value for variable in cell.variables if variable is not cell.recurrent_kernel]
        read = ops.convert_to_tensor(x)
        tensors = [[ops.convert_to_tensor(array) for array in arrays] for arrays in (states, later)]
        gradients, _ = self._weight_gradient({"weight": cell.recurrent_kernel.value}, others, read, *tensors)
        return cast("np.ndarray", self._host(gradients["weight"]))

    def _pulled_step(
        self, watched: dict[str, Any], others: list[Any], x: Any, states: list[Any], later: list[Any]
    ) -> tuple[Any, tuple[()]]:
        tap = self.taps[0]
        weight = tap.cell.recurrent_kernel
        rest = [variable for variable in tap.cell.variables if variable is not weight]
        # Every variable is handed in: compiled, a value found here would stay the first one.
        with keras.StatelessScope(state_mapping=[(weight, watched["weight"]), *zip(rest, others, strict=True)]):
            new = tap.step(x, states)
        return sum(ops.sum(one * by) for one, by in zip(new, later, strict=True)), ()

    def _read(self, arrays: list[Any]) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
        """States and inputs of each tap."""
        found = [self._host(array) for array in arrays]
        return [_parts(tap, array) for tap, array in zip(self.taps, found[::2], strict=True)], found[1::2]

    def _run(self, split: Split, scale_log2: int) -> Found:
        x = ops.convert_to_tensor(split.x)
        zeros = {f"{index}": self._zero(len(split.x), tap.steps, sum(tap.sizes)) for index, tap in enumerate(self.taps)}
        if self.spec.kind != "tokens":
            zeros["input"] = x
        elif self.tapped.embedded is not None:
            zeros["input"] = self._zero(*split.x.shape, self.tapped.embedded.units)
        scale = ops.convert_to_tensor(np.float32(2.0**scale_log2))
        gradients, (loss, states) = self._gradient(zeros, x, ops.convert_to_tensor(split.y), scale)
        arrays = {key: self._host(value) for key, value in gradients.items()}
        found, inputs = self._read(states)
        return Found(
            loss=self._host(loss),
            input=arrays.get("input"),
            gradients=[_parts(tap, arrays[f"{index}"]) for index, tap in enumerate(self.taps)],
            states=found,
            inputs=inputs,
            scale_log2=scale_log2,
        )

    def _zero(self, *shape: int) -> Any:
        if shape not in self._zeros:
            self._zeros[shape] = ops.zeros(shape)
        return self._zeros[shape]

    def _scaled_loss(self, watched: dict[str, Any], x: Any, y: Any, scale: Any) -> tuple[Any, tuple[Any, Any]]:
        if self.spec.kind != "tokens":
            x = watched["input"]
        added = [watched[f"{index}"] for index in range(len(self.taps))]
        output, states = self._with(added, x, watched.get("input"))
        if self.spec.per_step:
            output, y = output[:, self.at], y[:, self.at]
        if self.loss == "mse":
            each = ops.mean(ops.square(output - y), axis=tuple(range(1, len(output.shape))))
        else:
            each = ops.sparse_categorical_crossentropy(y, output, from_logits=True)
        return ops.sum(each) * scale, (each, states)

    def _with(self, zeros: list[Any], x: Any, embedded: Any = None, *, resets: bool = False) -> tuple[Any, list[Any]]:
        """Output, and states and input of each loop, as functions of the `zeros` at the taps and the embedding."""
        modes = [tap.mode for tap in self.taps]
        try:
            for mode in modes:
                mode.resets = resets
            for mode, value in zip(modes, zeros, strict=False):
                mode.zeros = value
            if self.tapped.embedded:
                self.tapped.embedded.mode.zeros = embedded
            found = self.tapped.model(x, training=False)
        finally:
            for mode in [*modes, *([self.tapped.embedded.mode] if self.tapped.embedded else [])]:
                mode.zeros, mode.resets = None, False
        output, *states = found if isinstance(found, (list, tuple)) else [found]
        return output, states


def _parts(tap: Tap, array: np.ndarray) -> list[np.ndarray]:
    """Each state."""
    return np.split(array, np.cumsum(tap.sizes)[:-1], axis=-1)

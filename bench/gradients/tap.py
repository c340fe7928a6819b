"""A model rebuilt so that the gradient with respect to the carried state of every step can be asked for.

The loop of a recurrent layer runs on its own state tensors: the loss has no gradient with respect to the sequence of
states that the layer returns, and asking for it gives exactly 0 at every step but the last. So a zero is added to the
state inside the loop, `s_t = cell(x_t, s_(t-1)) + e_t`, and dL/de_t is dL/ds_t, for all steps in one backward pass.

That pass is a loop of its own here, over the cell's vector-Jacobian products at the states of the forward pass: what
frameworks make of a loop's gradient with respect to its inputs takes several training steps, and under XLA on a CPU
time that grows with the square of the length.

Where the output of a cell is its first state (as of all of Keras's cells), the output has e_t added as well. A state
that the output is computed from otherwise, such as the c of an LSTM, is probed as it is carried: dL/dc_t leaves out the
path c_t -> h_t within the step.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import keras
from keras import ops

from bench import backends

_NAMES = ("h", "c")
_RANK = 3
"""Axes of a sequence: (batch, time, features); a convolutional loop, over maps, has more."""


@dataclass(frozen=True)
class Tap:
    """The states of one recurrent loop, where zeros are added."""

    layer: str
    """Name of the layer; of a bidirectional one with the direction, as in `bidirectional.backward`."""
    tapped: "_TappedCell"
    backwards: bool
    """The loop reads the sequence from its end."""
    zero_output: bool
    """The output at padded steps is zero, not that of the step before."""
    steps: int
    """Steps of the loop, which are those of the input unless a layer before shortened it."""
    mode: "_Mode"

    @property
    def cell(self) -> Any:
        """The cell of the model."""
        return self.tapped.cell

    @property
    def sizes(self) -> list[int]:
        """Units of each state."""
        return cast("list[int]", self.tapped.sizes)

    @property
    def names(self) -> list[str]:
        """What the states are called: h, or h and c, in the order of the cell; with more states h, c, s2, s3, ..."""
        return [_NAMES[index] if index < len(_NAMES) else f"s{index}" for index in range(len(self.sizes))]

    @property
    def shared(self) -> bool:
        """The output of the cell is its first state."""
        return self.tapped.shared

    def split(self, states: Any) -> list[Any]:
        """(batch, all states) into each state."""
        return _split(states, self.sizes)

    def step(self, x: Any, states: Sequence[Any]) -> list[Any]:
        """The states after one step, each (batch, units), of the cell as it is."""
        _, new = self.tapped.step(ops.convert_to_tensor(x), [ops.convert_to_tensor(part) for part in states])
        return cast("list[Any]", keras.tree.flatten(new))


class _Mode:
    """What a tap does; set while the model is traced."""

    zeros: Any = None
    """What is added, (batch, time, units), to ask the gradient for. Being zero, it need not really be added."""
    resets: bool = False
    """Every state is 0 after the first half of the real steps."""


class _Look(keras.Operation):
    """A step of a cell as Keras infers shapes: run on the backend it compiles each operation on JAX, most of a second.

    `shared`, once it was called: the output is the first of the new states.
    """

    def __init__(self, step: Callable[..., tuple[Any, Any]]) -> None:
        super().__init__()
        self.step, self.shared = step, False

    def call(self, *args: Any) -> Any:
        output, new = self.step(*args)
        self.shared = output is keras.tree.flatten(new)[0]
        return output


@contextmanager
def _without_dropout(cell: Any) -> Iterator[None]:
    """Keras's SimpleRNNCell makes a mask also where nothing is trained, and keeps it until a layer of its own resets
    it: of a probe's it would train on."""
    rates = [
        (part, name, getattr(part, name))
        for part in (cell, *getattr(cell, "cells", ()))
        for name in ("dropout", "recurrent_dropout")
        if isinstance(getattr(part, name, None), float)
    ]
    for part, name, _ in rates:
        setattr(part, name, 0.0)
    try:
        yield
    finally:
        for part, name, rate in rates:
            setattr(part, name, rate)


class _TappedCell(keras.layers.Layer):
    """A recurrent cell whose output and only state is its output and its states, or the states alone where the first
    of them is the output: at a padded step every backend hands on the output and the states of the step before.

    Where it `resets`, its input ends in what the new states are multiplied with, and its output stays what it is.
    """

    def __init__(self, cell: Any, features: int) -> None:
        super().__init__()
        self.cell, self.features = cell, features
        self.sizes = keras.tree.flatten(cell.state_size)
        look = _Look(lambda x, *states: self.step(x, list(states)))
        self.output_units = look(*(keras.KerasTensor((1, units)) for units in (features, *self.sizes))).shape[-1]
        self.shared = look.shared
        self.resets = False
        self.built = True

    @property
    def outputs(self) -> int:
        """Units in front of the states."""
        return 0 if self.shared and not self.resets else cast("int", self.output_units)

    @property
    def state_size(self) -> int:
        return self.outputs + cast("int", sum(self.sizes))

    output_size = state_size

    def packed(self, parts: list[Any]) -> Any:
        """The states as the cell takes them."""
        size = self.cell.state_size
        return parts if isinstance(size, int) else keras.tree.pack_sequence_as(size, parts)

    def step(self, x: Any, states: list[Any]) -> tuple[Any, Any]:
        """What the cell makes of a step. It drops nothing, and keeps no mask for a loop that comes later."""
        with _without_dropout(self.cell):
            return cast("tuple[Any, Any]", self.cell(x, self.packed(states)))

    def call(self, inputs: Any, states: Any) -> tuple[Any, Any]:
        output, new = self.step(inputs[:, : self.features], _split(states[0][:, self.outputs :], self.sizes))
        flat = keras.tree.flatten(new)
        if self.resets:
            flat = [state * inputs[:, self.features :] for state in flat]
        whole = ops.concatenate([*([output] if self.outputs else []), *flat], axis=-1)
        return whole, [whole]


class _Loop(keras.layers.Layer):
    """A recurrent layer, or both of a bidirectional one, with taps.

    It returns what the layer returns, then of each loop the states of every step, (batch, time, all states), in the
    order of the sequence, and what the loop read, (batch, time, features).
    """

    def __init__(self, layer: Any, loops: list[Any], taps: list[Tap]) -> None:
        super().__init__()
        self.layer, self.untapped, self.taps = layer, loops, taps
        self.supports_masking = True
        self.loops = [
            keras.layers.RNN(tap.tapped, return_sequences=True, go_backwards=loop.go_backwards, unroll=loop.unroll)
            for loop, tap in zip(loops, taps, strict=True)
        ]
        self.built = True

    def call(self, sequences: Any, mask: Any = None, initial_state: Any = None) -> Any:
        half = len(initial_state) // len(self.loops) if initial_state is not None else 0
        outputs, finals, states = [], [], []
        for index, (loop, tap) in enumerate(zip(self.loops, self.taps, strict=True)):
            if initial_state is None:
                start = self.untapped[index].get_initial_state(batch_size=ops.shape(sequences)[0])
            else:
                start = initial_state[index * half : (index + 1) * half]
            whole = _run(loop, tap, sequences, keras.tree.flatten(start), mask)
            state = whole[..., tap.tapped.outputs :]
            output = whole[..., : tap.tapped.output_units]
            if mask is not None and tap.zero_output:
                output = ops.where((ops.flip(mask, axis=1) if loop.go_backwards else mask)[..., None], output, 0.0)
            outputs.append(output if self.layer.return_sequences else output[:, -1])
            finals += tap.split(state[:, -1]) if self.layer.return_state else []
            state = ops.flip(state, axis=1) if loop.go_backwards else state
            states += [state, sequences]
        return (*self._merge(outputs), *finals, *states)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        own = mask if self.layer.return_sequences else None
        merged = len(self.loops) if getattr(self.layer, "merge_mode", "") is None else 1
        rest = sum(len(tap.sizes) for tap in self.taps) if self.layer.return_state else 0
        return (*[own] * merged, *[None] * (rest + 2 * len(self.loops)))

    def _merge(self, outputs: list[Any]) -> tuple[Any, ...]:
        if len(outputs) == 1:
            return tuple(outputs)
        forward, backward = outputs
        if self.layer.return_sequences:
            backward = ops.flip(backward, axis=1)
        match self.layer.merge_mode:
            case None:
                return forward, backward
            case "concat":
                return (ops.concatenate([forward, backward], axis=-1),)
            case "mul":
                return (forward * backward,)
            case mode:
                return ((forward + backward) / (2 if mode == "ave" else 1),)


def _run(loop: Any, tap: Tap, sequences: Any, start: Sequence[Any], mask: Any) -> Any:
    """Outputs and states of every step, (batch, time, outputs + states), in the order of processing."""
    cell = tap.tapped
    cell.resets = tap.mode.resets

    def whole(sequences: Any, start: Sequence[Any]) -> Any:
        return loop(sequences, mask=mask, initial_state=[_first(cell, start)])

    if tap.mode.resets:
        return whole(ops.concatenate([sequences, _keep(sequences, mask, backwards=tap.backwards)], axis=-1), start)

    @ops.custom_gradient
    def run(sequences: Any, _: Any, *start: Any) -> tuple[Any, Any]:
        found = whole(sequences, start)

        def gradient(*given: Any, upstream: Any = None, variables: Any = ()) -> Any:
            later = given[-1] if upstream is None else upstream  # PyTorch's is named and comes after all arguments
            gradients = _backward(loop, sequences, start, mask, found, later)
            return (gradients, [None] * len(variables)) if variables else gradients

        return found, gradient

    return run(sequences, _zeros(sequences, sum(tap.sizes)) if tap.mode.zeros is None else tap.mode.zeros, *start)


def _first(cell: _TappedCell, start: Sequence[Any]) -> Any:
    """What a tapped cell starts from: (batch, outputs + states)."""
    return ops.pad(ops.concatenate(list(start), axis=-1), [[0, 0], [cell.outputs, 0]])


def _keep(sequences: Any, mask: Any, *, backwards: bool) -> Any:
    """0 at the step that ends the first half of the real ones, in the order of the loop, else 1: (batch, time, 1)."""
    real = ops.ones_like(sequences[..., 0]) if mask is None else ops.cast(mask, sequences.dtype)
    count = ops.flip(ops.cumsum(ops.flip(real, axis=1), axis=1), axis=1) if backwards else ops.cumsum(real, axis=1)
    half = ops.floor(ops.sum(real, axis=1, keepdims=True) / 2)
    return (1 - real * ops.cast(ops.equal(count, half), real.dtype))[..., None]


def _backward(loop: Any, sequences: Any, start: Sequence[Any], mask: Any, whole: Any, upstream: Any) -> tuple[Any, ...]:
    """Gradients with respect to sequences, what is added, and start, from that with respect to `whole`."""
    cell = loop.cell
    if loop.go_backwards:
        sequences, mask = ops.flip(sequences, axis=1), None if mask is None else ops.flip(mask, axis=1)
    before = ops.concatenate([_first(cell, start)[:, None], whole[:, :-1]], axis=1)
    steps = [sequences, before, upstream] + ([] if mask is None else [ops.cast(mask, whole.dtype)[..., None]])
    back = _Backward(cell, [array.shape[-1] for array in steps])
    run = keras.layers.RNN(back, return_sequences=True, return_state=True, go_backwards=True)
    found, to_start = run(ops.concatenate(steps, axis=-1), initial_state=[ops.zeros_like(whole[:, 0])])
    if not loop.go_backwards:  # the backward loop ran over the steps in turn
        found = ops.flip(found, axis=1)
    features = cell.features
    return (found[..., :features], found[..., features:], *_split(to_start[:, cell.outputs :], cell.sizes))


class _Backward(keras.layers.Layer):
    """The backward pass as a cell.

    It reads of a step [input, output and states before, their gradient] and, with a mask, whether the step is real;
    carries the gradient of output and states; returns that of the input and of the states as they are handed on.
    """

    def __init__(self, cell: _TappedCell, widths: list[int]) -> None:
        super().__init__()
        self.cell, self.widths = cell, widths
        self.output_size, self.state_size = cell.features + sum(cell.sizes), cell.state_size
        self.built = True

    def call(self, inputs: Any, states: Any) -> tuple[Any, Any]:
        x, before, upstream, *mask = _split(inputs, self.widths)
        later = states[0] + upstream
        vjp = backends.load(keras.backend.backend()).vjp
        to_x, handed = vjp(lambda x, before: self.cell(x, [before])[0], (x, before), later)
        found = ops.concatenate([to_x, later[:, self.cell.outputs :]], axis=-1)
        if not mask:
            return found, [handed]
        # A padded step hands on its states and its output.
        return mask[0] * found, [mask[0] * handed + (1 - mask[0]) * later]


class _Embedded(keras.layers.Layer):
    """Adds the zeros of a tap to an embedded sequence (batch, time, units)."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units, self.mode = units, _Mode()
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs if self.mode.zeros is None else inputs + self.mode.zeros


@dataclass(frozen=True)
class Tapped:
    """A model with taps: `model(x)` returns [output, then states and input of each loop in the order of `taps`]."""

    model: keras.Model
    taps: list[Tap]
    embedded: "_Embedded | None"
    """Where tokens are embedded: the sequence that enters the rest of the model."""
    untapped: dict[str, str]
    """Recurrent layers without a tap, and why."""


def tapped(model: keras.Model, *, tokens: bool) -> Tapped:
    """The same model, sharing its weights, with a tap in every recurrent loop and, for tokens, behind their embedding.

    `model` is built and not compiled. A loop whose states are not (batch, units) each gets no tap.
    """
    taps: list[Tap] = []
    untapped: dict[str, str] = {}
    embedded: list[_Embedded] = []
    states: list[Any] = []
    whole = (model.inputs[0].shape, model.inputs[0].dtype)

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        reads_input = bool(args) and hasattr(args[0], "shape") and (args[0].shape, args[0].dtype) == whole
        if tokens and isinstance(layer, keras.layers.Embedding) and reads_input and not embedded:
            embedded.append(_Embedded(layer.output_dim))
            return embedded[0](layer(*args, **kwargs))
        loops = _loops(layer)
        reason = next((why for _, loop in loops if (why := _refusal(loop, args))), None)
        inside = layer._flatten_layers(include_self=False) if isinstance(layer, keras.Layer) else ()
        if not loops and any(map(_loops, inside)):
            reason = "lies inside another layer"
        if reason:
            untapped[layer.name] = reason
        if not loops or reason:
            return layer(*args, **kwargs)
        kwargs.pop("training", None)
        _, steps, features = args[0].shape
        own = [
            Tap(name, _TappedCell(loop.cell, features), loop.go_backwards, loop.zero_output_for_mask, steps, _Mode())
            for name, loop in loops
        ]
        found = _Loop(layer, [loop for _, loop in loops], own)(*args, **kwargs)
        taps.extend(own)
        states.extend(found[-2 * len(own) :])
        rest = found[: -2 * len(own)]
        return rest[0] if len(rest) == 1 else rest

    functional = keras.Model(model.inputs[0], model.outputs[0])  # of a Sequential too
    copy = keras.models.clone_model(functional, clone_function=lambda layer: layer, call_function=call)
    outputs = [copy.outputs[0], *states]
    return Tapped(keras.Model(copy.inputs[0], outputs), taps, embedded[0] if embedded else None, untapped)


def _loops(layer: Any) -> list[tuple[str, Any]]:
    """The recurrent loops of a layer, by name."""
    if isinstance(layer, keras.layers.Bidirectional):
        return [(f"{layer.name}.forward", layer.forward_layer), (f"{layer.name}.backward", layer.backward_layer)]
    return [(layer.name, layer)] if isinstance(layer, keras.layers.RNN) else []


def _refusal(layer: Any, inputs: Sequence[Any]) -> str | None:
    """Why a recurrent layer gets no tap, or None."""
    if not inputs or len(inputs[0].shape) != _RANK:
        return "expected a sequence (batch, time, features)"
    if layer.stateful:
        return "keeps its state from batch to batch"
    sizes = keras.tree.flatten(layer.cell.state_size)
    return None if all(isinstance(size, int) for size in sizes) else f"expected states (batch, units), received {sizes}"


def _zeros(like: Any, units: int) -> Any:
    return ops.zeros((ops.shape(like)[0], like.shape[1], units))


def _split(tensor: Any, sizes: list[int]) -> list[Any]:
    ends = [sum(sizes[: index + 1]) for index in range(len(sizes))]
    return [tensor[..., end - size : end] for end, size in zip(ends, sizes, strict=True)]

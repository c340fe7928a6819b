"""The probe against analytic gradients, against finite differences, and against the loop written out step by step."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from oracle import gradients

from bench import backends
from bench.architecture import InputSpec
from bench.architectures.tcn import MAX_BLOCKS, receptive_field
from bench.catalogue import discover
from bench.gradients.probe import Found, Probe
from bench.task import Split

contract = pytest.mark.contract
CELLS = ("rnn", "irnn", "gru", "lstm", "lstm-1997")
"""An arm of each cell: the others differ in the weights that they start from."""


@pytest.fixture(autouse=True)
def _seeded() -> None:
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)


def build(arm: str, spec: InputSpec, *, units: int = 5, **settings: Any) -> keras.Model:
    architecture = discover().architecture(arm).value
    defaults = {key: setting.default for key, setting in architecture.settings.items()}
    return architecture.build(spec, **{**defaults, "units": units, **settings}, **architecture.fixed)


def sequences(spec: InputSpec, n: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if spec.kind != "tokens":
        return rng.normal(size=(n, *spec.shape)).astype("float32")
    x = rng.integers(1, spec.vocabulary, (n, *spec.shape)).astype("int32")
    x[0, :3] = 0
    x[1, :1] = 0
    return x


def regression(steps: int, features: int = 2) -> InputSpec:
    return InputSpec("sequence", (steps, features), outputs=1)


def probed(model: keras.Model, spec: InputSpec, split: Split, loss: Any = "mse", *, jit: bool = True) -> Found:
    return Probe(model, spec, loss, jit=jit)(split)


@contract
def test_a_probe_leaves_no_mask_of_its_own_to_train_on() -> None:
    """Keras's SimpleRNNCell keeps one, also where nothing is trained."""
    spec = regression(6)
    recurrent = keras.layers.SimpleRNN(5, dropout=0.5, recurrent_dropout=0.5)
    model = keras.Sequential([keras.Input(spec.shape), recurrent, keras.layers.Dense(1)])
    x = sequences(spec, 4)
    first, again = (probed(model, spec, Split(x, np.ones((4, 1), "float32"))) for _ in range(2))
    np.testing.assert_array_equal(first.states[0][0], again.states[0][0])
    kernel, weight, bias = recurrent.get_weights()
    h = np.zeros((4, 5))
    for step in range(6):
        h = np.tanh(x[:, step] @ kernel + bias + h @ weight)
        np.testing.assert_allclose(first.states[0][0][:, step], h, atol=1e-5)
    assert (recurrent.cell.dropout, recurrent.cell.recurrent_dropout) == (0.5, 0.5)
    model.compile("sgd", "mse", jit_compile=False)
    assert np.isfinite(model.train_on_batch(sequences(spec, 3), np.ones((3, 1), "float32")))


def unscaled(found: Found, tap: int = 0, state: int = 0) -> np.ndarray:
    return found.gradients[tap][state].astype("float64") * 2.0**-found.scale_log2


def ratios(found: Found, state: int = 0, *, first: int = 0) -> np.ndarray:
    """Norm of the gradient at each lag from `first` on, by that at `first`, (samples, lags)."""
    norms = np.linalg.norm(unscaled(found, state=state), axis=-1)[:, ::-1]
    return norms[:, first:] / norms[:, first : first + 1]


class LinearCell(keras.layers.Layer):
    """h = A h + x W: every derivative is known."""

    def __init__(self, matrix: np.ndarray) -> None:
        super().__init__()
        self.matrix = matrix.astype("float32")
        self.state_size = self.output_size = len(matrix)

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        h = ops.matmul(states[0], self.matrix.T) + ops.pad(inputs, [[0, 0], [0, len(self.matrix) - inputs.shape[-1]]])
        return h, [h]


def linear(matrix: np.ndarray, steps: int) -> Found:
    spec = regression(steps)
    inputs = keras.Input(spec.shape)
    h = keras.layers.RNN(LinearCell(matrix))(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(h))
    return probed(model, spec, Split(sequences(spec), np.ones((3, 1), "float32")))


def orthogonal(size: int) -> np.ndarray:
    return np.asarray(np.linalg.qr(np.random.default_rng(2).normal(size=(size, size)))[0])


@pytest.mark.parametrize(
    ("matrix", "rate"),
    [
        pytest.param(0.9 * np.eye(4), 0.9, id="scaled"),
        pytest.param(0.5 * np.eye(4), 0.5, id="halved"),
        pytest.param(0.8 * orthogonal(4), 0.8, id="scaled orthogonal", marks=contract),
        pytest.param(orthogonal(4), 1.0, id="orthogonal"),
    ],
)
def test_a_linear_state_passes_its_gradient_on_by_the_powers_of_its_matrix(matrix: np.ndarray, rate: float) -> None:
    found = ratios(linear(matrix, 100))
    np.testing.assert_allclose(found, np.broadcast_to(rate ** np.arange(100), found.shape), rtol=1e-5)


def test_a_diagonal_state_falls_at_last_as_its_largest_factor() -> None:
    found = ratios(linear(np.diag([0.9, 0.5, 0.3]), 100))
    np.testing.assert_allclose(found[:, 60:] / found[:, 59:-1], 0.9, rtol=1e-5)


@contract
def test_an_lstm_without_kernels_keeps_its_cell_by_the_forget_gate_alone() -> None:
    spec = regression(100)
    model = build("lstm", spec, units=4)
    cell = next(layer for layer in model.layers if isinstance(layer, keras.layers.LSTM)).cell
    kernel, recurrent, bias = cell.get_weights()
    bias[4:8], bias[8:12] = 2.0, 1.0  # forget; candidate, so that the cell holds something
    cell.set_weights([0 * kernel, 0 * recurrent, bias])
    found = probed(model, spec, Split(sequences(spec), np.ones((3, 1), "float32")))
    forget = 1 / (1 + np.exp(-2.0))
    # What is carried out of the last step is not used; from the step before on it is f per step.
    assert not found.gradients[0][1][:, -1].any()
    expected = forget ** np.arange(99)
    np.testing.assert_allclose(ratios(found, state=1, first=1), np.broadcast_to(expected, (3, 99)), rtol=1e-5)
    assert found.gradients[0][0][:, -1].any()
    assert not found.gradients[0][0][:, :-1].any()


class MinGRUCell(keras.layers.Layer):
    """h = (1 - z) h + z c with gates that read the input alone (Feng et al. 2024)."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.state_size = self.output_size = self.units = units

    def build(self, shape: tuple[int, ...]) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 2 * self.units), name="kernel")

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        z, c = ops.split(ops.matmul(inputs, self.kernel), 2, axis=-1)
        z = ops.sigmoid(z)
        h = (1 - z) * states[0] + z * c
        return h, [h]


def test_a_minimal_gru_passes_on_the_product_of_what_it_keeps() -> None:
    spec = regression(60)
    inputs = keras.Input(spec.shape)
    layer = keras.layers.RNN(MinGRUCell(4))
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    x = sequences(spec)
    found = unscaled(probed(model, spec, Split(x, np.ones((3, 1), "float32"))))
    kept = 1 - 1 / (1 + np.exp(-(x.astype("float64") @ layer.cell.get_weights()[0][:, :4].astype("float64"))))
    products = np.cumprod(kept[:, :0:-1], axis=1)[:, ::-1]
    np.testing.assert_allclose(found[:, :-1], found[:, -1:] * products, rtol=1e-5)


@contract
def test_a_causal_network_has_no_gradient_beyond_its_receptive_field_or_from_later_steps() -> None:
    spec = InputSpec("sequence", (40, 2), outputs=3)
    inputs = keras.Input(spec.shape)
    x = keras.layers.Conv1D(4, 3, padding="causal", activation="tanh")(inputs)
    x = keras.layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="tanh")(x)
    model = keras.Model(inputs, keras.layers.Dense(3)(x[:, -1]))
    gradient = probed(model, spec, Split(sequences(spec), np.zeros(3, "int32")), "cross-entropy").input
    assert gradient is not None
    field = 1 + 2 + 2 * 2
    assert not gradient[:, :-field].any()
    assert gradient[:, -field:].any(axis=-1).all()


def test_the_causal_arm_has_no_gradient_beyond_its_receptive_field() -> None:
    field = receptive_field(MAX_BLOCKS, kernel=2)
    spec = InputSpec("sequence", (field + 60, 2), outputs=3)
    model = build("tcn", spec, units=8, kernel=2)
    gradient = probed(model, spec, Split(sequences(spec), np.zeros(3, "int32")), "cross-entropy").input
    assert gradient is not None
    assert not gradient[:, :-field].any()
    # One path alone leads to the very first of these steps, through twenty units that may be off.
    assert gradient[:, -field : -field + 64].any()


def test_the_causal_arm_has_no_gradient_from_steps_after_the_one_that_is_probed() -> None:
    spec = InputSpec("sequence", (30, 2), outputs=3, per_step=True)
    split = Split(sequences(spec), np.zeros((3, 30), "int32"))
    gradient = Probe(build("tcn", spec), spec, "cross-entropy", jit=False, at=12)(split).input
    assert gradient is not None
    assert not gradient[:, 13:].any()
    assert gradient[:, 12].any(axis=-1).all()


@contract
@pytest.mark.parametrize("arm", ["lstm", "bilstm"])
def test_the_loss_of_a_chosen_step_is_the_one_that_is_probed(arm: str) -> None:
    spec = InputSpec("sequence", (7, 2), outputs=3, per_step=True)
    model = build(arm, spec, units=3)
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    split = Split(sequences(spec), rng.integers(0, 3, (3, 7)).astype("int32"))
    found = Probe(model, spec, "cross-entropy", jit=True, at=4)(split)

    def losses(x: np.ndarray) -> np.ndarray:
        output = model(x.astype("float32"), training=False)[:, 4]
        value = keras.losses.sparse_categorical_crossentropy(split.y[:, 4], output, from_logits=True)
        return np.asarray(ops.convert_to_numpy(value))

    np.testing.assert_allclose(found.loss, losses(split.x), rtol=1e-5)
    assert found.input is not None
    slopes = difference(lambda moved: losses(split.x + moved), split.x.shape)
    np.testing.assert_allclose(found.input * 2.0**-found.scale_log2, slopes, rtol=2e-2, atol=2e-4)
    assert found.input[:, 5:].any() == (arm == "bilstm")  # one that reads both ways reads what follows too


def difference(loss: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...], step: float = 1e-2) -> np.ndarray:
    """Central differences of a loss (samples,) in each of `shape` = (samples, time, units), all samples at once."""
    found = np.zeros(shape)
    for t in range(shape[1]):
        for unit in range(shape[2]):
            moved = np.zeros(shape, "float32")
            moved[:, t, unit] = step
            found[:, t, unit] = (loss(moved) - loss(-moved)) / (2 * step)
    return found


@contract
@pytest.mark.parametrize("arm", CELLS)
def test_gradients_of_every_cell_are_those_of_finite_differences(arm: str) -> None:
    spec = InputSpec("sequence", (7, 2), outputs=3)
    model = build(arm, spec, units=3)
    # Away from the symmetric start, so that every part of the gradient is there.
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(0, 0.7, weight.shape) for weight in model.get_weights()])
    split = Split(sequences(spec), np.array([0, 1, 2], "int32"))
    probe = Probe(model, spec, "cross-entropy", jit=True)
    found = probe(split)
    sizes = probe.taps[0].sizes

    def loss(moved: np.ndarray) -> np.ndarray:
        return stepped(probe, model, split, moved)

    gradient = np.concatenate([unscaled(found, state=index) for index in range(len(sizes))], axis=-1)
    np.testing.assert_allclose(gradient, difference(loss, gradient.shape, 1e-4), rtol=1e-4, atol=1e-7)


def stepped(probe: Probe, model: keras.Model, split: Split, moved: np.ndarray) -> np.ndarray:
    """The loss (samples,) in float64 of the loop written out in NumPy, `moved` added to the states."""
    cell, readout = probe.taps[0].cell, model.layers[-1]
    weights = [weight.astype("float64") for weight in cell.get_weights()]
    kind = type(cell).__name__
    relu = kind == "SimpleRNNCell" and cell.activation is keras.activations.relu
    units = probe.taps[0].sizes[0]
    h = np.zeros((len(split.x), units))
    c = h
    for t in range(split.x.shape[1]):
        x = split.x[:, t].astype("float64")
        h, c = STEPS[kind](x, h, c, weights, relu)
        h = h + moved[:, t, :units]
        c = c + moved[:, t, units:] if moved.shape[2] > units else c
    kernel, bias = (weight.astype("float64") for weight in readout.get_weights())
    logits = h @ kernel + bias
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), split.y]


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def _rnn(x: Any, h: Any, c: Any, weights: Any, relu: bool) -> tuple[Any, Any]:
    z = x @ weights[0] + h @ weights[1] + weights[2]
    return (np.maximum(z, 0) if relu else np.tanh(z)), c


def _lstm(x: Any, h: Any, c: Any, weights: Any, _: bool) -> tuple[Any, Any]:
    i, f, g, o = np.split(x @ weights[0] + h @ weights[1] + weights[2], 4, axis=1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _lstm_1997(x: Any, h: Any, c: Any, weights: Any, _: bool) -> tuple[Any, Any]:
    i, g, o = np.split(x @ weights[0] + h @ weights[1] + weights[2], 3, axis=1)
    c = c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _gru(x: Any, h: Any, c: Any, weights: Any, _: bool) -> tuple[Any, Any]:
    a = np.split(x @ weights[0] + weights[2][0], 3, axis=1)
    b = np.split(h @ weights[1] + weights[2][1], 3, axis=1)
    z, r = _sigmoid(a[0] + b[0]), _sigmoid(a[1] + b[1])
    return z * h + (1 - z) * np.tanh(a[2] + r * b[2]), c


STEPS = {"SimpleRNNCell": _rnn, "LSTMCell": _lstm, "LSTM1997Cell": _lstm_1997, "GRUCell": _gru}


def unrolled(model: keras.Model, spec: InputSpec, split: Split) -> list[np.ndarray]:
    """The same gradients as the framework itself gives them through a loop unrolled in Python, loop by loop.

    Slow and simple: for stacked, bidirectional and masked models of Keras's LSTM, zeros added to each step's states.
    """
    embedding = next((each for each in model.layers if isinstance(each, keras.layers.Embedding)), None)
    readout = model.layers[-1]
    loops: list[tuple[Any, bool]] = []
    for each in model.layers:
        if isinstance(each, keras.layers.Bidirectional):
            loops += [(each.forward_layer, False), (each.backward_layer, True)]
        elif isinstance(each, keras.layers.RNN):
            loops.append((each, False))
    bidirectional = isinstance(model.layers[-2], keras.layers.Bidirectional)
    steps = split.x.shape[1]
    real = ops.convert_to_tensor(split.x != 0 if spec.kind == "tokens" else np.ones(split.x.shape[:2], bool))

    def loss(*zeros: Any) -> Any:
        sequence = ops.convert_to_tensor(split.x) if embedding is None else embedding(split.x)
        lasts = []
        for (loop, backwards), added in zip(loops, zeros, strict=True):
            states = [ops.zeros((len(split.x), size)) for size in loop.cell.state_size]
            outputs: list[Any] = [None] * steps
            for t in reversed(range(steps)) if backwards else range(steps):
                _, new = loop.cell(sequence[:, t], states)
                new = [part + zero for part, zero in zip(new, ops.split(added[:, t], 2, axis=-1), strict=True)]
                states = [ops.where(real[:, t : t + 1], part, old) for part, old in zip(new, states, strict=True)]
                outputs[t] = states[0]
            lasts.append(states[0])
            if not bidirectional:
                sequence = ops.stack(outputs, axis=1)
        output = readout(ops.concatenate(lasts, axis=-1) if bidirectional else lasts[-1])
        return ops.sum(ops.sparse_categorical_crossentropy(split.y, output, from_logits=True))

    shapes = [(*split.x.shape[:2], sum(loop.cell.state_size)) for loop, _ in loops]
    return gradients(loss, *[np.zeros(shape, "float32") for shape in shapes])


TOKENS = InputSpec("tokens", (8,), outputs=3, vocabulary=12)
SEQUENCE = InputSpec("sequence", (8, 2), outputs=3)


@pytest.mark.parametrize("jit", [pytest.param(True, id="xla", marks=contract), pytest.param(False, id="graph")])
@pytest.mark.parametrize(
    ("arm", "spec", "layers"),
    [("lstm", SEQUENCE, 2), ("bilstm", SEQUENCE, 1), ("lstm", TOKENS, 1), ("bilstm", TOKENS, 1)],
    ids=["stacked", "both directions", "masked", "masked, both directions"],
)
def test_stacked_bidirectional_and_masked_loops_have_the_gradients_of_the_framework(
    arm: str, spec: InputSpec, layers: int, jit: bool
) -> None:
    model = build(arm, spec, layers=layers)
    split = Split(sequences(spec), np.array([0, 1, 2], "int32"))
    found = probed(model, spec, split, "cross-entropy", jit=jit)
    for tap, expected in enumerate(unrolled(model, spec, split)):
        ours = np.concatenate([unscaled(found, tap, state) for state in range(2)], axis=-1)
        size = np.linalg.norm(expected, axis=-1)
        assert (np.linalg.norm(ours - expected, axis=-1) <= 1e-5 * size).all()  # both are float32


@pytest.mark.parametrize("arm", ["rnn", "lstm", "gru"])
def test_the_obvious_probe_would_see_nothing(arm: str) -> None:
    """The gradient with respect to the sequence of states that a layer returns is 0 but at the last step: it would show
    gradients to vanish at once for any cell. Ours is not, for the same model."""
    spec = InputSpec("sequence", (9, 2), outputs=3)
    model = build(arm, spec)
    layer = next(each for each in model.layers if isinstance(each, keras.layers.RNN))
    layer.return_sequences = True
    split = Split(sequences(spec), np.array([0, 1, 2], "int32"))

    def loss(states: Any) -> Any:
        output = model.layers[-1](states[:, -1])
        return ops.sum(ops.sparse_categorical_crossentropy(split.y, output, from_logits=True))

    (wrong,) = gradients(loss, ops.convert_to_numpy(layer(split.x)))
    assert wrong[:, -1].any()
    assert not wrong[:, :-1].any()
    layer.return_sequences = False
    ours = unscaled(probed(model, spec, split, "cross-entropy"))
    np.testing.assert_allclose(ours[:, -1], wrong[:, -1], rtol=1e-4, atol=1e-7)
    assert (np.linalg.norm(ours[:, :-1], axis=-1) > 0).all()


@contract
def test_the_probe_changes_neither_the_model_nor_its_training() -> None:
    spec = regression(12)
    split = Split(sequences(spec, 8), np.ones((8, 1), "float32"))
    losses = []
    for watched in (False, True):
        keras.utils.set_random_seed(5)
        model = build("lstm", spec)
        probe = Probe(model, spec, "mse", jit=True)
        model.compile("adam", "mse", jit_compile=backends.load(keras.backend.backend()).compiles(True))
        row = []
        for _ in range(5):
            if watched:
                probe(split)
            model.reset_metrics()
            row.append(float(model.train_on_batch(*split)))
        losses.append(row)
    assert losses[0] == losses[1]


@pytest.mark.parametrize("arm", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("layers", [1, pytest.param(2, marks=contract)])
def test_after_a_reset_nothing_is_left_of_the_first_half(arm: str, layers: int) -> None:
    spec = regression(10)
    probe = Probe(build(arm, spec, layers=layers), spec, "mse", jit=True)
    x = sequences(spec)
    early, late = x.copy(), x.copy()
    early[:, :5] += 1
    late[:, 5] += 1
    np.testing.assert_allclose(probe.reset(early), probe.reset(x), rtol=1e-5, atol=1e-7)
    assert not np.allclose(probe.reset(late), probe.reset(x))
    kept = [ops.convert_to_numpy(probe.tapped.model(read)[0]) for read in (early, x)]
    assert not np.allclose(*kept)


@contract
def test_the_half_that_is_reset_is_that_of_the_real_steps() -> None:
    model = build("lstm", TOKENS)
    probe = Probe(model, TOKENS, "cross-entropy", jit=True)
    x = sequences(TOKENS)
    x[:, :4] = 0  # four real steps are left, two of them before the reset
    early, late = x.copy(), x.copy()
    early[:, 4:6] = x[:, 4:6] % 11 + 1
    late[:, 6] = x[:, 6] % 11 + 1
    np.testing.assert_allclose(probe.reset(early), probe.reset(x), rtol=1e-5, atol=1e-7)
    assert not np.allclose(probe.reset(late), probe.reset(x))


@contract
def test_both_directions_are_reset_after_their_own_half() -> None:
    spec = regression(10)
    probe = Probe(build("bilstm", spec), spec, "mse", jit=True)
    x = sequences(spec)
    changed = x.copy()
    changed[:, 4] += 1  # of use to neither: read just before the reset forwards, and overwritten ...
    changed[:, 5] += 1  # ... as this is backwards
    forward = changed.copy()
    forward[:, 4] = x[:, 4]
    assert not np.allclose(probe.reset(changed), probe.reset(x))
    lone = x.copy()
    lone[:, 4] += 1  # backwards it is read after the reset
    assert not np.allclose(probe.reset(lone), probe.reset(x))

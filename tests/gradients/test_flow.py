"""A whole probe on what is unusual: no time, one step, one sequence, padding alone, odd cells, broken weights."""

import math
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from bench.architecture import InputSpec
from bench.catalogue import discover
from bench.gradients.closer import closer
from bench.gradients.flow import Flow, half_way, measure, stack
from bench.gradients.probe import Probe
from bench.task import Loss, Split

RNG = np.random.default_rng(0)


def flow_of(model: keras.Model, spec: InputSpec, split: Split, loss: Loss = "cross-entropy") -> Flow:
    probe = Probe(model, spec, loss, jit=False)
    flow = measure(probe, split, 0, None)
    closer(probe, flow, split, None, spectrum=True)  # is not to fail where flow does not
    return flow


def built(arm: str, spec: InputSpec, **settings: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    architecture = discover().architecture(arm).value
    defaults = {key: setting.default for key, setting in architecture.settings.items()}
    return architecture.build(spec, **{**defaults, "units": 4, **settings}, **architecture.fixed)


def around(cell: Any, spec: InputSpec) -> keras.Model:
    inputs = keras.Input(spec.shape)
    return keras.Model(inputs, keras.layers.Dense(spec.outputs)(keras.layers.RNN(cell)(inputs)))


def drawn(spec: InputSpec, n: int = 6) -> Split:
    rng = np.random.default_rng(1)
    return Split(rng.normal(size=(n, *spec.shape)).astype("float32"), rng.integers(0, spec.outputs, n).astype("int32"))


def losses_of(model: keras.Model, split: Split) -> np.ndarray:
    losses = ops.sparse_categorical_crossentropy(split.y, model(split.x), from_logits=True)
    return np.asarray(ops.convert_to_numpy(losses))


def test_an_image_has_a_gradient_by_position_and_nothing_over_lag() -> None:
    spec = InputSpec("image", (5, 4, 3), outputs=3)
    split = drawn(spec)
    model = built("mlp", spec, units=32)  # enough that no sequence meets dead units alone
    flow = flow_of(model, spec, split)
    assert flow.record.decay == {}
    assert flow.record.saturation is None
    assert flow.arrays["profile_input"].shape == (20, 4)
    step, row, column = 1e-2, 2, 3
    losses = []
    for sign in (1, -1):
        moved = split.x.copy()
        moved[:, row, column, 1] += sign * step
        losses.append(losses_of(model, Split(moved, split.y)))
    found = flow.found.input
    assert found is not None
    slope = (losses[0] - losses[1]) / (2 * step)
    np.testing.assert_allclose(found[:, row, column, 1] * 2.0**-flow.found.scale_log2, slope, rtol=2e-2, atol=1e-4)
    norms = np.linalg.norm(found[:, row, column].astype("float64"), axis=-1) * 2.0**-flow.found.scale_log2
    assert flow.arrays["profile_input"][row * 4 + column, 0] == pytest.approx(np.log10(norms).mean(), rel=1e-5)


def test_a_vector_has_a_gradient_by_feature() -> None:
    spec = InputSpec("vector", (7,), outputs=3)
    assert flow_of(built("mlp", spec), spec, drawn(spec)).arrays["profile_input"].shape == (7, 4)


@pytest.mark.parametrize("arm", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("n", [1, 3])
def test_one_step_and_one_sequence_are_measured_without_a_fit(arm: str, n: int) -> None:
    spec = InputSpec("sequence", (1, 2), outputs=3)
    flow = flow_of(built(arm, spec), spec, drawn(spec, n))
    assert math.isnan(flow.record.decay["h"].half_life)
    assert flow.record.samples == n
    assert np.isfinite(flow.arrays["profile_h"]).all()


@pytest.mark.contract
def test_a_row_of_padding_alone_is_in_no_profile() -> None:
    spec = InputSpec("tokens", (12,), outputs=3, vocabulary=9)
    x = RNG.integers(1, 9, (6, 12)).astype("int32")
    y = RNG.integers(0, 3, 6).astype("int32")
    model = built("lstm", spec)
    whole = flow_of(model, spec, Split(x[1:], y[1:]))
    x[0] = 0
    padded = flow_of(model, spec, Split(x, y))
    for key in ("profile_h", "profile_c", "profile_input"):
        np.testing.assert_allclose(padded.arrays[key], whole.arrays[key], rtol=1e-4, atol=1e-4)
    assert padded.record.not_finite == 0


@pytest.mark.contract
def test_padding_before_a_sequence_changes_nothing_at_a_lag() -> None:
    spec = InputSpec("tokens", (12,), outputs=3, vocabulary=9)
    x = np.zeros((6, 12), "int32")
    x[:, 4:] = RNG.integers(1, 9, (6, 8))
    y = RNG.integers(0, 3, 6).astype("int32")
    padded = flow_of(built("lstm", spec), spec, Split(x, y))
    short = InputSpec("tokens", (8,), outputs=3, vocabulary=9)
    bare = flow_of(built("lstm", short), short, Split(x[:, 4:], y))
    np.testing.assert_allclose(padded.arrays["profile_h"][:8], bare.arrays["profile_h"], rtol=1e-4, atol=1e-4)
    assert np.isnan(padded.arrays["profile_h"][8:]).all()
    assert padded.record.decay["h"].last == 7


class ThreeStates(keras.layers.Layer):
    """h, c and a slow average, of 4, 4 and 2 units; the output is none of them."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size, self.output_size = [4, 4, 2], 3

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 4), name="kernel")
        self.readout = self.add_weight(shape=(10, 3), name="readout")

    def call(self, inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        h, c, slow = states
        c = 0.9 * c + ops.tanh(ops.matmul(inputs, self.kernel) + h)
        h = ops.tanh(c)
        slow = 0.95 * slow + 0.05 * h[:, :2]
        return ops.matmul(ops.concatenate([h, c, slow], axis=-1), self.readout), [h, c, slow]


@pytest.mark.contract
def test_a_cell_of_three_states_of_unequal_size_is_measured() -> None:
    spec = InputSpec("sequence", (20, 2), outputs=3)
    keras.utils.set_random_seed(0)
    flow = flow_of(around(ThreeStates(), spec), spec, drawn(spec))
    assert set(flow.record.decay) == {"input", "h", "c", "s2"}
    assert flow.found.gradients[0][2].shape == (6, 20, 2)
    # Carried, the slow average reaches the output by 0.95 a step and by no other way.
    norms = np.linalg.norm(flow.found.gradients[0][2].astype("float64"), axis=-1)
    np.testing.assert_allclose(norms[:, :-2] / norms[:, 1:-1], 0.95, rtol=1e-5)
    assert flow.record.unprobed == {}


@pytest.mark.contract
def test_stacked_cells_are_measured() -> None:
    spec = InputSpec("sequence", (20, 2), outputs=3)
    keras.utils.set_random_seed(0)
    cells = [keras.layers.LSTMCell(4), keras.layers.GRUCell(3)]
    flow = flow_of(around(cells, spec), spec, drawn(spec))
    assert [part.shape[-1] for part in flow.found.gradients[0]] == [4, 4, 3]


def test_a_loop_over_maps_is_refused_with_the_reason_and_the_input_measured() -> None:
    spec = InputSpec("sequence", (6, 8), outputs=3)
    inputs = keras.Input(spec.shape)
    x = keras.layers.ConvLSTM1D(2, 3)(keras.layers.Reshape((6, 8, 1))(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    flow = flow_of(model, spec, drawn(spec))
    assert flow.record.unprobed == {"conv_lstm1d": "expected a sequence (batch, time, features)"}
    assert set(flow.record.decay) == {"input"}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_gradients_that_are_not_finite_are_counted_and_in_no_mean(bad: float) -> None:
    spec = InputSpec("sequence", (10, 2), outputs=3)
    model = built("lstm", spec)
    split = drawn(spec)
    split.x[2, 4] = bad
    flow = flow_of(model, spec, split)
    kept = [0, 1, 3, 4, 5]
    rest = flow_of(model, spec, Split(split.x[kept], split.y[kept]))
    assert flow.record.not_finite == 1
    np.testing.assert_allclose(flow.arrays["profile_h"], rest.arrays["profile_h"], rtol=1e-3, atol=1e-3)


@pytest.mark.contract
def test_weights_that_are_not_finite_give_no_number_and_no_error() -> None:
    spec = InputSpec("sequence", (10, 2), outputs=3)
    model = built("lstm", spec)
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    flow = flow_of(model, spec, drawn(spec))
    assert flow.record.not_finite == 6
    assert math.isnan(flow.record.decay["h"].half_life)
    assert flow.record.gates == {}


@pytest.mark.contract
def test_an_overflow_is_probed_again_without_the_scale() -> None:
    spec = InputSpec("sequence", (30, 1), outputs=1)
    inputs = keras.Input(spec.shape)
    h = keras.layers.SimpleRNN(1, activation=None)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(h))
    model.set_weights([np.ones((1, 1)), np.full((1, 1), 8.0), np.zeros(1), np.ones((1, 1)), np.zeros(1)])
    x = np.full((2, 30, 1), 1e-30, "float32")
    flow = flow_of(model, spec, Split(x, np.ones((2, 1), "float32")), "mse")
    assert flow.found.scale_log2 == 0
    profile = flow.arrays["profile_h"][:, 0]
    np.testing.assert_allclose(np.diff(profile), np.log10(8), rtol=1e-4)


@pytest.mark.contract
def test_small_gradients_do_not_underflow_before_the_floor() -> None:
    spec = InputSpec("sequence", (60, 1), outputs=1)
    inputs = keras.Input(spec.shape)
    h = keras.layers.SimpleRNN(1, activation=None)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(h))
    model.set_weights([np.ones((1, 1)), np.full((1, 1), 0.1), np.zeros(1), np.ones((1, 1)), np.zeros(1)])
    flow = flow_of(model, spec, Split(np.zeros((2, 60, 1), "float32"), np.ones((2, 1), "float32")), "mse")
    profile, floor = flow.arrays["profile_h"][:, 0], float(flow.arrays["gradient_floor"])
    assert -60 < floor < -58
    above = profile > floor
    assert above.sum() > 58
    np.testing.assert_allclose(np.diff(profile[above]), -1, rtol=1e-4)
    np.testing.assert_allclose(profile[~above], floor, rtol=1e-6)


def test_a_loss_at_every_step_is_probed_at_the_last_one() -> None:
    spec = InputSpec("sequence", (8, 2), outputs=3, per_step=True, causal=True)
    model = built("rnn", spec)
    x = drawn(spec).x
    y = RNG.integers(0, 3, (6, 8)).astype("int32")
    found = flow_of(model, spec, Split(x, y))
    y[:, :-1] = (y[:, :-1] + 1) % 3  # targets of other steps
    np.testing.assert_array_equal(flow_of(model, spec, Split(x, y)).arrays["profile_h"], found.arrays["profile_h"])
    assert found.record.loss > 0


def test_moments_are_stacked_in_front() -> None:
    spec = InputSpec("sequence", (10, 2), outputs=3)
    model = built("lstm", spec)
    probe = Probe(model, spec, "cross-entropy", jit=False)
    split = drawn(spec)
    flows = [measure(probe, split, step, None) for step in (0, 5, 9)]
    arrays = stack(flows)
    assert arrays["probe_step"].tolist() == [0, 5, 9]
    assert arrays["profile_c"].shape == (3, 10, 4)
    assert arrays["gate_forget"].shape == (3, 4)
    assert arrays["gradient_floor"].shape == ()
    assert stack([]) == {}


@pytest.mark.contract
def test_a_loop_shorter_than_its_input_is_measured_and_reset() -> None:
    spec = InputSpec("sequence", (16, 2), outputs=3)
    inputs = keras.Input(spec.shape)
    x = keras.layers.MaxPooling1D(2)(keras.layers.Conv1D(4, 3, padding="same")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.LSTM(4)(x)))
    split = drawn(spec)
    assert flow_of(model, spec, split).arrays["profile_h"].shape == (8, 4)
    probe = Probe(model, spec, "cross-entropy", jit=False)
    early = split.x.copy()
    early[:, :7] += 1  # the convolution lets step 7 into step 8
    np.testing.assert_allclose(probe.reset(early), probe.reset(split.x), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("settings", [{"use_bias": False}, {"recurrent_activation": "hard_sigmoid"}])
@pytest.mark.parametrize("layer", [keras.layers.LSTM, keras.layers.GRU])
def test_gates_that_are_not_known_are_left_out(layer: Any, settings: dict[str, Any]) -> None:
    spec = InputSpec("sequence", (12, 2), outputs=3)
    inputs = keras.Input(spec.shape)
    model = keras.Model(inputs, keras.layers.Dense(3)(layer(4, **settings)(inputs)))
    flow = flow_of(model, spec, drawn(spec))
    assert flow.record.gates == {}
    assert "h" in flow.record.decay


def test_an_embedding_of_positions_is_not_taken_for_the_input() -> None:
    spec = InputSpec("sequence", (12, 4), outputs=3)
    inputs = keras.Input(spec.shape)
    positions = keras.layers.Embedding(12, 4)(keras.ops.arange(12)[None])
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.LSTM(4)(inputs + positions)))
    split = drawn(spec)
    np.testing.assert_allclose(flow_of(model, spec, split).found.loss, losses_of(model, split), rtol=1e-5)


def test_a_sequential_model_is_measured() -> None:
    spec = InputSpec("sequence", (12, 2), outputs=3)
    model = keras.Sequential([keras.Input(spec.shape), keras.layers.LSTM(4), keras.layers.Dense(3)])
    assert "c" in flow_of(model, spec, drawn(spec)).record.decay


def test_a_loop_inside_another_model_is_named() -> None:
    spec = InputSpec("sequence", (12, 2), outputs=3)
    inputs = keras.Input(spec.shape)
    inner = keras.Sequential([keras.Input(spec.shape), keras.layers.LSTM(4)], name="inner")
    model = keras.Model(inputs, keras.layers.Dense(3)(inner(inputs)))
    flow = flow_of(model, spec, drawn(spec))
    assert flow.record.unprobed == {"inner": "lies inside another layer"}
    assert set(flow.record.decay) == {"input"}


class Wrapped(keras.layers.Layer):
    """A user's layer with a recurrent layer of its own."""

    def __init__(self) -> None:
        super().__init__(name="wrapped")
        self.rnn = keras.layers.GRU(4)

    def call(self, inputs: Any) -> Any:
        return self.rnn(inputs)


def test_a_loop_inside_a_users_layer_is_named() -> None:
    spec = InputSpec("sequence", (12, 2), outputs=3)
    inputs = keras.Input(spec.shape)
    model = keras.Model(inputs, keras.layers.Dense(3)(Wrapped()(inputs)))
    flow = flow_of(model, spec, drawn(spec))
    assert flow.record.unprobed == {"wrapped": "lies inside another layer"}


def test_the_middle_is_the_step_that_ends_the_first_half_of_the_real_ones() -> None:
    there = np.array([[1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 1], [0] * 6], bool)
    assert half_way(there).tolist() == [2, 3, 3, 5, 0]


@pytest.mark.contract
@pytest.mark.parametrize("arm", ["lstm", "gru"])
def test_lags_are_counted_from_the_step_whose_loss_is_probed(arm: str) -> None:
    """What follows that step has no say: a model cut off there has the same flow."""
    spec, short = (InputSpec("sequence", (steps, 2), outputs=3, per_step=True) for steps in (12, 8))
    split = Split(RNG.normal(size=(40, 12, 2)).astype("float32"), RNG.integers(0, 3, (40, 12)).astype("int32"))
    cues = np.zeros((40, 12), bool)
    cues[:, [1, 10]] = True
    model, cut = built(arm, spec), built(arm, short)
    cut.set_weights(model.get_weights())
    found = []
    for one, its, at, steps in ((model, spec, 7, 12), (cut, short, None, 8)):
        probe = Probe(one, its, "cross-entropy", jit=False, at=at)
        part = Split(split.x[:, :steps], split.y[:, :steps])
        flow = measure(probe, part, 0, cues[:, :steps])
        found.append((flow, closer(probe, flow, part, cues[:, :steps], spectrum=False)))
    (flow, more), (expected, less) = found
    assert flow.record.loss == pytest.approx(expected.record.loss, rel=1e-6)
    for key in ("profile_h", "profile_input"):
        np.testing.assert_allclose(flow.arrays[key], expected.arrays[key], rtol=1e-5, atol=1e-5)
    assert flow.record.decay["h"].half_life == pytest.approx(expected.record.decay["h"].half_life, rel=1e-4)
    for key in ("memory", "memory_cues"):
        np.testing.assert_allclose(more[key], less[key], rtol=1e-4, atol=1e-5)
    assert more["memory_cues"].shape == (1,)  # the cue behind the step that is probed is none
    assert less["memory"][0] > 0.2
    assert flow.record.gates
    for name, gate in flow.record.gates.items():
        numbers, others = (one.model_dump(exclude_none=True) for one in (gate, expected.record.gates[name]))
        assert numbers == pytest.approx(others, rel=1e-4)
    known = len(less["lag_share"])
    np.testing.assert_allclose(more["lag_share"][:known], less["lag_share"], rtol=1e-4, atol=1e-6)
    assert not more["lag_share"][known:].any()


@pytest.mark.contract
def test_a_loop_that_reads_from_the_end_counts_lags_from_the_probed_step_on() -> None:
    spec = InputSpec("sequence", (12, 2), outputs=3, per_step=True)
    split = Split(RNG.normal(size=(6, 12, 2)).astype("float32"), RNG.integers(0, 3, (6, 12)).astype("int32"))
    probe = Probe(built("bilstm", spec), spec, "cross-entropy", jit=False, at=7)
    flow = measure(probe, split, 0, None)
    forward, backward = (tap for tap in probe.taps if tap.layer == probe.taps[0].layer or tap.backwards)
    assert (forward.backwards, backward.backwards) == (False, True)
    assert flow.arrays["profile_h"].shape == (8, 4)
    found = flow.found.gradients[probe.taps.index(backward)][0].astype("float64") * 2.0**-flow.found.scale_log2
    expected = np.log10(np.linalg.norm(found[:, 7:], axis=-1)).mean(axis=0)
    np.testing.assert_allclose(flow.arrays[f"profile_{backward.layer}.h"][:, 0], expected, rtol=1e-5)

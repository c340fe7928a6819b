"""The recurrent arms against loops written in numpy, and their initialisations against the papers' formulas."""

import keras
import numpy as np
import pytest

from bench.architecture import InputSpec

STEPS, FEATURES, UNITS = 12, 3, 400
SPEC = InputSpec("sequence", (STEPS, FEATURES), 2, per_step=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def recurrent(model):
    return next(layer for layer in model.layers if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional))


def weights(build, name, spec=SPEC, **settings):
    return [np.array(w) for w in recurrent(build(name, spec, **({"units": UNITS} | settings))).get_weights()]


def states(build, name, x, values, **settings):
    """What the recurrent layer of arm `name` returns, (time, units), once it holds `values`."""
    layer = recurrent(build(name, InputSpec("sequence", x.shape, 2, per_step=True), **settings))
    layer.set_weights(values)
    return np.array(keras.ops.convert_to_numpy(layer(x[None])))[0]


def lstm_loop(x, kernel, recurrent_kernel, bias, *, forgets=True):
    """h of every step; gates in the order i, f, c, o, or i, g, o without the forget gate."""
    units = len(recurrent_kernel)
    h, c, out = np.zeros(units), np.zeros(units), []
    for row in x:
        z = np.split(row @ kernel + h @ recurrent_kernel + bias, 4 if forgets else 3)
        i, o, g = sigmoid(z[0]), sigmoid(z[-1]), np.tanh(z[-2])
        c = (sigmoid(z[1]) * c if forgets else c) + i * g
        h = o * np.tanh(c)
        out.append(h)
    return np.array(out)


def gru_loop(x, h, kernel, recurrent_kernel, bias):
    """h of every step from the state `h`; gates in the order z, r, h; z is the share that is kept."""
    out = []
    for row in x:
        a, b = np.split(row @ kernel + bias[0], 3), np.split(h @ recurrent_kernel + bias[1], 3)
        z, r = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
        h = z * h + (1 - z) * np.tanh(a[2] + r * b[2])
        out.append(h)
    return np.array(out)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("lstm", marks=pytest.mark.contract),
        "lstm-chrono",
        "lstm-b0",
        pytest.param("lstm-1997", marks=pytest.mark.contract),
    ],
)
def test_an_lstm_computes_what_a_loop_computes(name, build):
    rng = np.random.default_rng(0)
    values = [w + rng.normal(size=w.shape) * 0.3 for w in weights(build, name, units=5)]
    x = rng.normal(size=(STEPS, FEATURES)).astype("float32")
    expected = lstm_loop(x, *values, forgets=name != "lstm-1997")
    np.testing.assert_allclose(states(build, name, x, values, units=5), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.contract
def test_a_gru_computes_what_a_loop_computes(build):
    rng = np.random.default_rng(0)
    values = [w + rng.normal(size=w.shape) * 0.3 for w in weights(build, "gru-chrono", units=5)]
    x = rng.normal(size=(STEPS, FEATURES)).astype("float32")
    expected = gru_loop(x, np.zeros(5), *values)
    np.testing.assert_allclose(states(build, "gru-chrono", x, values, units=5), expected, rtol=1e-4, atol=1e-5)


def test_the_lstm_of_1997_adds_up_what_its_input_gate_lets_in_and_loses_nothing(build):
    kernel, recurrent_kernel, bias = (np.zeros_like(w) for w in weights(build, "lstm-1997", units=2))
    kernel[0, 2:4] = 1.0  # g = tanh(x_0); gates at 1/2
    x = np.zeros((STEPS, FEATURES), "float32")
    x[0, 0] = 1.0
    out = states(build, "lstm-1997", x, [kernel, recurrent_kernel, bias], units=2)
    np.testing.assert_allclose(out, np.full((STEPS, 2), 0.5 * np.tanh(0.5 * np.tanh(1.0))), rtol=1e-6)


@pytest.mark.contract
def test_the_lstm_of_1997_copies_its_state_over_padding(build):
    spec = InputSpec("tokens", (6,), 2, vocabulary=9)
    model = build("lstm-1997", spec)
    rows = np.array([[3, 4, 0, 0, 0, 0], [0, 0, 3, 4, 0, 0], [0, 3, 0, 0, 4, 0]], "int32")
    out = keras.ops.convert_to_numpy(model(rows))
    np.testing.assert_allclose(out, np.repeat(out[:1], 3, axis=0), rtol=1e-6)


def test_the_forget_gate_of_the_default_lstm_starts_at_bias_one_and_of_b0_at_zero(build):
    expected = np.repeat([0.0, 1.0, 0.0, 0.0], UNITS)
    assert np.array_equal(weights(build, "lstm")[2], expected)
    assert np.array_equal(weights(build, "lstm-b0")[2], 0 * expected)
    both = weights(build, "bilstm")
    assert np.array_equal(both[2], expected)
    assert np.array_equal(both[5], expected)


def test_chrono_biases_keep_the_state_for_up_to_the_length_of_the_sequence(build):
    *_, bias = weights(build, "lstm-chrono")
    i, f, c, o = np.split(bias, 4)
    times = np.exp(f)
    assert times.min() >= 1 - 1e-5
    assert times.max() <= STEPS - 1 + 1e-3
    assert abs(times.mean() - STEPS / 2) < 0.6  # uniform, not log-uniform: standard error 0.14
    assert np.array_equal(i, -f)
    assert not c.any()
    assert not o.any()


def test_chrono_biases_of_a_gru_lie_on_the_keep_gate_of_the_input_row(build):
    *_, bias = weights(build, "gru-chrono")
    assert bias.shape == (2, 3 * UNITS)
    z, rest = bias[0, :UNITS], np.concatenate([bias[0, UNITS:], bias[1]])
    assert z.min() >= 0
    assert z.max() <= np.log(STEPS - 1) + 1e-5
    assert abs(np.exp(z).mean() - STEPS / 2) < 0.6
    assert not rest.any()


@pytest.mark.parametrize("name", ["lstm-chrono", "gru-chrono"])
def test_without_input_a_chrono_cell_decays_by_the_sigmoid_of_its_bias(name, build):
    values = weights(build, name, units=6)
    keep = values[2][6:12] if name == "lstm-chrono" else values[2][0, :6]
    state = [np.full((1, 6), 0.3, "float32")] * (2 if name == "lstm-chrono" else 1)
    layer = recurrent(build(name, SPEC, units=6))
    layer.set_weights([0 * values[0], 0 * values[1], values[2]])
    _, new = layer.cell(np.zeros((1, FEATURES), "float32"), state)
    carried = keras.ops.convert_to_numpy(new[-1] if isinstance(new, list | tuple) else new)
    np.testing.assert_allclose(carried[0], 0.3 / (1 + np.exp(-keep)), rtol=1e-5)


@pytest.mark.contract
def test_chrono_follows_its_seed_and_very_short_sequences_get_zero_biases():
    from bench.architectures._initializers import ChronoGRU, ChronoLSTM

    draw = [np.array(ChronoLSTM(50, seed=seed)((40,))) for seed in (1, 1, 2)]
    assert np.array_equal(draw[0], draw[1])
    assert not np.array_equal(draw[0], draw[2])
    unseeded = ChronoLSTM(50)
    assert unseeded.get_config() == {"steps": 50, "seed": None}
    for steps in (1, 2):
        assert not np.array(ChronoLSTM(steps)((8,))).any()
        assert not np.array(ChronoGRU(steps)((2, 6))).any()


def test_the_irnn_starts_with_the_identity_and_small_inputs(build):
    kernel, recurrent_kernel, bias = weights(build, "irnn")
    assert np.array_equal(recurrent_kernel, np.eye(UNITS))
    assert 0.0008 < kernel.std() < 0.0012
    assert not bias.any()
    assert recurrent(build("irnn", SPEC)).activation is keras.activations.relu


def test_the_irnn_keeps_a_positive_state_for_ever(build):
    _, recurrent_kernel, bias = weights(build, "irnn", units=FEATURES)
    x = np.zeros((STEPS, FEATURES), "float32")
    x[0] = [1.0, 2.0, 3.0]
    out = states(build, "irnn", x, [np.eye(FEATURES), recurrent_kernel, bias], units=FEATURES)
    assert np.array_equal(out, np.tile(x[0], (STEPS, 1)))


def test_uniform_weights_have_the_bounds_and_the_variance_of_their_distribution(build):
    bound = UNITS**-0.5
    for w, tolerance in zip(weights(build, "rnn-uniform"), (0.1, 0.01, 0.2), strict=True):
        assert np.abs(w).max() <= bound
        assert w.var() == pytest.approx(1 / (3 * UNITS), rel=tolerance)


def test_uniform_kernels_are_drawn_apart(build):
    kernel, recurrent_kernel, bias = (w.ravel()[:UNITS] for w in weights(build, "rnn-uniform"))
    for a, b in ((kernel, recurrent_kernel), (kernel, bias), (recurrent_kernel, bias)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.25


def test_the_default_rnn_starts_orthogonal(build):
    _, recurrent_kernel, _ = weights(build, "rnn")
    np.testing.assert_allclose(recurrent_kernel @ recurrent_kernel.T, np.eye(UNITS), atol=1e-4)


def test_layers_are_stacked(build):
    model = build("lstm", SPEC, layers=3)
    assert sum(isinstance(layer, keras.layers.LSTM) for layer in model.layers) == 3


def test_the_bilstm_reads_from_both_ends(build, arms):
    spec = InputSpec("sequence", (STEPS, FEATURES), 2, per_step=True)
    model, x = build("bilstm", spec), np.ones((1, STEPS, FEATURES), "float32")
    late, early = x.copy(), x.copy()
    late[:, -1], early[:, 0] = 3, 3
    outputs = [keras.ops.convert_to_numpy(model(v))[0] for v in (x, late, early)]
    assert not np.array_equal(outputs[0][0], outputs[1][0])
    assert not np.array_equal(outputs[0][-1], outputs[2][-1])
    assert "later steps" in arms["bilstm"].refuses(InputSpec("sequence", (4, 2), 1, causal=True))

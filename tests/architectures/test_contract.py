"""What every architecture promises, whatever it is."""

import keras
import numpy as np
import pytest

from bench import backends
from bench.architecture import InputSpec

PADDED = np.array([[0] * 8, [0, 0, 0, 1, 2, 3, 4, 5]], "int32")


def mask_from(step, x):
    """True at `step` and after it, in the shape of (batch, time) or (batch, time, features)."""
    return (np.arange(x.shape[1]) >= step).reshape(1, -1, *[1] * (x.ndim - 2))


def run(model, x):
    """Inference outside of `predict`, which would compile a function a model."""
    return keras.ops.convert_to_numpy(model(x, training=False))


def test_an_arm_that_cannot_read_a_spec_says_why(arm, arms, specs):
    reasons = [arms[arm].refuses(spec) for spec in specs.values()]
    assert all(reason is None or len(reason) > 10 for reason in reasons)
    assert None in reasons


def test_every_arm_has_a_width_called_units_and_defaults_within_bounds(arm, arms):
    settings = arms[arm].settings
    assert isinstance(settings["units"].default, int)
    assert settings["units"].minimum == 1
    for key, setting in settings.items():
        assert setting.parse(key, setting.default) == setting.default


@pytest.mark.contract
def test_input_and_output_have_the_shapes_and_types_of_the_spec(pair, specs, build, batch):
    name, label = pair
    spec = specs[label]
    model = build(name, spec)
    assert model.input_shape == (None, *spec.shape)
    assert model.output_shape == (None, *spec.output_shape)
    assert keras.backend.standardize_dtype(model.input.dtype) == ("int32" if spec.kind == "tokens" else "float32")
    assert not model.compiled
    assert keras.activations.serialize(model.get_layer("readout").activation) == "linear"
    output = run(model, batch(spec))
    assert output.shape == (4, *spec.output_shape)
    assert np.isfinite(output).all()


def test_an_arm_of_width_one_can_be_built(arm, readable, build, batch):
    assert np.isfinite(run(build(arm, readable(arm), units=1), batch(readable(arm)))).all()


@pytest.mark.contract
def test_the_seed_alone_decides_the_weights(arm, readable, build):
    def weights(seed):
        keras.utils.set_random_seed(seed)
        return [np.array(w) for w in build(arm, readable(arm)).get_weights()]

    first, again, other = weights(3), weights(3), weights(4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_no_two_layers_start_with_the_same_random_weights(arm, readable, build):
    model = build(arm, readable(arm))
    random = [np.array(w) for w in model.get_weights() if np.std(np.array(w)) > 0 and np.ndim(w) > 1]
    random = [w for w in random if not (w.shape[0] == w.shape[1] and np.array_equal(w, np.eye(len(w))))]
    drawn = [tuple(w.ravel()[:4].tolist()) for w in random]
    assert len(drawn) == len(set(drawn))


@pytest.mark.contract
def test_a_step_of_training_changes_every_kernel_to_finite_values_and_lowers_the_loss(arm, readable, build, batch):
    spec = readable(arm)
    model = build(arm, spec)
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.MeanSquaredError(), jit_compile=False)
    before = [v.numpy() for v in model.trainable_variables]
    x, y = batch(spec), np.ones((4, *spec.output_shape), "float32")
    losses = [float(model.train_on_batch(x, y)) for _ in range(2)]
    assert losses[1] < losses[0]
    for variable, old in zip(model.trainable_variables, before, strict=True):
        new = variable.numpy()
        assert np.isfinite(new).all(), variable.path
        assert "kernel" not in variable.path or not np.array_equal(new, old), variable.path


def test_every_part_of_the_input_reaches_the_output(pair, specs, build, batch):
    name, label = pair
    spec = specs[label]
    model = build(name, spec, units=16)  # wide, so that a dead ReLU does not hide a part
    x = batch(spec, size=8)
    rng = np.random.default_rng(2)
    versions = [x]
    for part in range(spec.shape[0]):
        other = x.copy()
        other[:, part] = x[:, part] % (spec.vocabulary - 1) + 1 if spec.vocabulary else 3 * rng.random(x[:, part].shape)
        versions.append(other)
    original, *changed = np.split(run(model, np.concatenate(versions)), len(versions))
    for part, output in enumerate(changed):
        assert np.abs(output - original).max() > 1e-5, part


@pytest.mark.contract
def test_padding_is_ignored_wherever_it_stands(arm, arms, specs, build):
    spec = specs["tokens"]
    if arms[arm].refuses(spec):
        pytest.skip(arms[arm].refuses(spec))
    layers = {"layers": 2} if "layers" in arms[arm].settings else {}
    tokens, zeros = np.array([[3, 1, 4, 1, 5, 9]], "int32"), np.zeros((1, 2), "int32")
    short = build(arm, InputSpec("tokens", (6,), 3, vocabulary=11), **layers)
    model = build(arm, spec, **layers)
    model.set_weights(short.get_weights())
    # Biases start at zero, which would hide a padded step that is convolved or normalised.
    for v in [v for m in (short, model) for v in m.trainable_variables if "bias" in v.path or "beta" in v.path]:
        v.assign(np.linspace(-0.5, 0.5, int(np.prod(v.shape))).reshape(v.shape))
    expected = run(short, tokens)
    for padded in (
        np.hstack([tokens, zeros]),
        np.hstack([zeros, tokens]),
        np.hstack([zeros[:, :1], tokens, zeros[:, :1]]),
    ):
        np.testing.assert_allclose(run(model, padded), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.contract
def test_a_row_of_padding_only_gives_finite_outputs(arm, arms, specs, build):
    if arms[arm].refuses(specs["tokens"]):
        pytest.skip(arms[arm].refuses(specs["tokens"]))
    assert np.isfinite(run(build(arm, specs["tokens"]), PADDED)).all()


@pytest.mark.contract
@pytest.mark.parametrize("name", ["lstm", "lstm-1997"])
def test_masked_loops_train_under_xla_also_on_rows_of_padding_only(name, specs, build):
    model = build(name, specs["tokens"])
    model.compile("sgd", "mse", jit_compile=backends.load(keras.backend.backend()).compiles(True))
    assert np.isfinite(model.train_on_batch(PADDED, np.ones((2, 3), "float32")))
    assert all(np.isfinite(np.array(w)).all() for w in model.get_weights())


@pytest.mark.contract
def test_a_causal_spec_is_refused_or_later_steps_leave_earlier_outputs_alone_to_the_bit(arm, arms, specs, build, batch):
    for kind in ("sequence", "tokens"):
        spec = InputSpec(kind, specs[kind].shape, 3, per_step=True, causal=True, vocabulary=specs[kind].vocabulary)
        if arms[arm].refuses(spec):
            continue
        model, x = build(arm, spec), batch(spec)
        versions = [x] + [np.where(mask_from(step, x), x % 5 + 1, x) for step in (1, 4, 7)]
        same, *changed = np.split(run(model, np.concatenate(versions).astype(x.dtype)), len(versions))
        for step, output in zip((1, 4, 7), changed, strict=True):
            assert np.array_equal(same[:, :step], output[:, :step])
            assert not np.array_equal(same[:, step:], output[:, step:])


def test_a_model_survives_the_round_trip_through_its_config(arm, readable, build, batch):
    model = build(arm, readable(arm))
    twin = keras.Model.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    x = batch(readable(arm))
    assert np.array_equal(run(model, x), run(twin, x))


def test_listing_the_catalogue_does_not_import_keras():
    import subprocess
    import sys

    code = "import sys, bench.catalogue as c; c.discover(); sys.exit(bool({'keras', 'tensorflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

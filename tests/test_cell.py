"""The cell: equal conditions, bit-identical seeds, honest records."""

import math
from fnmatch import fnmatch

import keras
import numpy as np
import pytest
from cells import BACKEND, catalogue, cell, with_seed

from bench.architecture import Architecture, InputSpec, reads
from bench.catalogue import Entry
from bench.cell import Group
from bench.errors import BenchError, DataError, PluginError
from bench.evaluation import evaluate
from bench.gradients.flow import measure
from bench.record import CURVES
from bench.stream import batches
from bench.task import Solved, Task


def _group(one, found=None):
    return Group(one, found or catalogue(), lambda _: None)


def _numbers(result):
    record = result.record
    return (record.best, record.final, record.steps_to_target, record.gradient_norm), result.curves


def _same(a, b):
    (numbers_a, curves_a), (numbers_b, curves_b) = _numbers(a), _numbers(b)
    assert numbers_a == numbers_b
    assert curves_a.keys() == curves_b.keys()
    for name in curves_a:
        np.testing.assert_array_equal(curves_a[name], curves_b[name], err_msg=name)


@pytest.mark.contract
@pytest.mark.parametrize("architecture", ["rnn", "lstm", "transformer"])
def test_a_seed_trained_after_another_is_the_same_to_the_last_bit_as_alone(architecture):
    one = cell(architecture=architecture, units=8)
    group = _group(one)
    group.run(with_seed(one, 5))
    _same(group.run(with_seed(one, 1)), _group(one).run(with_seed(one, 1)))


@pytest.mark.contract
@pytest.mark.parametrize(("first", "second"), [("rnn", "rnn-uniform"), ("gru-chrono", "gru"), ("lstm", "lstm-chrono")])
def test_an_arm_trained_in_the_program_of_another_is_the_same_to_the_last_bit_as_alone(first, second):
    one, other = (cell(architecture=arm, settings=[f"{arm}.dropout=0.3"], units=8) for arm in (first, second))
    assert one.program == other.program
    group = _group(one)
    applied = []
    apply = group.optimizer.apply
    group.optimizer.apply = lambda *args, **kwargs: (applied.append(args), apply(*args, **kwargs))[1]
    before = group.run(one)
    traced = len(applied)
    if not group.takes(other):  # Keras's orthogonal kernels lie transposed in PyTorch's memory, and round otherwise
        assert (BACKEND, first) == ("torch", "rnn")
        return
    shared = group.run(other)
    assert len(applied) - traced == (6 if BACKEND == "torch" else 0)  # compiled, Python runs it to trace it
    assert (shared.record.architecture, shared.record.compile_seconds) == (second, None)
    _same(shared, _group(other).run(other))
    assert shared.curves["train_loss"][0] != before.curves["train_loss"][0]


def _sharing(**builds):
    """A catalogue of arms that all say that they differ in initial weights alone."""
    found = catalogue()
    entry = found.architecture("rnn")

    def build(spec, **given):
        (name,) = (value for key, value in given.items() if key == "arm")
        return builds[name](spec)

    for name in builds:
        arm = Architecture("made up", build, reads("sequence"), "none", fixed={"arm": name}, initial=frozenset({"arm"}))
        found.architectures[name] = Entry(name, arm, entry.file, entry.sources)
    return found


class _Hidden(keras.layers.Layer):
    """Multiplies by what its configuration does not tell."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {"name": self.name}


class _HiddenWidth(_Hidden):
    """Another width that its configuration does not tell."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], int(self.factor)), name="kernel")

    def call(self, x):
        return keras.ops.matmul(x, self.kernel)


def _of(*middle):
    def build(spec):
        inputs = keras.Input(spec.shape)
        x = keras.layers.Flatten()(inputs)
        for make in middle:
            x = make()(x)
        return keras.Model(inputs, keras.layers.Dense(1)(x))

    return build


DENSE = keras.layers.Dense
ALIKE = {
    "initial weights": (lambda: DENSE(4), lambda: DENSE(4, kernel_initializer="ones"), True),
    "activation": (lambda: DENSE(4, "tanh"), lambda: DENSE(4, "relu"), False),
    "width": (lambda: DENSE(4), lambda: DENSE(5), False),
    "rate": (lambda: keras.layers.Dropout(0.1), lambda: keras.layers.Dropout(0.2), False),
    "name": (lambda: DENSE(4, name="a"), lambda: DENSE(4, name="b"), False),
    "inside another": (
        lambda: keras.Sequential([DENSE(4, "tanh")], name="in"), lambda: keras.Sequential([DENSE(4)], name="in"), False
    ),
    "hidden from the configuration": (lambda: _Hidden(1.0), lambda: _Hidden(2.0), False),
    "hidden width": (lambda: _HiddenWidth(2), lambda: _HiddenWidth(3), False),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "alike"), ALIKE.values(), ids=ALIKE)
def test_an_arm_is_taken_only_where_it_differs_in_initial_weights_alone(one, other, alike):
    found = _sharing(one=_of(one), other=_of(other))
    first, second = (
        cell().__class__(
            **{**cell().identity, "training": cell().training, "architecture": arm, "architecture_settings": {}}
        )
        for arm in ("one", "other")
    )
    group = _group(first, found)
    assert group.takes(first)
    assert group.takes(second) is alike
    _same(group.run(first), _group(first, found).run(first))


@pytest.mark.contract
def test_dropout_and_batch_norm_start_anew_with_every_seed():
    one = cell("digits", "cnn", settings=["cnn.dropout=0.5"], training={"batch_size": 64}, units=8)
    group = _group(one)
    first = group.run(one)
    group.run(with_seed(one, 9))
    _same(first, group.run(one))


def test_another_seed_gives_other_numbers():
    one = cell()
    group = _group(one)
    a, b = group.run(one), group.run(with_seed(one, 1))
    assert a.record.final != b.record.final
    assert not np.array_equal(a.curves["train_loss"], b.curves["train_loss"])


def test_every_architecture_meets_the_same_batches(monkeypatch):
    seen = {}
    for architecture in ("rnn", "gru"):
        group = _group(cell(architecture=architecture))
        real = group.step
        seen[architecture] = []

        def spy(x, y, real=real, into=seen[architecture]):
            into.append((x.copy(), y.copy()))
            return real(x, y)

        spy.sync, spy.reset = real.sync, real.reset
        monkeypatch.setattr(group, "step", spy)
        group.run(cell(architecture=architecture))
    assert len(seen["rnn"]) == 6
    for (xa, ya), (xb, yb) in zip(seen["rnn"], seen["gru"], strict=True):
        assert np.array_equal(xa, xb)
        assert np.array_equal(ya, yb)


@pytest.mark.contract
def test_training_is_that_of_keras_fit():
    one = cell("digits", "mlp", training={"steps": 5, "batch_size": 32, "evaluations": 1})
    group = _group(one)
    trained = group.run(one)
    keras.utils.set_random_seed(one.seed)
    model = group.build(one)
    optimizer = keras.optimizers.Adam(one.training.lr)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    stream = batches(group.data, one.seed, 32)
    drawn = [next(stream) for _ in range(5)]
    x, y = np.concatenate([b.x for b in drawn]), np.concatenate([b.y for b in drawn])
    model.fit(x, y, batch_size=32, epochs=1, shuffle=False, verbose=0)
    expected = evaluate(model, group.data.validation, group.task, 32)
    assert (trained.record.final.validation_loss, trained.record.final.validation) == pytest.approx(expected, rel=1e-6)


def test_the_curves_are_the_documented_ones_with_the_documented_lengths():
    one = cell(training={"steps": 7, "evaluations": 3})
    result = _group(one).run(one)
    curves = result.curves
    assert {key for key in CURVES if "*" not in key} - set(curves) == {
        *("singular_values", "singular_lags", "lyapunov", "filters"),
        *(() if one.task == "adding" else ("example_cues",)),
    }
    assert all(any(fnmatch(key, known) for known in CURVES) for key in curves)
    assert curves["evaluation_step"].tolist() == [0, 3, 6, 7]
    variables = len(curves["variables"])
    assert curves["train_loss"].shape == (7,)
    assert curves["gradient_norm"].shape == (7, variables)
    assert curves["weight_norm"].shape == curves["update_norm"].shape == (4, variables)
    assert np.isnan(curves["update_norm"][0]).all()
    assert np.isfinite(curves["update_norm"][1:]).all()
    assert (curves["update_norm"][1:] > 0).any()


def test_the_headline_is_the_best_validation_and_the_final_weights_are_kept_beside_it():
    one = cell(training={"steps": 40, "evaluations": 8, "lr": 0.05})
    result = _group(one).run(one)
    scores = result.curves["validation_score"][1:]
    record = result.record
    assert record.headline == "best"
    assert record.best.validation == scores.min()
    assert record.best.step == result.curves["evaluation_step"][1:][scores.argmin()]
    assert record.final.validation == scores[-1]
    assert record.value == record.best.test


@pytest.mark.contract
def test_best_and_final_are_evaluated_with_their_own_weights(monkeypatch):
    one = cell(training={"steps": 40, "evaluations": 8, "lr": 0.05})
    group = _group(one)
    result = group.run(one)
    assert result.record.best.step < result.record.final.step, "the seed must overshoot for this test to say anything"
    again = evaluate(group.model, group.data.test, group.task, 8)[1]
    assert again == result.record.best.test != result.record.final.test


def _plugged(build, task=None):
    found = catalogue()
    found.architectures["broken"] = Entry(
        "broken", Architecture("", build, reads("sequence"), "", jit=False), found.architectures["rnn"].file
    )
    if task is not None:
        found.tasks["adding"] = Entry("adding", task, found.tasks["adding"].file)
    return found


class _Poison(keras.layers.Layer):
    """Multiplies by a weight whose gradient is so steep that the loss soon is not finite."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        return x * keras.ops.exp(30 * self.scale)


def _exploding(spec: InputSpec) -> keras.Model:
    inputs = keras.Input(spec.shape)
    x = keras.layers.Dense(1)(_Poison()(keras.layers.Flatten()(inputs)))
    return keras.Model(inputs, x)


@pytest.mark.contract
def test_a_loss_that_stops_being_finite_ends_the_cell_as_diverged_with_its_curves():
    one = cell(training={"steps": 60, "evaluations": 3, "optimizer": "sgd", "lr": 10.0, "clip": "none"})
    one = one.__class__(
        **{**one.identity, "training": one.training, "architecture": "broken", "architecture_settings": {}}
    )
    result = _group(one, _plugged(_exploding)).run(one)
    record = result.record
    assert record.status == "diverged"
    assert f"at step {record.steps}" in record.reason
    assert record.best is record.final is None
    assert math.isnan(record.value)
    assert len(result.curves["train_loss"]) == len(result.curves["gradient_norm"]) == record.steps < 60


def test_a_solved_task_is_dated_at_the_first_of_the_evaluations_in_a_row_and_may_stop_there():
    task = catalogue().tasks["adding"].value
    easy = Task(
        **{
            **{name: getattr(task, name) for name in ("summary", "source", "spec", "loss", "metric", "chance", "draw")},
            "settings": {"length": task.settings["length"]},
            "solved": Solved(1e9, in_a_row=3),
        }
    )
    found = _plugged(lambda spec: None, easy)
    one = cell(training={"steps": 20, "evaluations": 10, "stop_solved": True})
    record = _group(one, found).run(one).record
    assert record.solved
    assert record.steps_to_target == 2
    assert record.steps == 6


def test_params_finds_the_width_within_two_percent_and_the_record_keeps_it():
    one = cell(architecture="lstm", units=None, params=20_000)
    record = _group(one).run(one).record
    assert abs(record.parameters - 20_000) <= 400
    assert record.units is not None
    assert record.embedding_parameters == 0


def test_params_that_no_width_reaches_are_refused_with_the_nearest_widths():
    with pytest.raises(BenchError, match=r"no width has 333 parameters within 2 %: nearest are .* at units=.* and .*"):
        _group(cell(architecture="lstm", units=None, params=333))


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"batch_size": 100_000}, "batch_size: expected at most 1257"),
        ({"train_size": 100_000}, "train_size: expected at most 1257"),
    ],
)
def test_conditions_that_the_data_cannot_meet_are_refused(training, message):
    with pytest.raises(DataError, match=message):
        _group(cell("digits", "mlp", training={"evaluations": 1, **training}))


def test_a_train_size_is_the_same_samples_for_every_seed():
    one = cell(training={"train_size": 16})
    a, b = _group(one).data.train, _group(with_seed(one, 3)).data.train
    assert np.array_equal(a.x, b.x)
    assert len(a.x) == 16


def test_evaluation_is_a_mean_over_samples_whatever_the_batch_size():
    group = _group(cell("digits", "mlp", training={"evaluations": 1}))
    whole = evaluate(group.model, group.data.validation, group.task, len(group.data.validation.x))
    for size in (7, 64, 1000):
        assert evaluate(group.model, group.data.validation, group.task, size) == pytest.approx(whole, rel=1e-5)


def test_a_model_of_another_output_shape_is_refused_with_file_and_line():
    def wrong(spec: InputSpec) -> keras.Model:
        inputs = keras.Input(spec.shape)
        return keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(inputs)))

    one = cell()
    one = one.__class__(
        **{**one.identity, "training": one.training, "architecture": "broken", "architecture_settings": {}}
    )
    with pytest.raises(PluginError, match=r"\.py:\d+: build\(\): expected output \(None, 1\), received \(None, 5\)"):
        _group(one, _plugged(wrong))


@pytest.mark.contract
def test_a_users_keras_json_changes_nothing():
    one = cell("digits", "cnn", training={"batch_size": 64, "steps": 2}, units=8)
    first = _group(one).run(one)
    keras.config.set_floatx("float64")
    keras.config.set_image_data_format("channels_first")
    _same(first, _group(one).run(one))


@pytest.mark.contract
def test_a_measurement_that_fails_is_told_and_costs_no_training(monkeypatch):
    one = cell(architecture="lstm", training={"steps": 6, "evaluations": 2, "probe_every": 2})
    whole = _group(one).run(one)
    assert list(whole.record.gradient) == ["init", "2", "4", "end"]
    assert whole.record.unmeasured is None
    assert set(whole.record.interventions) >= {"none", "reset-half", "forget-half"}
    assert whole.record.interventions["none"] == whole.record.final.validation

    def broken(probe, split, step, cues):
        if step > 2:
            raise ValueError("no more")
        return measure(probe, split, step, cues)

    monkeypatch.setattr("bench.cell.measure", broken)
    result = _group(one).run(one)
    assert result.record.status == "ok"
    assert result.record.unmeasured == "probe at step 4: ValueError: no more"
    assert list(result.record.gradient) == ["init", "2"]
    assert result.record.interventions is None
    assert result.record.best == whole.record.best
    np.testing.assert_array_equal(result.curves["train_loss"], whole.curves["train_loss"])


@pytest.mark.contract
def test_without_probes_training_is_the_same_and_nothing_is_measured():
    one = cell(architecture="gru", training={"steps": 6, "evaluations": 2, "probe_every": 0})
    bare = _group(one).run(one)
    probed = cell(architecture="gru", training={"steps": 6, "evaluations": 2, "probe_every": 1})
    np.testing.assert_array_equal(_group(probed).run(probed).curves["train_loss"], bare.curves["train_loss"])
    assert bare.record.gradient is None
    assert bare.record.interventions is None

"""Tasks: their data, and the check of what a task hands over."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.architecture import InputSpec
from bench.catalogue import discover
from bench.errors import DataError
from bench.setting import Setting, complete
from bench.task import ACCURACY, MSE, Data, Solved, Split, Task, Training, check

SPEC = InputSpec("sequence", (4, 2), outputs=3)
STEPS = InputSpec("tokens", (4,), outputs=3, per_step=True, vocabulary=5)
DRAWN = {name: entry.value for name, entry in discover().tasks.items() if entry.value.draw is not None}


def draw(rng: np.random.Generator, n: int, *, length: int) -> Split:
    x = rng.random((n, length, 2), dtype="float32")
    return Split(x, x.sum(axis=1))


def make_task(**fields: Any) -> Task:
    known: dict[str, Any] = {
        "summary": "made up",
        "source": "made up",
        "spec": lambda *, length, **_: InputSpec("sequence", (length, 2), 2),
        "loss": "mse",
        "metric": MSE,
        "chance": lambda **_: 1.0,
        "solved": Solved(0.1),
        "settings": {"length": Setting(4, "steps", minimum=1)},
    }
    return Task(**{**known, **fields})


@pytest.mark.parametrize("given", [{}, {"draw": draw, "load": lambda **_: None}])
def test_a_task_has_exactly_one_of_draw_and_load(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected exactly one of draw and load"):
        make_task(**given)


def test_a_task_that_draws_has_settings_for_the_sizes_of_its_held_out_sets() -> None:
    assert {"validation_size", "test_size"} < make_task(draw=draw).settings.keys()
    assert "test_size" not in make_task(load=lambda **_: None).settings


def test_a_task_may_have_its_own_sizes() -> None:
    task = make_task(draw=draw, settings={"length": Setting(4, ""), "test_size": Setting(7, "few", minimum=1)})
    assert len(task.data(complete("t", task.settings, {})).test.x) == 7


def test_the_data_of_a_task_that_loads_is_what_it_loads() -> None:
    data = Data(Split(np.zeros(1), np.zeros(1)), Split(np.zeros(1), np.zeros(1)), Split(np.zeros(1), np.zeros(1)))
    assert make_task(load=lambda length: data if length == 4 else None).data({"length": 4}) is data


def test_held_out_sets_are_the_same_every_time_and_have_the_sizes_asked_for() -> None:
    task = make_task(draw=draw)
    settings = complete("t", task.settings, {"validation_size": 3, "test_size": 5})
    one, other = task.data(settings), task.data(settings)
    assert (len(one.validation.x), len(one.test.x)) == (3, 5)
    assert np.array_equal(one.validation.x, other.validation.x)
    assert np.array_equal(one.test.y, other.test.y)
    assert not np.array_equal(one.validation.x, one.test.x[:3])


def test_a_smaller_held_out_set_does_not_change_the_other() -> None:
    task = make_task(draw=draw)
    small = task.data(complete("t", task.settings, {"validation_size": 3}))
    large = task.data(complete("t", task.settings, {"validation_size": 30}))
    assert np.array_equal(small.test.x, large.test.x)


@pytest.mark.parametrize("seed", [*range(20), 0x7E57, 2**32 - 1])
def test_no_training_seed_draws_the_held_out_samples(seed: int) -> None:
    task = make_task(draw=draw)
    data = task.data(complete("t", task.settings, {"validation_size": 50, "test_size": 50}))
    assert callable(data.train)
    held_out = {row.tobytes() for split in (data.validation, data.test) for row in split.x}
    for entropy in (seed, [seed], [seed, 0], [seed, 1]):
        assert not held_out & {row.tobytes() for row in data.train(np.random.default_rng(entropy), 50).x}


@pytest.mark.parametrize("name", DRAWN)
def test_data_that_is_drawn_passes_its_own_check(name: str) -> None:
    task = DRAWN[name]
    settings = complete(name, task.settings, {"validation_size": 5, "test_size": 5})
    check(task.data(settings), task.spec(**settings), task.loss)


def test_accuracy_is_the_share_of_right_answers_of_each_sample() -> None:
    y = np.array([[0, 1], [2, 2]])
    output = np.eye(3)[[[0, 1], [0, 2]]]
    assert ACCURACY.score(y, output).tolist() == [1.0, 0.5]
    assert ACCURACY.score(np.array([1, 0]), np.array([[0.0, 1.0], [0.0, 1.0]])).tolist() == [1.0, 0.0]


def test_a_nan_answer_is_wrong_by_an_unknown_amount() -> None:
    assert np.isnan(MSE.score(np.zeros((2, 1)), np.full((2, 1), np.nan))).all()
    assert MSE.score(np.zeros((1, 2)), np.array([[1.0, 3.0]])).tolist() == [5.0]


@pytest.mark.parametrize(
    ("score", "metric", "reached"),
    [(0.9, ACCURACY, True), (0.89, ACCURACY, False), (0.9, MSE, True), (0.91, MSE, False), (np.nan, MSE, False)],
)
def test_a_threshold_is_reached_from_the_metrics_side(score: float, metric: Any, reached: bool) -> None:
    assert Solved(0.9).reached(score, metric) is reached
    assert not Solved(0.9).reached(np.nan, ACCURACY)


def good(spec: InputSpec = SPEC, loss: str = "cross-entropy", n: int = 6) -> Split:
    x = np.ones((n, *spec.shape), "int32" if spec.kind == "tokens" else "float32")
    if loss == "mse":
        return Split(x, np.zeros((n, *spec.output_shape), "float32"))
    return Split(x, np.zeros((n, *spec.output_shape[:-1]), "int32"))


@pytest.mark.parametrize("spec", [SPEC, STEPS])
@pytest.mark.parametrize("loss", ["cross-entropy", "mse"])
def test_data_as_promised_passes(spec: InputSpec, loss: Any) -> None:
    check(Data(good(spec, loss), good(spec, loss), good(spec, loss)), spec, loss)
    check(Data(lambda rng, n: good(spec, loss, n), good(spec, loss), good(spec, loss)), spec, loss)


def spoiled(split: Split, part: str, value: float) -> Split:
    array = getattr(split, part).copy()
    array.flat[-1] = value
    return split._replace(**{part: array})


WRONG: dict[str, tuple[Callable[[Split], Any], str]] = {
    "x of another shape": (
        lambda s: Split(s.x[:, :3], s.y),
        r"x: expected float32 \(samples, 4, 2\), received .*3, 2\)",
    ),
    "x without an axis": (lambda s: Split(s.x[0], s.y), r"x: expected float32 .*received float32 \(4, 2\)"),
    "x of another type": (lambda s: Split(s.x.astype("float64"), s.y), "x: expected float32 .*received float64"),
    "x that is a list": (lambda s: Split(s.x.tolist(), s.y), "x: expected float32 .*received list"),
    "y of another type": (lambda s: Split(s.x, s.y.astype("int64")), "y: expected int32 .*received int64"),
    "y as float": (lambda s: Split(s.x, s.y.astype("float32")), "y: expected int32 .*received float32"),
    "y with an axis too many": (lambda s: Split(s.x, s.y[:, None]), r"y: expected int32 \(samples,\), received"),
    "y that is None": (lambda s: Split(s.x, None), "y: expected int32 .*received NoneType"),
    "fewer targets": (lambda s: Split(s.x, s.y[:-1]), "expected as many targets as inputs, at least 1, received 6, 5"),
    "no samples": (lambda s: Split(s.x[:0], s.y[:0]), "at least 1, received 0, 0"),
    "NaN": (lambda s: spoiled(s, "x", np.nan), "x: expected finite values, received 1 that are NaN or infinite"),
    "infinity": (lambda s: spoiled(s, "x", -np.inf), "x: expected finite values, received 1"),
    "a class too many": (lambda s: spoiled(s, "y", 3), r"y: expected values in \[0, 3\), received \[0, 3\]"),
    "a negative class": (lambda s: spoiled(s, "y", -1), r"y: expected values in \[0, 3\), received \[-1, 0\]"),
    "no pair": (lambda s: (s.x, s.y, s.x), r"expected a Split\(x, y\), received tuple"),
    "nothing": (lambda s: None, r"expected a Split\(x, y\), received NoneType"),
}


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("case", WRONG)
def test_data_other_than_promised_is_refused_with_the_part_that_is_wrong(case: str, part: str) -> None:
    spoil, message = WRONG[case]
    splits = dict.fromkeys(("train", "validation", "test"), good())
    bad = spoil(good())
    splits[part] = bad
    with pytest.raises(DataError, match=rf"^{part}\b.*{message}"):
        check(Data(**splits), SPEC, "cross-entropy")


def test_what_a_draw_returns_is_checked_too() -> None:
    with pytest.raises(DataError, match=r"train data: expected a Split\(x, y\), received tuple"):
        check(Data(lambda rng, n: (1, 2), good(), good()), SPEC, "cross-entropy")


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(DataError, match=r"expected a Data\(.*received NoneType"):
        check(None, SPEC, "cross-entropy")


def test_a_token_outside_the_vocabulary_is_refused() -> None:
    bad = spoiled(good(STEPS), "x", 5)
    with pytest.raises(DataError, match=r"test x: expected values in \[0, 5\), received \[1, 5\]"):
        check(Data(good(STEPS), good(STEPS), bad), STEPS, "cross-entropy")


def test_a_target_that_is_not_finite_is_refused() -> None:
    bad = spoiled(good(loss="mse"), "y", np.inf)
    with pytest.raises(DataError, match="validation y: expected finite values, received 1"):
        check(Data(good(loss="mse"), bad, good(loss="mse")), SPEC, "mse")


@pytest.mark.parametrize(
    ("given", "planned"),
    [
        ({"steps": 7}, 7),
        ({"epochs": 2}, None),
        ({"epochs": 2, "train_size": 100, "batch_size": 32}, 6),
        ({"steps": 7, "train_size": 100}, 7),
    ],
)
def test_steps_are_planned_where_the_size_of_the_training_set_is(given, planned):
    assert Training(**given).planned_steps == planned

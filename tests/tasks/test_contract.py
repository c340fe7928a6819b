"""What every task keeps, whatever it is about. A new task is picked up by existing."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest

from bench.architecture import InputSpec
from bench.catalogue import discover
from bench.errors import UsageError
from bench.setting import Setting, complete
from bench.stream import batches
from bench.task import Data, Split, Task

TASKS = {name: entry.value for name, entry in sorted(discover().tasks.items())}

ENOUGH = 300
"""Test samples from which on their score says something about chance."""


def variations(setting: Setting) -> list[Any]:
    """Values other than the default that are worth a case."""
    if setting.choices:
        return [choice for choice in setting.choices if choice != setting.default]
    if isinstance(setting.default, bool):
        return [not setting.default]
    return [] if setting.minimum is None else [type(setting.default)(setting.minimum)]


CASES = [
    (name, given)
    for name, task in TASKS.items()
    for given in [{}, *({key: value} for key, setting in task.settings.items() for value in variations(setting))]
]


@dataclass
class Case:
    """A task under settings, with its data."""

    name: str
    task: Task
    settings: dict[str, Any]
    default: bool

    @cached_property
    def data(self) -> Data:
        return self.task.data(self.settings)

    @cached_property
    def spec(self) -> InputSpec:
        return self.task.spec(**self.settings)

    def train(self, n: int = 2_000, seed: int = 0) -> Split:
        """The training data; of tasks that draw, n fresh samples."""
        train = self.data.train
        return train(np.random.default_rng(seed), n) if callable(train) else train

    @cached_property
    def splits(self) -> dict[str, Split]:
        return {"train": self.train(), "validation": self.data.validation, "test": self.data.test}


@pytest.fixture(
    scope="module", params=CASES, ids=lambda case: "-".join([case[0], *(f"{k}={v}" for k, v in case[1].items())])
)
def case(request: pytest.FixtureRequest, real: Callable[..., None]) -> Case:
    name, given = request.param
    task = TASKS[name]
    real(*task.files)
    return Case(name, task, complete(name, task.settings, given), default=not given)


def blind(case: Case) -> np.ndarray:
    """The answer that is right most often for the training targets, at each step where there are steps.

    mse: the mean; cross-entropy: the share of each class, (outputs,) or (time, outputs).
    """
    y = case.train(10_000, seed=3).y
    if case.task.loss == "mse":
        return y.astype("float64").mean(axis=0)
    return np.stack([(y == label).mean(axis=0) for label in range(case.spec.outputs)], axis=-1)


def rows(split: Split) -> set[bytes]:
    return {row.tobytes() for row in split.x}


def equal(one: Split, other: Split) -> bool:
    return np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)


def test_shapes_and_dtypes_are_those_of_the_spec(case: Case) -> None:
    for part, (x, y) in case.splits.items():
        assert x.shape == (len(x), *case.spec.shape), part
        assert x.dtype == (np.int32 if case.spec.kind == "tokens" else np.float32), part
        if case.task.loss == "mse":
            assert (y.dtype, y.shape) == (np.float32, (len(x), *case.spec.output_shape)), part
        else:
            assert (y.dtype, y.shape) == (np.int32, (len(x), *case.spec.output_shape[:-1])), part


def test_values_are_finite_and_in_range(case: Case) -> None:
    for part, (x, y) in case.splits.items():
        assert len(y) > 0, part
        assert np.isfinite(y).all(), part
        assert np.isfinite([x.min(), x.max(), x.sum(dtype="float64")]).all(), part
        if case.task.loss == "cross-entropy":
            assert y.min() >= 0, part
            assert y.max() < case.spec.outputs, part
        if case.spec.vocabulary is not None:
            assert x.min() >= 0, part
            assert x.max() < case.spec.vocabulary, part


def test_data_is_the_same_every_time(case: Case) -> None:
    if case.task.load is not None and not case.default:
        return  # loading once more under one of the settings tells enough
    again = case.task.data(case.settings)
    assert equal(again.validation, case.data.validation)
    assert equal(again.test, case.data.test)
    if not callable(again.train):
        assert equal(again.train, case.splits["train"])


def test_a_seed_decides_the_samples_drawn(case: Case) -> None:
    if case.task.draw is None:
        return
    assert equal(case.train(50, seed=1), case.train(50, seed=1))
    assert not np.array_equal(case.train(50, seed=1).x, case.train(50, seed=2).x)


def test_training_samples_as_a_cell_draws_them_meet_no_held_out_one(case: Case) -> None:
    if case.task.draw is None or not case.default:
        return
    held_out = rows(case.data.test) | rows(case.data.validation)
    for seed in (0, 1, 0x7E57):
        stream = batches(case.data, seed, 500)
        assert not rows(next(stream)) & held_out


def test_train_validation_and_test_do_not_overlap(case: Case) -> None:
    if not case.default:
        return  # pooled images and short sequences repeat by nature
    train, validation, test = (rows(split) for split in case.splits.values())
    # Published sets hold some samples twice: 113 of the 25,000 test reviews of IMDB are training reviews too.
    repeats = 0.0 if case.task.draw else 0.01
    assert len(test & train) <= repeats * len(test)
    assert len(validation & train) <= repeats * len(validation)
    assert len(validation & test) <= repeats * len(validation)


def test_chance_is_the_score_of_the_best_blind_answer(case: Case) -> None:
    answer = blind(case)
    y = case.data.test.y
    if len(y) < ENOUGH:
        return
    scores = case.task.metric.score(y, np.broadcast_to(answer, (len(y), *answer.shape)))
    assert scores.shape == (len(y),)
    by_luck = 5 * scores.std() / np.sqrt(len(y)) if case.task.draw else 1e-12
    assert scores.mean() == pytest.approx(case.task.chance(**case.settings), abs=by_luck)


def test_chance_loss_is_the_loss_of_the_best_blind_answer(case: Case) -> None:
    y = case.data.test.y
    if case.task.chance_loss is None or len(y) < ENOUGH:
        return
    answer = blind(case)
    if case.task.loss == "mse":
        loss = np.square(y - answer).mean()
    else:
        shares = np.broadcast_to(answer, (len(y), *answer.shape))
        loss = -np.log(np.take_along_axis(shares, y[..., None].astype(int), axis=-1)).mean()
    assert loss == pytest.approx(case.task.chance_loss(**case.settings), rel=0.02)


def test_the_right_answer_solves_the_task_and_chance_does_not(case: Case) -> None:
    y = case.data.validation.y
    answer = y if case.task.loss == "mse" else np.eye(case.spec.outputs)[y]
    metric, solved = case.task.metric, case.task.solved
    assert solved.reached(float(metric.score(y, answer).mean()), metric)
    assert not solved.reached(case.task.chance(**case.settings), metric)


@pytest.mark.parametrize("name", TASKS)
def test_settings_below_their_minimum_are_refused(name: str) -> None:
    for key, setting in TASKS[name].settings.items():
        if setting.minimum is not None:
            with pytest.raises(UsageError, match=rf"{key}: expected an integer >= {setting.minimum:g}"):
                complete(name, TASKS[name].settings, {key: int(setting.minimum) - 1})


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if "length" in task.settings])
def test_a_sequence_of_one_step_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name}\.length"):
        complete(name, TASKS[name].settings, {"length": 1})


@pytest.mark.parametrize("name", TASKS)
def test_a_task_says_how_long_to_train_and_where_it_is_from(name: str) -> None:
    task = TASKS[name]
    assert (task.training.steps is None) != (task.training.epochs is None)
    assert task.source
    assert "\n" not in task.summary
    for setting in task.settings.values():
        assert setting.help
        assert setting.choices is None or setting.default in setting.choices


def test_listing_tasks_imports_neither_scikit_learn_nor_a_framework() -> None:
    code = (
        "import importlib, pkgutil, sys, tasks\n"
        "for module in pkgutil.iter_modules(tasks.__path__): importlib.import_module('tasks.' + module.name)\n"
        "print({'sklearn', 'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

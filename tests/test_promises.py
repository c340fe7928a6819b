"""Real training to the figures the project stands for. Minutes to an hour: `tox -e slow`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.backends import require
from bench.catalogue import discover
from bench.errors import DataError, UsageError
from bench.execute.process import environment

pytestmark = pytest.mark.slow


def _cells(folder: Path, command: str) -> list[dict]:
    arguments = [*command.split(), "--out", str(folder / "run")]
    subprocess.run([sys.executable, "-m", "bench", "run", *arguments], env=environment("tensorflow", 1), check=True)
    shown = [sys.executable, "-m", "bench", "show", str(folder / "run"), "--json"]
    return json.loads(subprocess.run(shown, env=environment("tensorflow", 1), check=True, capture_output=True).stdout)


def _values(cells: list[dict], task: str, **wanted: object) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for cell in cells:
        if cell["task"] == task and all(cell["task_settings"][key] == value for key, value in wanted.items()):
            found.setdefault(cell["architecture"], []).append(cell["value"])
    return found


def _need(task: str) -> None:
    try:
        for file in discover().tasks[task].value.files:
            file.verified()
    except DataError as error:
        if os.environ.get("ARCHBENCH_REQUIRE_DATA") == "1":
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("command", "least"),
    [
        ("--task mnist --arch cnn,mlp --epochs 5 --seeds 2", {"cnn": 0.990, "mlp": 0.978}),
        ("--task cifar10 --arch cnn,mlp --epochs 10 --seeds 1", {"cnn": 0.70, "mlp": 0.48}),
        (
            "--task imdb --arch lstm,bilstm,conv1d,bag --epochs 3 --seeds 1",
            {"lstm": 0.83, "bilstm": 0.83, "conv1d": 0.83, "bag": 0.83},
        ),
    ],
)
def test_real_data_is_learned_to_the_promised_accuracy(tmp_path, command, least):
    task = command.split()[1]
    _need(task)
    values = _values(_cells(tmp_path, command), task)
    assert {name: min(values[name]) >= bound for name, bound in least.items()} == dict.fromkeys(least, True), values
    if task == "imdb":
        assert max(max(seeds) for seeds in values.values()) >= 0.87


def test_adding_is_solved_by_gated_arms_and_by_no_plain_one(tmp_path):
    command = "--task adding --set adding.length=100 --arch rnn,rnn-uniform,lstm,gru --units 32 --steps 3000"
    values = _values(_cells(tmp_path, f"{command} --lr 5e-3 --clip 1 --seeds 3"), "adding")
    for gated in ("lstm", "gru"):
        assert sum(value < 0.01 for value in values[gated]) >= 2, values
    for plain in ("rnn", "rnn-uniform"):
        assert values[plain] == pytest.approx([1 / 6] * 3, rel=0.1)


def _need_backend(name: str) -> None:
    try:
        require(name)
    except UsageError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_adding_is_solved_by_gated_arms_on_other_backends_too(tmp_path, backend):
    _need_backend(backend)
    command = f"--backend {backend} --task adding --set adding.length=100 --arch lstm,gru --units 32 --steps 3000"
    values = _values(_cells(tmp_path, f"{command} --lr 5e-3 --clip 1 --seeds 3 --stop-solved"), "adding")
    for gated in ("lstm", "gru"):
        assert sum(value < 0.01 for value in values[gated]) >= 2, values


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_half_lives_at_init_are_those_of_tensorflow_within_five_percent_over_seeds(tmp_path, backend):
    # Each backend draws its own weights: over 100 seeds the mean's error is a tenth of the spread over seeds.
    _need_backend(backend)
    command = "--task adding --set adding.length=100 --set adding.test_size=10 --arch lstm,gru --units 32 --steps 1"
    lives = {}
    for name in ("tensorflow", backend):
        cells = _cells(tmp_path / name, f"{command} --seeds 100 --evaluations 1 --backend {name}")
        for arm in ("lstm", "gru"):
            each = [cell["gradient"]["init"]["half_life_h"] for cell in cells if cell["architecture"] == arm]
            assert len(each) == 100
            lives[name, arm] = np.exp(np.log(each).mean())
    for arm in ("lstm", "gru"):
        assert lives[backend, arm] == pytest.approx(lives["tensorflow", arm], rel=0.05)


def test_temporal_order_is_solved_by_gated_arms_and_by_no_seed_of_the_plain_one(tmp_path):
    # Not "at chance": at this length and learning rate the plain arm learns one of the two symbols, or nearly both,
    # under about half of the seeds, here as in a plain Keras script.
    command = "--task temporal-order --set temporal-order.length=50 --arch rnn,lstm,gru --units 16 --steps 1500"
    values = _values(_cells(tmp_path, f"{command} --lr 1e-2 --clip 1 --seeds 3"), "temporal-order")
    for gated in ("lstm", "gru"):
        assert sum(value >= 0.99 for value in values[gated]) >= 2, values
    assert max(values["rnn"]) < 0.99


def test_the_default_run_shows_what_the_readme_says(tmp_path):
    cells = _cells(tmp_path, "quick")
    digits = _values(cells, "digits", view="image")
    assert sum(digits["cnn"]) > sum(digits["mlp"])
    for task, solved in (("adding", lambda v: v < 0.01), ("temporal-order", lambda v: v >= 0.99)):
        values = _values(cells, task)
        assert all(solved(value) for name in ("lstm", "gru") for value in values[name]), values
        chance = {"adding": 1 / 6, "temporal-order": 1 / 4}[task]
        for plain in ("rnn", "rnn-uniform"):
            assert values[plain] == pytest.approx([chance] * len(values[plain]), rel=0.1), values

"""Timing one cell: the step is the training's own, and memory is what the steps take."""

from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from cells import BACKEND, catalogue, cell

from bench import backends
from bench.cell import Group
from bench.execute.machine import conditions
from bench.flops import count_flops
from bench.gradients.recorder import recorded
from bench.speed import Timed, _Memory
from bench.stopwatch import Job

FRAMEWORK = backends.load(BACKEND)
BUFFER = 64 * 2**20


def _timed(one):
    return Timed(one, catalogue(), FRAMEWORK, conditions(one, "cpu"))


@pytest.mark.contract
def test_the_step_that_is_timed_is_that_of_the_training_to_the_last_bit():
    one = cell(architecture="lstm", seed=3, training={"steps": 12, "evaluations": 1, "probe_every": 0})
    trained = Group(one, catalogue(), conditions(one, "cpu")).run(one).curves["gradient_norm"]
    timed = _timed(one)
    timed.compile()
    steps = int(timed.group.optimizer.iterations)
    assert 6 < steps < 12
    assert np.array_equal(recorded(timed.group.optimizer, steps)[0], trained[:steps])


@pytest.mark.contract
def test_a_visit_times_steps_and_inference_at_one_sample_and_at_the_batch():
    timed = _timed(cell(length=12))
    found = timed.compile()
    before = int(timed.group.optimizer.iterations)
    seen: list[tuple[str, int]] = []
    train, predict = timed.group.step, timed.group.model.predict_on_batch
    prepare = timed.jobs["step"].prepare
    timed.jobs["step"] = Job(lambda x, y: (seen.append(("train", len(x))), train(x, y)), prepare)
    timed.group.model.predict_on_batch = lambda x: (seen.append(("predict", len(x))), predict(x))
    visit = timed.visit()
    assert visit.keys() == {"step", "inference", "batch_inference", "matmul"}
    assert {name: len(calls) for name, calls in visit.items() if name in timed.calls} == timed.calls
    assert all(seconds > 0 for calls in visit.values() for seconds in calls)
    kinds = {name: seen.count(name) - 1 for name in [("train", 8), ("predict", 1), ("predict", 8)]}  # one goes before
    assert list(kinds.values()) == [timed.calls[name] for name in ("step", "inference", "batch_inference")]
    assert int(timed.group.optimizer.iterations) == before + kinds["train", 8] + 1
    assert found["batch"] == 8
    assert found["steps"] == 12
    assert found["flops_per_sample"] == count_flops(timed.group.model).flops
    assert found["build_seconds"] > 0
    assert found["compile_seconds"] > 0
    assert found["matmul_operations"] >= 2 * 256**3


def test_an_image_has_no_steps_and_a_layer_that_is_not_known_no_count():
    timed = _timed(cell(task="digits", architecture="mlp", settings=["digits.view=image"]))
    assert timed.compile()["steps"] is None
    timed = _timed(cell())
    next(layer for layer in timed.group.model.layers if isinstance(layer, keras.layers.SimpleRNN)).cell = None
    count = count_flops(timed.group.model)
    assert (count.flops, count.unknown) == (None, ("NoneType",))


def _framework(peak=None):
    return SimpleNamespace(peak_bytes=lambda: peak, reset_peak_bytes=lambda: None)


def test_memory_that_was_taken_and_freed_is_seen_and_what_was_taken_before_is_not():
    before = np.ones(BUFFER, "uint8")
    memory = _Memory(_framework())
    assert memory.peak([]) < BUFFER / 2
    np.ones(2 * BUFFER, "uint8").sum()
    assert 1.5 * BUFFER < memory.peak([]) < 3 * BUFFER
    assert before[0] == 1


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget a peak")
def test_what_only_compiling_took_is_forgotten():
    memory = _Memory(_framework())
    np.ones(2 * BUFFER, "uint8").sum()
    memory.settle()
    assert memory.peak([]) < BUFFER


@pytest.mark.contract
@pytest.mark.skipif(FRAMEWORK.device() != "cpu", reason="a GPU has memory of its own")
def test_on_a_cpu_the_device_has_no_memory_of_its_own():
    FRAMEWORK.reset_peak_bytes()
    assert FRAMEWORK.peak_bytes() is None


@pytest.mark.contract
def test_weights_are_added_and_where_the_device_tells_its_peak_that_is_it():
    few = keras.Variable(np.zeros(10, "int32"), trainable=False, dtype="int32")
    weights = [keras.Variable(np.zeros((1000, 1000), "float32")), few]
    memory = _Memory(_framework())
    assert memory.peak(weights) - memory.peak([]) == pytest.approx(4_000_040, abs=2**20)
    assert _Memory(_framework(peak=123)).peak(weights) == 123

"""What every backend offers, on the one that the tests run on: tox runs this file once on each."""

import ast
import gc
import json
import os
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from cells import BACKEND
from keras import ops

from bench import backends
from bench.errors import UsageError
from bench.execute.process import environment
from bench.suite import BACKENDS

pytestmark = pytest.mark.contract
backend = backends.load(BACKEND)
RNG = np.random.default_rng(0)
FILES = {name: Path(backends.__file__).with_name(f"{name}.py") for name in BACKENDS}


def tensor(*shape: int) -> Any:
    return ops.convert_to_tensor(RNG.normal(size=shape).astype("float32"))


def array(found: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(found))


def test_every_backend_has_the_same_functions_with_the_same_arguments() -> None:
    found = {}
    for name, file in FILES.items():
        functions = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)]
        found[name] = {
            node.name: (ast.unparse(node.args), ast.unparse(node.returns or ast.Constant(None)))
            for node in functions
            if not node.name.startswith("_")
        }
    assert len(found["tensorflow"]) >= 9
    assert found["jax"] == found["torch"] == found["tensorflow"]


def test_loading_imports_nothing_that_only_wrappers_and_plots_of_keras_need() -> None:
    code = (
        "import sys; from bench import backends; backends.load(sys.argv[1]);"
        " print({'sklearn', 'matplotlib', 'pandas'} & set(sys.modules));"
        " import keras, pandas, sklearn.datasets; print(keras.Sequential([]), pandas.Series([1]).sum())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, BACKEND], env=environment(BACKEND, 1), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == "set()"


TRAINED = """
import sys, numpy as np
from bench import backends
framework = backends.load(sys.argv[1])
framework.configure(1)
import keras
keras.utils.set_random_seed(1)
layers = [keras.layers.Dense(6), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
model = keras.Sequential([keras.Input((5,)), *layers])
model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=framework.compiles(True))
step, rng = framework.stepper(model), np.random.default_rng(0)
losses = [step(rng.random((8, 5), "float32"), rng.random((8, 1), "float32")) for _ in range(4)]
step.sync()
print(losses, [np.asarray(keras.ops.convert_to_numpy(v)).tobytes() for v in model.variables])
print(framework.loads())
"""


@pytest.mark.skipif(not backends.shares(BACKEND), reason="every process compiles for itself")
def test_processes_of_a_run_load_what_others_compiled_to_the_last_bit_and_of_other_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(place: Path | None) -> tuple[str, int]:
        around = environment(BACKEND, 1, compiled=place)
        done = subprocess.run([sys.executable, "-c", TRAINED, BACKEND], env=around, capture_output=True, check=True)
        found, loads = done.stdout.decode().splitlines()
        return found, int(loads)

    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "users"))
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "0")
    found, loads = zip(*(trained(place) for place in (tmp_path / "ours", tmp_path / "ours", None)), strict=True)
    assert len(set(found)) == 1
    assert (loads[0], loads[2]) == (0, 0)
    assert loads[1] > 5
    assert not (tmp_path / "users").exists()


@pytest.mark.parametrize(
    ("given", "asked"),
    [(None, "--a --z"), ("", "--a --z"), (" --b=1 --c ", "--a --b=1 --c --z"), ("flags.txt", "flags.txt")],
)
def test_xla_is_asked_before_and_after_the_user_and_never_beside_a_file(
    monkeypatch: pytest.MonkeyPatch, given: str | None, asked: str
) -> None:
    monkeypatch.setenv("XLA_FLAGS", given or "")  # which takes back what is asked here too
    if given is None:
        del os.environ["XLA_FLAGS"]
    backends.ask_xla(first="--a", last="--z")
    assert os.environ["XLA_FLAGS"] == asked


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch has no XLA")
def test_xla_is_asked_for_its_second_level_on_a_cpu_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = (
        "import os, sys; from bench import backends; backends.load(sys.argv[1]).configure(1);"
        " print(os.environ['XLA_FLAGS'])"
    )
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=1")
    around = {**environment(BACKEND, 1), "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([sys.executable, "-c", code, BACKEND], env=around, capture_output=True, text=True, check=True)
    levels = [flag for flag in done.stdout.split() if "level" in flag]
    own = [] if BACKEND == "jax" and backends.computes_on_gpu("jax") else ["--xla_backend_optimization_level=2"]
    assert levels == [*own, "--xla_backend_optimization_level=1"]


def test_what_is_made_after_the_framework_was_loaded_can_be_freed() -> None:
    frozen = gc.get_freeze_count()
    made = [keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])]
    backends.load(BACKEND)
    assert gc.isenabled()
    assert gc.get_freeze_count() <= frozen
    gone = weakref.ref(made.pop())
    keras.utils.clear_session()
    gc.collect()
    assert gone() is None


def test_a_gradient_is_that_of_the_variables_as_they_stand_and_0_where_nothing_depends() -> None:
    weight = keras.Variable(2.0)
    run = backend.gradient(
        lambda watched, x: (ops.sum(weight * watched["a"] ** 2 * x), weight * x), [weight], jit=backend.compiles(True)
    )
    a, b, x = tensor(3), tensor(2, 2), tensor(3)
    for value in (2.0, 5.0):
        weight.assign(value)
        gradients, more = run({"a": a, "b": b}, x)
        np.testing.assert_allclose(array(gradients["a"]), 2 * value * array(a) * array(x), rtol=1e-6)
        assert array(gradients["b"]).tolist() == [[0, 0], [0, 0]]
        np.testing.assert_allclose(array(more), value * array(x), rtol=1e-6)


def test_nothing_watched_has_no_gradient() -> None:
    run = backend.gradient(lambda watched, x: (ops.sum(x), x), [], jit=False)
    gradients, more = run({}, ops.ones((2,)))
    assert gradients == {}
    assert array(more).tolist() == [1, 1]


def test_a_compiled_function_finds_the_variables_as_they_stand_and_changes_none() -> None:
    weight = keras.Variable(2.0)
    run = backend.compiled(lambda x: weight * x, [weight], jit=backend.compiles(True))
    assert float(array(run(ops.ones(())))) == 2
    weight.assign(7.0)
    assert float(array(run(ops.ones(())))) == 7
    assert float(array(weight)) == 7


def test_a_tensor_is_read_without_a_copy_on_a_cpu_and_outlives_its_tensor() -> None:
    given = tensor(1000, 1000)
    expected = array(given).copy()
    found = backend.host(given)
    if backend.device() == "cpu":
        assert np.shares_memory(found, backend.host(given))
    del given
    tensor(1000, 1000)
    np.testing.assert_array_equal(found, expected)


BATCHES = [(RNG.normal(size=(8, 5)).astype("float32"), RNG.normal(size=(8, 1)).astype("float32")) for _ in range(20)]


def _trained(stepped: Callable[[keras.Model], Any]) -> tuple[list[float], list[np.ndarray]]:
    """The losses, and all that training changes: weights, moving statistics, seeds and the optimizer's variables."""
    keras.utils.set_random_seed(1)
    noisy = [keras.layers.Dense(6), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((5,)), *noisy, keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=backend.compiles(True))
    losses = stepped(model)
    return losses, [array(variable).copy() for variable in [*model.variables, *model.optimizer.variables]]


def _by_keras(model: keras.Model) -> list[float]:
    losses = []
    for x, y in BATCHES:
        model.reset_metrics()
        losses.append(float(model.train_on_batch(x, y)))
    return losses


def _by_step(model: keras.Model, synced: int) -> list[float]:
    step, losses = backend.stepper(model), []
    for done, (x, y) in enumerate(BATCHES, 1):
        step.reset()
        losses.append(step(x, y))
        if done % synced == 0:
            step.sync()
            model.predict_on_batch(x)
    step.sync()
    return losses


@pytest.mark.parametrize("synced", [1, 7, 100])
def test_a_step_is_keras_own_to_the_last_bit_with_dropout_and_batch_normalization(synced: int) -> None:
    expected, variables = _trained(_by_keras)
    losses, found = _trained(lambda model: _by_step(model, synced))
    assert losses == expected
    assert len(set(losses)) == len(BATCHES)
    for a, b in zip(found, variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_step_takes_the_variables_as_they_stand_after_a_sync_and_traces_once() -> None:
    traced, starts = [], []

    def rerun(model: keras.Model) -> list[float]:
        apply, step = model.optimizer.apply, backend.stepper(model)
        model.optimizer.apply = lambda *given: (traced.append(0), apply(*given))[1]
        model.optimizer.build(model.trainable_variables)
        variables = [*model.variables, *model.optimizer.variables]
        starts.extend(array(variable).copy() for variable in variables)
        losses = []
        for _ in range(2):
            keras.utils.set_random_seed(1)  # PyTorch's dropout draws from its own state
            for variable, start in zip(variables, starts, strict=True):
                variable.assign(start)
            for x, y in BATCHES[:5]:
                step.reset()
                losses.append(step(x, y))
            step.sync()
        model.train_on_batch(*BATCHES[0])
        return losses

    losses, _ = _trained(rerun)
    assert losses[:5] == losses[5:]
    assert len(traced) == (11 if BACKEND == "torch" else 1)


@pytest.mark.skipif(BACKEND != "jax", reason="the variables stand in the model after every step")
def test_variables_that_are_read_or_assigned_without_a_sync_are_told_on_jax() -> None:
    def careless(model: keras.Model) -> list[float]:
        step = backend.stepper(model)
        for x, y in BATCHES[:3]:
            step(x, y)
        for variable in [*model.variables, *model.optimizer.variables]:
            if variable not in model.metrics_variables:
                with pytest.raises(RuntimeError, match="deleted"):
                    array(variable)
        with pytest.raises(RuntimeError, match="deleted"):
            model.predict_on_batch(BATCHES[0][0])
        step.sync()
        step(*BATCHES[0])
        model.trainable_variables[0].assign(np.zeros((5, 6)))
        with pytest.raises(RuntimeError, match=r"dense.*/kernel was assigned after a training step without sync"):
            step.sync()
        return []

    with pytest.raises(RuntimeError, match="deleted"):
        _trained(careless)


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX's step keeps anything")
def test_a_step_that_fails_leaves_nothing_behind_that_the_next_one_would_take() -> None:
    def failing(model: keras.Model) -> list[float]:
        step = backend.stepper(model)
        step(*BATCHES[0])
        start = [array(variable).copy() for variable in [*model.variables, *model.optimizer.variables]]
        losses = [step(*BATCHES[1])]
        with pytest.raises((TypeError, ValueError)):
            step(np.zeros((8, 4), "float32"), BATCHES[1][1])
        for variable, value in zip([*model.variables, *model.optimizer.variables], start, strict=True):
            variable.assign(value)
        losses.append(step(*BATCHES[1]))
        step.sync()
        return losses

    (first, again), _ = _trained(failing)
    assert first == again


def test_a_vjp_is_the_cotangent_times_the_jacobian_of_each_input() -> None:
    a, b, cotangent = tensor(4, 3), tensor(3, 2), tensor(4, 2)
    to_a, to_b = backend.vjp(ops.matmul, (a, b), cotangent)
    np.testing.assert_allclose(array(to_a), array(cotangent) @ array(b).T, rtol=1e-5)
    np.testing.assert_allclose(array(to_b), array(a).T @ array(cotangent), rtol=1e-5)


def test_a_jacobian_is_taken_row_by_row() -> None:
    matrix, x = RNG.normal(size=(3, 2)).astype("float32"), RNG.normal(size=(5, 3)).astype("float32")
    found = np.asarray(backend.jacobian(lambda x: ops.tanh(ops.matmul(x, matrix)), x))
    assert found.shape == (5, 2, 3)
    np.testing.assert_allclose(found, (1 - np.tanh(x @ matrix)[..., None] ** 2) * matrix.T, rtol=1e-4, atol=1e-6)


def test_a_dense_gradient_is_left_as_it_is() -> None:
    gradient = tensor(3, 2)
    np.testing.assert_array_equal(array(backend.dense(gradient)), array(gradient))


CONFIGURED = """
import json, os, sys
from bench import backends
backend = backends.load(sys.argv[1])
backend.configure(int(sys.argv[2]))
import keras
x = keras.random.normal((600, 600), seed=0)
for _ in range(20):
    x = keras.ops.matmul(x, x) * 1e-2
keras.ops.convert_to_numpy(x)
keras.utils.set_random_seed(0)
imported = sys.modules.get("tensorflow") is not None
x = keras.ops.ones((2000, 2000))
x = keras.ops.matmul(x, x)
backend.synchronize()
ready = x.is_ready() if sys.argv[1] == "jax" else True  # the others compute at once, and have no such question
print(json.dumps([keras.backend.backend(), backend.device(), len(os.listdir("/proc/self/task")), imported, ready]))
"""


def _configured(threads: int) -> tuple[str, str, int, bool, bool]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", CONFIGURED, BACKEND, str(threads)],
        env=environment(BACKEND, threads),
        capture_output=True,
        text=True,
        check=True,
    )
    name, device, tasks, imported, ready = json.loads(done.stdout)
    return name, device, tasks, imported, ready


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="this system does not list a process's threads")
def test_a_worker_computes_on_its_backend_with_as_many_threads_as_it_is_told() -> None:
    name, device, few, tensorflow, ready = _configured(1)
    assert name == BACKEND
    assert tensorflow is (BACKEND == "tensorflow")
    assert device
    assert ready
    many = _configured(8)[2]
    assert many - few >= 7


ROUNDED = {
    "jax": "import jax; rounded = lambda: jax.config.jax_default_matmul_precision != 'float32'",
    "tensorflow": """
import tensorflow as tf
tf.config.list_physical_devices = lambda kind: ["made up"]
tf.config.experimental.set_memory_growth = lambda *_: None
rounded = tf.config.experimental.tensor_float_32_execution_enabled
""",
    "torch": """
import torch
torch.cuda.is_available = lambda: True
rounded = lambda: torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32
""",
}


def test_products_on_a_gpu_are_those_of_float32() -> None:
    code = f"{ROUNDED[BACKEND]}\nfrom bench import backends\nprint(rounded())\n"
    code += f"backends.load({BACKEND!r}).configure(1)\nprint(rounded())"
    around = environment(BACKEND, 1)
    done = subprocess.run([sys.executable, "-P", "-c", code], env=around, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_a_framework_that_is_not_installed_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    backends.require(BACKEND)
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"backend jax is not installed: pip install 'archbench\[jax\]'"):
        backends.require("jax")


HUGE = 2**46
"""Floats that no address space holds, however freely the system promises memory."""


TAKES_LONG = [pytest.mark.slow] if BACKEND == "tensorflow" else []
"""TensorFlow waits ten seconds for memory before it gives up: the one that trainings meet is enough there."""


def _huge_weights() -> None:
    keras.layers.Dense(HUGE).build((None, 8))


def _huge_layer() -> None:
    layer = keras.layers.Lambda(lambda x: ops.concatenate([x * ops.ones((HUGE,)), x]), output_shape=(None,))
    array(layer(ops.ones((1,))))


@pytest.mark.parametrize(
    "exhaust",
    [
        # Read: a GPU answers before it has tried.
        pytest.param(lambda: array(ops.ones((HUGE,), "float32")), marks=TAKES_LONG),
        pytest.param(
            _huge_weights,
            marks=[
                *TAKES_LONG,
                pytest.mark.skipif(
                    BACKEND == "jax", reason="drawing so many numbers aborts the process: a dead worker"
                ),
            ],
        ),
        _huge_layer,
        lambda: np.ones(HUGE, "float32"),
        lambda: bytearray(4 * HUGE),
    ],
    ids=["tensor", "weights", "layer", "NumPy", "Python"],
)
def test_memory_that_ran_out_is_told_whoever_says_so(exhaust: Callable[[], object]) -> None:
    with pytest.raises(Exception, match=r"\A") as caught:  # Python's own says nothing
        exhaust()
    assert backends.out_of_memory(caught.value), repr(caught.value)


@pytest.mark.skipif(BACKEND != "torch", reason="an error of PyTorch's on a GPU, made up here")
def test_memory_of_a_gpu_that_ran_out_is_told_on_pytorch() -> None:
    import torch

    assert backends.out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))


def test_other_errors_are_not_taken_for_a_want_of_memory() -> None:
    with pytest.raises(Exception, match=r".") as caught:
        ops.matmul(tensor(2, 3), tensor(2, 3))
    for error in (caught.value, RuntimeError("no luck"), ValueError("RESOURCE_EXHAUSTED")):
        assert not backends.out_of_memory(error)

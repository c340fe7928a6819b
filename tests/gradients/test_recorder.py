"""The recorder against gradients taken by hand, and against the optimizer without it."""

from typing import Any

import keras
import numpy as np
import pytest
from oracle import weight_gradients

from bench import backends
from bench.gradients.recorder import recorded, recording

pytestmark = pytest.mark.contract
STEPS, BATCH = 7, 8


def _model(*, tokens: bool = False) -> keras.Model:
    keras.utils.set_random_seed(3)
    if tokens:
        layers = [keras.Input((5,), dtype="int32"), keras.layers.Embedding(6, 3), keras.layers.Flatten()]
    else:
        layers = [keras.Input((5,)), keras.layers.Dense(4, activation="tanh")]
    return keras.Sequential([*layers, keras.layers.Dense(1)])


def _batches(*, tokens: bool = False) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    draw = (
        (lambda: rng.integers(0, 6, (BATCH, 5)).astype("int32"))
        if tokens
        else lambda: rng.random((BATCH, 5), "float32")
    )
    return [(draw(), rng.random((BATCH, 1), dtype="float32")) for _ in range(STEPS)]


def _train(model: keras.Model, optimizer: keras.Optimizer, **options: bool) -> list[float]:
    model.compile(optimizer, "mse", **options)
    losses = []
    for x, y in _batches(tokens=model.inputs[0].dtype == "int32"):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(x, y)))
    return losses


def _norms_by_hand(model: keras.Model, x: np.ndarray, y: np.ndarray) -> list[float]:
    def loss() -> Any:
        return keras.ops.mean(keras.ops.square(model(x, training=True) - keras.ops.convert_to_tensor(y)))

    return [float(np.linalg.norm(gradient)) for gradient in weight_gradients(loss, model.trainable_variables)]


@pytest.mark.parametrize("tokens", [False, True], ids=["dense", "embedding with repeated rows"])
@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_norms_are_those_of_the_gradient_before_clipping(tokens, jit):
    model = _model(tokens=tokens)
    x, y = _batches(tokens=tokens)[0]
    expected = _norms_by_hand(model, x, y)
    optimizer = recording("sgd", interval=3, steps=STEPS, learning_rate=0.1, global_clipnorm=1e-3)
    model.compile(optimizer, "mse", jit_compile=backends.load(keras.backend.backend()).compiles(jit))
    model.train_on_batch(x, y)
    assert recorded(optimizer, 1)[0][0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop", "adamw", "nadam"])
def test_the_loss_is_that_of_the_plain_optimizer_to_the_last_bit(name):
    plain, taped = _model(), _model()
    expected = _train(plain, type(keras.optimizers.get(name))(learning_rate=0.01, global_clipnorm=0.05))
    found = _train(taped, recording(name, interval=3, steps=STEPS, learning_rate=0.01, global_clipnorm=0.05))
    assert found == expected
    assert all(np.array_equal(a, b) for a, b in zip(plain.get_weights(), taped.get_weights(), strict=True))


def test_every_step_is_kept_and_the_ring_starts_anew_each_interval():
    model = _model()
    optimizer = recording("sgd", interval=3, steps=STEPS, learning_rate=0.1)
    model.compile(optimizer, "mse")
    expected, found = [], []
    for step, (x, y) in enumerate(_batches(), start=1):
        expected.append(_norms_by_hand(model, x, y))
        model.train_on_batch(x, y)
        if step % 3 == 0 or step == STEPS:
            found.extend(recorded(optimizer, (step - 1) % 3 + 1)[0])
    assert np.array(found) == pytest.approx(np.array(expected), rel=1e-5)


def test_the_update_norm_is_that_of_the_last_step_of_an_interval_and_of_all():
    model = _model()
    optimizer = recording("sgd", interval=3, steps=STEPS, learning_rate=0.1)
    model.compile(optimizer, "mse")
    for step, (x, y) in enumerate(_batches(), start=1):
        before = [keras.ops.convert_to_numpy(variable).copy() for variable in model.trainable_variables]
        model.train_on_batch(x, y)
        if step in (3, 6, STEPS):
            moved = [
                np.linalg.norm(keras.ops.convert_to_numpy(v) - b)
                for v, b in zip(model.trainable_variables, before, strict=True)
            ]
            assert recorded(optimizer, 1)[1] == pytest.approx(moved, rel=1e-4)


def test_an_embedding_is_clipped_by_the_norm_of_its_summed_rows():
    # Keras clips the slices as they are; with a repeated row their norm is not the gradient's.
    model = _model(tokens=True)
    x, y = np.zeros((BATCH, 5), "int32"), np.ones((BATCH, 1), "float32")
    norm = float(np.linalg.norm(_norms_by_hand(model, x, y)))
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in model.trainable_variables]
    model.compile(recording("sgd", interval=1, steps=1, learning_rate=1.0, global_clipnorm=norm / 2), "mse")
    model.train_on_batch(x, y)
    moved = [keras.ops.convert_to_numpy(v) - b for v, b in zip(model.trainable_variables, before, strict=True)]
    assert np.sqrt(sum(np.square(m).sum() for m in moved)) == pytest.approx(norm / 2, rel=1e-4)

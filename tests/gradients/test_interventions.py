"""Holding a gate and wiping a state against models where the outcome is known."""

import keras
import numpy as np
import pytest

from bench.architecture import InputSpec
from bench.catalogue import discover
from bench.evaluation import evaluate
from bench.gradients.flow import measure
from bench.gradients.interventions import first_filters, held, interventions
from bench.gradients.probe import Probe
from bench.task import MSE, Solved, Split, Task

SPEC = InputSpec("sequence", (8, 1), outputs=1)
TASK = Task(
    summary="x",
    source="x",
    spec=lambda **_: SPEC,
    loss="mse",
    metric=MSE,
    chance=lambda **_: 1.0,
    solved=Solved(0.01),
    draw=lambda rng, n: Split(np.zeros((n, 8, 1), "float32"), np.zeros((n, 1), "float32")),
)


def summing_lstm() -> keras.Model:
    """c adds up 0.01 x, h is about c: forget and output gate open, input gate open, candidate nearly linear."""
    keras.utils.set_random_seed(0)
    architecture = discover().architecture("lstm").value
    model = architecture.build(SPEC, units=1, layers=1, dropout=0.0, embedding=1, **architecture.fixed)
    cell = next(layer for layer in model.layers if isinstance(layer, keras.layers.LSTM)).cell
    cell.set_weights([np.array([[0, 0, 0.01, 0]]), np.zeros((1, 4)), np.array([30.0, 30.0, 0, 30.0])])
    model.layers[-1].set_weights([np.array([[100.0]]), np.zeros(1)])
    return model


def sums(n: int = 300) -> Split:
    x = np.random.default_rng(0).normal(size=(n, 8, 1)).astype("float32")
    return Split(x, x.sum(axis=1))


def found(split: Split) -> dict[str, float]:
    model = summing_lstm()
    probe = Probe(model, SPEC, "mse", jit=True)
    model.compile("adam", "mse")
    weights = [weight.copy() for weight in model.get_weights()]
    flow = measure(probe, split, 0, None)
    means = {name: flow.arrays[f"gate_{name}"] for name in flow.gates}

    def score() -> float:
        return evaluate(model, split, TASK, 64)[1]

    result = interventions(probe, TASK, split, means, score, score())
    for weight, old in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, old)
    return result


@pytest.mark.contract
def test_a_sum_is_lost_by_what_must_lose_it_and_by_nothing_else() -> None:
    split = sums()
    scores = found(split)
    x = split.x[..., 0].astype("float64")
    assert scores["none"] < 0.01
    assert scores["forget-open"] == pytest.approx(scores["none"], abs=1e-3)
    assert scores["forget-mean"] == pytest.approx(scores["none"], abs=1e-3)
    assert scores["input-mean"] == pytest.approx(scores["none"], abs=1e-3)
    assert scores["reset-half"] == pytest.approx(np.square(x[:, :4].sum(axis=1)).mean(), rel=0.02)
    halved = (x * 0.5 ** np.arange(7, -1, -1)).sum(axis=1)
    assert scores["forget-half"] == pytest.approx(np.square(halved - x.sum(axis=1)).mean(), rel=0.02)


@pytest.mark.contract
def test_a_held_gate_no_longer_reads_and_the_others_are_left() -> None:
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in ((3, 6), (2, 6), (2, 6))]  # a GRU of two units
    kernel, recurrent, bias = held(weights, 0, np.array([1.0, 2.0]))
    assert not kernel[:, :2].any()
    assert not recurrent[:, :2].any()
    assert bias[:, :2].tolist() == [[1, 2], [0, 0]]
    np.testing.assert_array_equal(kernel[:, 2:], weights[0][:, 2:])
    assert weights[0][:, :2].any()


def test_the_first_filters_are_those_of_the_first_convolution() -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 5), keras.layers.Conv2D(2, 3)])
    filters = first_filters(model)
    assert filters is not None
    np.testing.assert_array_equal(filters, model.layers[0].get_weights()[0])
    assert first_filters(summing_lstm()) is None

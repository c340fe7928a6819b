"""Gradients that must not happen, and drifts worth a look."""

import math

import numpy as np
import pytest
from sides import flow, side

from bench.gates import gradient_gates, gradient_warnings
from bench.record import GradientNorm

FIVE = [0.9] * 5


def _none(_):
    return {}


def _norm(**changed):
    return GradientNorm(**{"first": 1.0, "last": 0.1, "largest": 2.0, "not_finite": 0, "clipped": None, **changed})


def _curves(*zero: int, steps: int = 40):
    norms = np.ones((steps, 3), "float32")
    norms[-steps // 10 :, list(zero)] = 0
    return lambda _: {"gradient_norm": norms, "variables": np.array(["a/kernel", "<b>/kernel", "c/bias"])}


def test_nothing_is_said_where_nothing_changed():
    same = side(FIVE, gradient=flow(20), curves="1.npz")
    assert not [*gradient_gates(same, same, _curves(1), _curves(1))]
    assert not [*gradient_warnings(same, same)]


@pytest.mark.parametrize(("before", "after", "verdict"), [(0, 2, "worse"), (2, 0, "better"), (2, 2, "unclear")])
def test_gradients_that_are_not_finite_are_a_gate(before, after, verdict):
    base, head = (side(FIVE, gradient_norm=_norm(not_finite=steps)) for steps in (before, after))
    (found,) = gradient_gates(base, head, _none, _none)
    assert (found.name, found.verdict) == ("gradients not finite", verdict)


@pytest.mark.parametrize("which", ["first", "last", "largest"])
def test_a_norm_more_than_a_thousand_times_as_large_is_a_gate_and_less_is_a_warning(which):
    base = side(FIVE, gradient_norm=_norm(**{which: 2.0}))
    (found,) = gradient_gates(base, side(FIVE, gradient_norm=_norm(**{which: 2001.0})), _none, _none)
    assert (found.name, found.verdict) == ("gradient norm", "worse")
    less = side(FIVE, gradient_norm=_norm(**{which: 1999.0}))
    assert not [*gradient_gates(base, less, _none, _none)]
    assert [*gradient_warnings(base, less)] == [f"{which} norm of the gradient 2 -> 2e+03"]


def test_a_variable_that_stopped_learning_is_named():
    base = side(FIVE, curves="1.npz")
    (found,) = gradient_gates(base, base, _curves(0), _curves(0, 1))
    assert (found.name, found.verdict) == ("learning variables", "worse")
    assert found.note.endswith("<b>/kernel")


def test_a_variable_that_learns_in_one_seed_is_not_dead():
    base = side(FIVE, curves="1.npz")
    assert not [*gradient_gates(base, base, _curves(), lambda r: (_curves() if r.seed == 3 else _curves(1))(r))]


@pytest.mark.parametrize(("life", "drifts"), [(31, False), (70, True), (12, True), (math.inf, True), (math.nan, False)])
def test_half_lives_that_drift_by_more_than_two_warn(life, drifts):
    found = [*gradient_warnings(side(FIVE, gradient=flow(30)), side(FIVE, gradient=flow(life)))]
    assert bool(found) == drifts


def test_half_lives_beyond_what_the_window_can_tell_are_the_same():
    assert not [*gradient_warnings(side(FIVE, gradient=flow(1500)), side(FIVE, gradient=flow(math.inf)))]

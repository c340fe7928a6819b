"""What the gate of the gradients says of whole trainings, and when norms that drift are worth a word."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from sides import flow, record

from bench.record import GradientNorm
from bench.regress.drift import BINS, drifts, gradients
from bench.regress.trainings import Pair

STEPS, VARIABLES = 600, 3


def _norms(seeds: int, seed: int = 0) -> np.ndarray:
    """(seeds, steps, variables): a level of each seed, a course that falls, noise from step to step."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 0.3, (seeds, 1, 1))
    course = -0.3 * np.log(np.arange(1, STEPS + 1))[:, None]
    return np.exp(level + course + rng.normal(0, 0.2, (seeds, STEPS, VARIABLES)))


def _said(base: np.ndarray, head: np.ndarray) -> list[str]:
    return list(drifts(base, head, np.random.default_rng(0)))


def test_a_level_that_moves_alone_is_called_a_level():
    base, other = _norms(8), _norms(8)
    (said,) = _said(base, 1.3 * other)
    assert said.startswith("norms of the gradient +30% (p 0.0078)")


def test_a_course_that_moves_names_the_steps_that_stand_out():
    base = _norms(8)
    head = base * np.random.default_rng(1).uniform(0.99, 1.01, (8, 1, 1))
    head[:, 24:41] *= 2  # one of the bins
    course = next(line for line in _said(base, head) if line.startswith("their course"))
    assert course.startswith("their course, level apart: +")
    assert " at steps 25-" in course
    assert course.count("%") == 1  # the others are off by a twelfth of it, the other way


def test_eight_seeds_can_tell_and_five_cannot():
    assert _said(_norms(8), 5 * _norms(8))
    assert not _said(_norms(5), 5 * _norms(5))


def test_a_change_that_is_certain_and_small_is_not_worth_a_word():
    base = _norms(16)
    assert not _said(base, 1.05 * base * np.random.default_rng(0).uniform(0.999, 1.001, (16, 1, 1)))


def test_norms_that_differ_by_chance_warn_once_in_a_hundred_cells():
    # 13 tests a cell, of which each alone would be called at .01.
    warned = sum(bool(_said(_norms(8, 2 * seed), _norms(8, 2 * seed + 1))) for seed in range(300))
    assert warned <= 9  # at most 3 expected; ten or more have a chance of .1 %


def test_short_and_ragged_trainings_and_zeros_are_no_error():
    base = [norms[:7] for norms in _norms(8)]
    assert not list(drifts(base, [norms[:5] for norms in _norms(8)], np.random.default_rng(0)))
    assert not _said(np.zeros((8, 40, 2)), np.zeros((8, 40, 2)))
    one_step = np.ones((8, 1, 2))
    assert _said(one_step, 2 * one_step) == ["norms of the gradient +100% (p 0.0078)"]
    assert BINS == 12


def _pairs(base: Sequence[Mapping[str, Any]], head: Sequence[Mapping[str, Any]]) -> list[Pair]:
    both = zip(base, head, strict=True)
    return [
        Pair(*(record(seed=seed, **{"curves": "1.npz", **one}) for one in pair))
        for seed, pair in enumerate(both)  # type: ignore[arg-type]
    ]


def _gate(pairs: list[Pair], base: np.ndarray, head: np.ndarray) -> Any:
    def curves(norms: np.ndarray) -> Any:
        names = np.array(["a/kernel", "a/bias", "b/kernel"])
        return lambda one: {"gradient_norm": norms[one.seed], "variables": names}

    return gradients(pairs, curves(base), curves(head), np.random.default_rng(0))


def _norm(**changed: Any) -> GradientNorm:
    return GradientNorm(**{"first": 1.0, "last": 0.1, "largest": 2.0, "not_finite": 0, "clipped": None, **changed})


def test_gradients_that_are_much_the_same_are_ok_without_a_warning():
    gate = _gate(_pairs([{}] * 5, [{}] * 5), _norms(5), _norms(5))
    assert (gate.outcome, gate.note, gate.base) == ("OK", "5 seeds", "1.2 → 0.03")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"gradient_norm": _norm(not_finite=3)}, "NaN or infinite gradients in 0 of 5 and 5 of 5 seeds"),
        ({"gradient_norm": _norm(largest=1e6)}, "largest norm of the gradient more than 1,000 times as large"),
    ],
)
def test_what_must_not_happen_is_a_regression(changed, said):
    gate = _gate(_pairs([{}] * 5, [changed] * 5), _norms(5), _norms(5))
    assert gate.outcome == "REGRESSION"
    assert said in gate.note


def test_a_layer_that_is_dead_on_head_alone_is_a_regression_with_its_name():
    base, head = _norms(5), _norms(5)
    head[:, :, 1] = 0
    gate = _gate(_pairs([{}] * 5, [{}] * 5), base, head)
    assert gate.outcome == "REGRESSION"
    assert "gradient 0 to the end, in HEAD alone: a/bias" in gate.note
    assert _gate(_pairs([{}] * 5, [{}] * 5), head, head).outcome == "OK"


def test_what_is_not_finite_on_both_sides_is_inconclusive():
    lost = {"gradient_norm": _norm(not_finite=3)}
    assert _gate(_pairs([lost] * 5, [lost] * 5), _norms(5), _norms(5)).outcome == "INCONCLUSIVE"


def test_trainings_without_norms_are_never_green():
    failed: dict[str, Any] = {"status": "failed", "gradient_norm": None, "curves": None}
    assert _gate(_pairs([{}] * 5, [failed] * 5), _norms(5), _norms(5)).outcome == "INCONCLUSIVE"
    assert _gate(_pairs([failed] * 5, [failed] * 5), _norms(5), _norms(5)).base == "none"


def test_half_lives_horizons_and_norms_that_drift_are_warnings_and_the_gate_is_ok():
    before, after = ({"gradient": flow(half_life)} for half_life in (20.0, 50.0))
    gate = _gate(_pairs([before] * 8, [after] * 8), _norms(8), 1.3 * _norms(8))
    assert gate.outcome == "OK"
    assert "warning: half-life of h at end 20 -> 50 steps (2.5 times)" in gate.note
    assert "warning: norms of the gradient +30%" in gate.note


def test_a_horizon_that_drifts_is_a_warning_too():
    def at(horizon: int) -> dict[str, Any]:
        end = flow(20.0)["end"]
        decay = end.decay["h"].model_copy(update={"horizon": horizon})
        return {"gradient": {"end": end.model_copy(update={"decay": {"h": decay}})}}

    gate = _gate(_pairs([at(40)] * 5, [at(10)] * 5), _norms(5), _norms(5))
    assert gate.note == "5 seeds; warning: horizon of h at end 40 -> 10 steps (0.25 times)"
    assert _gate(_pairs([at(40)] * 5, [at(0)] * 5), _norms(5), _norms(5)).note == "5 seeds"

"""Gates and states of a recurrent cell over the probed sequences, computed from what the loop read and carried."""

import math
from typing import Final

import numpy as np
from scipy.special import expit

from bench.record import Gate, Saturation

BLOCKS: Final = {"lstm": {"input": 0, "forget": 1}, "gru": {"update": 0}, "lstm-1997": {"input": 0}}
"""Of each kind of cell the gates that are known, and their place among the blocks of its weights."""
_RANKED = 64
"""Sequences over which units are ranked: enough for two digits of an area."""
_CUE_UNIT = 0.9


def gates(kind: str, inputs: np.ndarray, states: np.ndarray, weights: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Gate values (samples, time, units) float32 by name, from `inputs` (samples, time, features) and `states`, h.

    "lstm": forget and input of Keras's LSTMCell; "gru": update of its GRUCell, the share of the state that is kept;
    "lstm-1997": input. The state before the first step is 0. `weights`: kernel, recurrent kernel, bias.
    """
    kernel, recurrent, bias = weights
    units = states.shape[-1]
    before = np.concatenate([np.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
    shift = bias.sum(axis=0) if bias.ndim > 1 else bias
    found = {}
    for name, place in BLOCKS[kind].items():
        block = slice(place * units, (place + 1) * units)
        with np.errstate(all="ignore"):  # weights that have diverged give NaN, which is counted elsewhere
            found[name] = expit(inputs @ kernel[:, block] + before @ recurrent[:, block] + shift[block])
    return found


def carrying_units(gradient: np.ndarray, state: np.ndarray) -> np.ndarray:
    """The fewest units (units,) that make up half of sum_u mean |dL/ds_u| std(s_u), from (samples, units) at one step.

    What a unit's variation over sequences does to the loss, to first order. Sequences with a NaN or infinite entry are
    left out; no unit carries where no gradient arrives.
    """
    finite = np.isfinite(gradient).all(axis=1) & np.isfinite(state).all(axis=1)
    chosen = np.zeros(gradient.shape[1], bool)
    if not finite.any():
        return chosen
    effect = np.abs(gradient[finite]).mean(axis=0) * state[finite].std(axis=0, dtype="float64")
    if not effect.any():
        return chosen
    order = np.argsort(-effect, kind="stable")
    total = np.cumsum(effect[order])
    half = np.searchsorted(total, total[-1] / 2) + 1
    chosen[order[:half]] = True
    return chosen


def gate_statistics(
    values: np.ndarray,
    cues: np.ndarray | None,
    real: np.ndarray | None,
    carrying: np.ndarray,
    half: np.ndarray,
    *,
    keeps: bool,
) -> Gate:
    """Of one gate (samples, time, units). `cues`, `real` (samples, time): the steps that matter, that are no padding;
    `carrying` (units,), those that carry at the steps `half` (samples,). `keeps`: the gate is a share of the state that
    is kept, so that it has time constants."""
    there = np.ones(values.shape[:2], bool) if real is None else real
    chosen = values[there].astype("float64")
    if not len(chosen):
        return Gate(mean=math.nan, above_90=math.nan, below_10=math.nan)
    taus = _taus(chosen) if keeps else None
    apart = {} if cues is None else _apart(values, cues & there, ~cues & there, carrying)
    if cues is not None and carrying.any():
        # Up to there: what these units take up later is not why they were chosen.
        early = there & (np.arange(there.shape[1]) <= half[:, None])
        apart |= _detector(values[..., carrying].mean(axis=-1, keepdims=True), cues & early, ~cues & early)
    return Gate(
        mean=float(chosen.mean()),
        above_90=float((chosen > 0.9).mean()),  # as the field's name says
        below_10=float((chosen < 0.1).mean()),
        tau_median=None if taus is None else float(np.median(taus)),
        tau_longest=None if taus is None else float(taus.max()),
        **apart,
    )


def _taus(values: np.ndarray) -> np.ndarray:
    """Time constant of each unit in steps, from (steps, units); infinite where the gate is always 1."""
    with np.errstate(divide="ignore"):
        # Of the absolute value: -1 / 0 would be minus infinity.
        return np.asarray(1 / np.abs(np.log(values).mean(axis=0)))


def _apart(values: np.ndarray, cue: np.ndarray, other: np.ndarray, carrying: np.ndarray) -> dict[str, float]:
    if not cue.any() or not other.any():
        return {}
    found = {
        "at_cues": float(values[cue].mean(dtype="float64")),
        "at_distractors": float(values[other].mean(dtype="float64")),
    }
    if carrying.any():
        found["carrying"] = float(values[other][:, carrying].mean(dtype="float64"))
    some = np.flatnonzero(cue.any(axis=1) & other.any(axis=1))[:_RANKED]
    if len(some):
        areas = _areas(values[some][cue[some]], values[some][other[some]])
        found |= {"auc_best": float(areas.max()), "cue_units": float((areas >= _CUE_UNIT).mean())}
    return found


def _detector(value: np.ndarray, cue: np.ndarray, other: np.ndarray) -> dict[str, float]:
    return {"auc_carrying": float(_areas(value[cue], value[other])[0])} if cue.any() and other.any() else {}


def _areas(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each unit, from (steps, units) each: Mann and Whitney's U by the number of pairs."""
    ordered = np.sort(negative, axis=0)
    above = [
        np.searchsorted(below, values, "left") + np.searchsorted(below, values, "right")
        for below, values in zip(ordered.T, positive.T, strict=True)
    ]
    return np.asarray(np.sum(above, axis=1) / (2 * len(positive) * len(negative)))


def saturation(h: np.ndarray, real: np.ndarray | None) -> Saturation:
    """Of the states h (samples, time, units) at real steps."""
    chosen = h.reshape(-1, h.shape[-1]) if real is None else h[real]
    if not len(chosen):
        return Saturation(open=math.nan, saturated=math.nan, dead=math.nan)
    return Saturation(
        open=float(1 - np.square(chosen, dtype="float64").mean()),
        saturated=float((np.abs(chosen) > 0.99).mean()),  # as the field's name says
        dead=float((chosen == 0).all(axis=0).mean()),
    )

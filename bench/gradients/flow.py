"""One moment of the training: the gradient flow through a model as numbers for the record and arrays for its curves."""

from typing import Any, NamedTuple

import keras
import numpy as np

from bench.architecture import InputSpec
from bench.gradients import gates
from bench.gradients.probe import Found, Probe
from bench.gradients.profile import FLOOR_LOG2, Profile, by_lag, decay, log_norms, profile
from bench.record import Decay, Gate, GradientFlow, Saturation
from bench.task import Split

KINDS = {"LSTMCell": "lstm", "GRUCell": "gru", "LSTM1997Cell": "lstm-1997"}
"""Cells whose gates are known, by the name of their class."""
_KEEPS = ("forget", "update")


class Flow(NamedTuple):
    """What one probe gave."""

    record: GradientFlow
    arrays: dict[str, np.ndarray]
    """profile_*, floored_*, gate_* of this moment, as in bench.record.CURVES without the axis of moments."""
    found: Found
    gates: dict[str, np.ndarray]
    """Of the first loop (samples, time, units); empty where its cell's gates are not known."""


def measure(probe: Probe, split: Split, step: int, cues: np.ndarray | None) -> Flow:
    """Probe the sequences of `split`; `cues` (samples, time) marks the steps that carry what is asked for."""
    found = probe(split)
    real = real_steps(probe.spec, split.x)
    profiles = _profiles(probe, found, real)
    # Of what is said of the first loop alone, below.
    real, cues = (of_loop(probe, marks) for marks in (real, cues))
    values = _gate_values(probe, found)
    floor = (FLOOR_LOG2 - found.scale_log2) * np.log10(2)
    arrays: dict[str, np.ndarray] = {"gradient_floor": np.array(floor)}
    for key, one in profiles.items():
        arrays[f"profile_{key}"] = one.values.astype("float32")
        arrays[f"floored_{key}"] = one.floored.astype("float32")
    arrays |= {f"gate_{name}": _unit_means(value, real) for name, value in values.items()}
    timed = [key for key in profiles if key != "input" or _has_time(probe.spec)]
    record = GradientFlow(
        step=step,
        loss=float(found.loss.astype("float64").mean()),
        samples=len(split.x),
        not_finite=max((one.not_finite for one in profiles.values()), default=0),
        decay={key: _decay(profiles[key]) for key in timed},
        gates=_gates(probe, values, found, cues, real),
        saturation=_saturation(found, real),
        unprobed=probe.tapped.untapped,
    )
    return Flow(record, arrays, found, values)


def real_steps(spec: InputSpec, x: np.ndarray) -> np.ndarray | None:
    """Which steps are no padding, (samples, time); None where there is none."""
    return x != 0 if spec.kind == "tokens" else None


def of_loop(probe: Probe, marks: np.ndarray | None) -> np.ndarray | None:
    """Marks of the input's steps (samples, time), None where the first loop has other steps."""
    return marks if marks is not None and probe.taps and probe.taps[0].steps == marks.shape[1] else None


def half_way(there: np.ndarray) -> np.ndarray:
    """The step (samples,) that ends the first half of the real ones, from (samples, time) bool; of one step, that."""
    count = np.cumsum(there, axis=1)
    return np.asarray(np.argmax(count >= np.maximum(count[:, -1:] // 2, 1), axis=1))


def _has_time(spec: InputSpec) -> bool:
    return spec.kind in ("sequence", "tokens")


def _profiles(probe: Probe, found: Found, real: np.ndarray | None) -> dict[str, Profile]:
    floor = (FLOOR_LOG2 - found.scale_log2) * np.log(2)
    profiles = {}
    if found.input is not None:
        norms = log_norms(_features_last(found.input, probe.spec), found.scale_log2)
        if _has_time(probe.spec):
            lagged = by_lag(probe.seen(norms), None if real is None else probe.seen(real))
        else:  # positions of an image and features of a vector have no lag: turned twice, they stay in their order
            lagged = by_lag(norms, reverse=True)
        profiles["input"] = profile(lagged, floor)
    for index, (tap, gradients) in enumerate(zip(probe.taps, found.gradients, strict=True)):
        for name, gradient in zip(tap.names, gradients, strict=True):
            norms = probe.seen(log_norms(gradient, found.scale_log2), backwards=tap.backwards)
            there = real if real is not None and tap.steps == real.shape[1] else None
            there = None if there is None else probe.seen(there, backwards=tap.backwards)
            lagged = by_lag(norms, there, reverse=tap.backwards)
            profiles[name if index == 0 else f"{tap.layer}.{name}"] = profile(lagged, floor)
    return profiles


def _features_last(gradient: np.ndarray, spec: InputSpec) -> np.ndarray:
    """(samples, positions, features): rows and columns of an image are positions, and every number of a vector."""
    if spec.kind == "vector":
        return gradient[..., None]
    return gradient.reshape(len(gradient), -1, gradient.shape[-1])


def _decay(one: Profile) -> Decay:
    return decay(one.values[:, 0], one.floored)


def _gate_values(probe: Probe, found: Found) -> dict[str, np.ndarray]:
    if not probe.taps or type(probe.taps[0].cell).__name__ not in KINDS or probe.taps[0].backwards:
        return {}
    cell = probe.taps[0].cell
    weights = [np.asarray(weight) for weight in cell.get_weights()]
    squash = getattr(cell, "recurrent_activation", keras.activations.sigmoid)
    if len(weights) != 3 or squash is not keras.activations.sigmoid:  # kernel, recurrent kernel, bias
        return {}
    return gates.gates(KINDS[type(cell).__name__], found.inputs[0], found.states[0][0], weights)


def _gates(
    probe: Probe, values: dict[str, np.ndarray], found: Found, cues: np.ndarray | None, real: np.ndarray | None
) -> dict[str, Gate]:
    if not values or not all(np.isfinite(value).all() for value in values.values()):
        return {}
    # The state that is carried: c where there is one, else h.
    state = probe.seen(found.states[0][-1])
    cues, real = (None if marks is None else probe.seen(marks) for marks in (cues, real))
    half = half_way(np.ones(state.shape[:2], bool) if real is None else real)
    at = np.arange(len(state)), half
    gradient = found.gradients[0][-1][at].astype("float64") * 2.0**-found.scale_log2
    carrying = gates.carrying_units(gradient, state[at])
    return {
        name: gates.gate_statistics(probe.seen(value), cues, real, carrying, half, keeps=name in _KEEPS)
        for name, value in values.items()
    }


def _unit_means(value: np.ndarray, real: np.ndarray | None) -> np.ndarray:
    chosen = value.reshape(-1, value.shape[-1]) if real is None else value[real]
    return (
        np.asarray(chosen.mean(axis=0, dtype="float64"), "float32")
        if len(chosen)
        else np.full(value.shape[-1], np.nan, "float32")
    )


def _saturation(found: Found, real: np.ndarray | None) -> Saturation | None:
    if not found.states:
        return None
    return gates.saturation(found.states[0][0], real)


def stack(moments: list[Flow]) -> dict[str, np.ndarray]:
    """The curves of all moments: each array with the axis of moments in front."""
    if not moments:
        return {}
    arrays: dict[str, Any] = {
        "probe_step": np.array([flow.record.step for flow in moments], "int64"),
        "probe_loss": np.array([flow.record.loss for flow in moments], "float64"),
        # A probe that overflowed ran without the scale and sees less far down: what is said holds for all.
        "gradient_floor": np.max([flow.arrays["gradient_floor"] for flow in moments]),
    }
    for key in moments[0].arrays:
        if key != "gradient_floor":
            arrays[key] = np.stack([flow.arrays[key] for flow in moments])
    return arrays

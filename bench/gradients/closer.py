"""What is looked at more closely, at init and at the end of a training only."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import keras
import numpy as np

from bench import backends
from bench.gradients.flow import Flow, half_way, of_loop, real_steps
from bench.gradients.memory import cue_memory, linear_memory
from bench.gradients.probe import Probe
from bench.gradients.spectrum import lyapunov, singular_values
from bench.gradients.tap import Tap
from bench.task import Split

_SPECTRUM = 8
"""Sequences whose Jacobians are taken: exponents differ little between sequences, and each costs a matrix a step."""
_STEPS = 4096
"""Steps, of any sequence, whose gradients of weights are taken at once."""
_ROWS = 1024
"""Jacobians taken at once, to bound memory."""


def closer(probe: Probe, flow: Flow, split: Split, cues: np.ndarray | None, *, spectrum: bool) -> dict[str, np.ndarray]:
    """Arrays of bench.record.CURVES for one of the two moments: examples, memory, lag shares, and the spectrum."""
    arrays = {f"example_{name}": value[0].astype("float16") for name, value in flow.gates.items()}
    if not probe.taps or probe.taps[0].backwards or not _finite(flow):
        return arrays
    real = of_loop(probe, real_steps(probe.spec, split.x))
    if probe.spec.kind == "sequence" and (probe.at is None or probe.taps[0].steps == len(split.x[0])):
        arrays |= _memory(probe, flow, split.x, of_loop(probe, cues))
    arrays |= _lag_share(probe, flow, _to_loss(probe, flow, real))
    if spectrum:
        arrays |= _spectrum(probe.taps[0], flow, real)
    return arrays


def _memory(probe: Probe, flow: Flow, x: np.ndarray, cues: np.ndarray | None) -> dict[str, np.ndarray]:
    """What a line reads of the past: out of the last h inputs at all lags, out of the one half-way those at cues."""
    x, h = probe.seen(x), probe.seen(flow.found.states[0][0])
    found = {"memory": linear_memory(x, h[:, -1])}
    if cues is not None:
        half = half_way(np.ones(h.shape[:2], bool))
        before = probe.seen(cues) & (np.arange(h.shape[1]) <= half[:, None])
        found["memory_cues"] = cue_memory(x, h[np.arange(len(h)), half], before)
    return {name: values.astype("float32") for name, values in found.items()}


def _to_loss(probe: Probe, flow: Flow, real: np.ndarray | None) -> np.ndarray | None:
    """The real steps up to the one whose loss is probed, from which lags are counted; None where all are."""
    shape = flow.found.states[0][0].shape[:2]
    if probe.at is None or shape[1] != probe.spec.shape[0]:
        return real
    return (np.ones(shape, bool) if real is None else real) & (np.arange(shape[1]) <= probe.at)


def _finite(flow: Flow) -> bool:
    return all(np.isfinite((part.max(), part.min())).all() for part in flow.found.gradients[0] + flow.found.states[0])


def pairs(found: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Of the arrays at init and at the end those that both have, with an axis of two in front; edges and lags once."""
    if len(found) < 2:  # init and end
        return {}
    once = ("lag_share_edges", "singular_lags")
    init, end = found[0], found[-1]
    return {key: init[key] if key in once else np.stack([init[key], end[key]]) for key in init if key in end}


def bins(steps: int) -> list[int]:
    """Edges of bins of lags that double: 0, 1, 2, 4, 8, ..., `steps`."""
    edges = [0, 1]
    while edges[-1] * 2 < steps:
        edges.append(edges[-1] * 2)
    return [*edges, steps] if steps > 1 else edges


def weight_gradients(probe: Probe, flow: Flow, edges: list[int], real: np.ndarray | None) -> list[np.ndarray] | None:
    """dL/d(recurrent kernel), L summed over sequences, from the steps of each bin of lags; their sum is the whole.

    None where the cell has no such weight, or its output is not its first state: what the output adds at a step is
    then not in dL/ds.
    """
    weight = getattr(probe.taps[0].cell, "recurrent_kernel", None)
    if weight is None or not probe.taps[0].shared:
        return None
    states, gradients = flow.found.states[0], flow.found.gradients[0]
    before = [np.concatenate([np.zeros_like(part[:, :1]), part[:, :-1]], axis=1) for part in states]
    there = np.ones(states[0].shape[:2], bool) if real is None else real
    lag = np.cumsum(there[:, ::-1], axis=1)[:, ::-1] - 1
    found = []
    for first, end in pairwise(edges):
        rows = there & (lag >= first) & (lag < end)
        whole = np.zeros(weight.shape, "float32")
        for chosen in _chunks(np.flatnonzero(rows)):
            x, *parts = (_rows(array, chosen) for array in (flow.found.inputs[0], *before, *gradients))
            whole += probe.weight_gradient(x, parts[: len(before)], parts[len(before) :])
        found.append(whole)
    return found


def _chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    return (rows[start : start + _STEPS] for start in range(0, len(rows), _STEPS))


def _rows(array: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Those steps of (samples, time, units), filled up with zeros: one shape, so that nothing is compiled twice."""
    filled = np.zeros((_STEPS, array.shape[-1]), array.dtype)
    filled[: len(chosen)] = array.reshape(-1, array.shape[-1])[chosen]
    return filled


def _lag_share(probe: Probe, flow: Flow, real: np.ndarray | None) -> dict[str, np.ndarray]:
    edges = bins(flow.found.states[0][0].shape[1])
    gradients = weight_gradients(probe, flow, edges, real)
    if gradients is None:
        return {}
    norms = np.array([np.linalg.norm(part.astype("float64")) for part in gradients])
    share = norms / norms.sum() if norms.sum() > 0 else np.full(len(norms), np.nan)
    return {"lag_share": share.astype("float32"), "lag_share_edges": np.array(edges, "int64")}


def jacobians(tap: Tap, flow: Flow, real: np.ndarray | None) -> np.ndarray:
    """ds_t/ds_(t-1) (samples, time, states, states) of the first sequences; with padding, which is taken to lie in
    front, of the longest ones over the steps that are real in all."""
    states = np.concatenate(flow.found.states[0], axis=-1)
    lengths = np.full(len(states), states.shape[1]) if real is None else real.sum(axis=1)
    chosen = np.argsort(-lengths, kind="stable")[:_SPECTRUM]
    chosen = chosen[lengths[chosen] > 0]
    there = slice(states.shape[1] - int(lengths[chosen].min(initial=states.shape[1])), None)
    before = np.concatenate([np.zeros_like(states[chosen, :1]), states[chosen, :-1]], axis=1)[:, there]
    inputs = flow.found.inputs[0][chosen, there]
    samples, time, size = before.shape
    if not samples:
        return np.zeros((0, time, size, size))
    x, s = inputs.reshape(samples * time, -1), before.reshape(samples * time, size)
    take: Callable[..., Any] = backends.load(keras.backend.backend()).jacobian
    parts = [
        np.asarray(take(lambda old, now=x[a : a + _ROWS]: keras.ops.concatenate(tap.step(now, tap.split(old)), axis=-1),
                        s[a : a + _ROWS]))
        for a in range(0, len(s), _ROWS)
    ]  # fmt: skip
    return np.concatenate(parts).reshape(samples, time, size, size)


def _spectrum(tap: Tap, flow: Flow, real: np.ndarray | None) -> dict[str, np.ndarray]:
    found = jacobians(tap, flow, real)
    if not found.size:
        return {}
    lags = [edge for edge in bins(found.shape[1]) if 0 < edge <= found.shape[1]]
    return {
        "lyapunov": lyapunov(found).astype("float32"),
        "singular_values": singular_values(found, lags).astype("float32"),
        "singular_lags": np.array(lags, "int64"),
    }

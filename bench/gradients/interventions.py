"""One thing changed in a trained model: what it cost tells what the model relied on."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from bench.gradients.flow import KINDS
from bench.gradients.gates import BLOCKS
from bench.gradients.probe import Probe
from bench.task import Split, Task

_OPEN = 30.0
"""A logit at which float32 gives exactly 1."""


def interventions(
    probe: Probe,
    task: Task,
    split: Split,
    means: Mapping[str, np.ndarray],
    score: Callable[[], float],
    unchanged: float,
) -> dict[str, float]:
    """Scores on `split` by what was changed; empty for a model without a recurrent loop.

    "none": nothing. "reset-half": every state of every loop set to 0 after half of its real steps. For the first loop's
    gates, of which `means` gives each unit's mean (units,): "GATE-mean", held at that; "forget-half" and "forget-open",
    at 0.5 and at 1.
    `score()` evaluates the trained model as it stands; `unchanged` is what it gives before anything is changed.
    """
    if not probe.taps:
        return {}
    found = {"none": unchanged, "reset-half": _reset(probe, task, split)}
    for name, place, logit in _holds(probe, means):
        cell = probe.taps[0].cell
        before = cell.get_weights()
        try:
            cell.set_weights(held(before, place, logit))
            found[name] = score()
        finally:
            cell.set_weights(before)
    return found


def _holds(probe: Probe, means: Mapping[str, np.ndarray]) -> Iterator[tuple[str, int, np.ndarray]]:
    """Name, block and logit (units,) of every gate that is held."""
    for gate, values in means.items():
        place = BLOCKS[KINDS[type(probe.taps[0].cell).__name__]][gate]
        mean = np.clip(values.astype("float64"), 1e-7, 1 - 1e-7)
        yield f"{gate}-mean", place, np.log(mean / (1 - mean))
        if gate == "forget":
            yield "forget-half", place, np.zeros_like(mean)
            yield "forget-open", place, np.full_like(mean, _OPEN)


def held(weights: list[np.ndarray], block: int, logit: np.ndarray) -> list[np.ndarray]:
    """A cell's kernel, recurrent kernel and bias with one gate independent of what it reads: sigmoid(`logit`)."""
    kernel, recurrent, bias = (weight.copy() for weight in weights)
    units = slice(block * len(logit), (block + 1) * len(logit))
    kernel[:, units] = recurrent[:, units] = bias[..., units] = 0
    (bias if bias.ndim == 1 else bias[0])[units] = logit  # a GRU's bias has a second row, which is added
    return [kernel, recurrent, bias]


def _reset(probe: Probe, task: Task, split: Split, size: int = 256) -> float:
    """The task's score where all states are 0 after the first half of the steps."""
    scores = []
    for start in range(0, len(split.x), size):
        x, y = split.x[start : start + size], split.y[start : start + size]
        filled = np.resize(x, (min(size, len(split.x)), *x.shape[1:]))  # repeats x, so that nothing is traced twice
        scores.append(task.metric.score(y, probe.reset(filled)[: len(x)]))
    return float(np.concatenate(scores).mean())


def first_filters(model: keras.Model) -> np.ndarray | None:
    """The kernel of the first 2-D convolution, (height, width, channels, filters)."""
    found: Any = next((layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)), None)
    return None if found is None else np.asarray(keras.ops.convert_to_numpy(found.kernel)).copy()

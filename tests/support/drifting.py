"""A machine whose speed drifts, and the turns of base and head that a gate would measure on it, without the waiting.

The logarithm of a turn's seconds is an Ornstein-Uhlenbeck path (an AR(1) from turn to turn) of 10 % standard deviation,
an offset that each process has for itself, noise of each turn, and now and then a spike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import lfilter

from bench.regress.detector import PAIRS, Generation

TURN_SECONDS = 0.02
START = 360
"""Turns' time that a generation's processes take to start."""
GENERATION = START + 2 * PAIRS
DRIFT, PROCESS, NOISE, SPIKES = 0.10, 0.01, 0.03, 0.02


@dataclass
class Machine:
    """`memory`: seconds until the drift has forgotten where it was; `blocks`: all of base, then all of head."""

    rng: np.random.Generator
    memory: float = 60.0
    blocks: bool = False

    def generations(self, count: int, slower: float = 0.0) -> list[Generation]:
        """Of one cell, `slower` by that share in head."""
        base, head = self._in_blocks(count) if self.blocks else self._in_pairs(count)
        ratios = head - base + np.log1p(slower)
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75], axis=1)
        return [Generation(float(m), float(h - lo), PAIRS) for lo, m, h in zip(low, middle, high, strict=True)]

    def _in_pairs(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        drift = self._drift(count * GENERATION).reshape(count, GENERATION)[:, START:].reshape(count, PAIRS, 2)
        first = self.rng.integers(2, size=(count, PAIRS, 1))  # which of the two takes the first turn
        base, head = (np.take_along_axis(drift, order, axis=2)[..., 0] for order in (first, 1 - first))
        return base + self._own(count), head + self._own(count)

    def _in_blocks(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        drift = self._drift(2 * count * GENERATION).reshape(2, count, GENERATION)[:, :, -PAIRS:]
        return drift[0] + self._own(count), drift[1] + self._own(count)

    def _drift(self, turns: int) -> np.ndarray:
        keep = np.exp(-TURN_SECONDS / self.memory)
        start = self.rng.normal(0, DRIFT)
        steps = self.rng.normal(0, DRIFT * np.sqrt(1 - keep**2), turns)
        return np.asarray(lfilter([1], [1, -keep], steps, zi=[keep * start])[0])

    def _own(self, count: int) -> np.ndarray:
        """What is not drift: (count, PAIRS)."""
        spikes = (self.rng.random((count, PAIRS)) < SPIKES) * self.rng.uniform(0.4, 1.6, (count, PAIRS))
        process = self.rng.normal(0, PROCESS, (count, 1))
        return np.asarray(process + self.rng.normal(0, NOISE, (count, PAIRS)) + spikes)


def measured(machine: Machine, slower: dict[Any, float]) -> Callable[[Any], Generation]:
    """`measure(cell)` of the detector; ten generations of a cell are measured at a time, as blocks have to be."""
    waiting: dict[Any, list[Generation]] = {}

    def measure(cell: Any) -> Generation:
        if not waiting.get(cell):
            waiting[cell] = machine.generations(10, slower.get(cell, 0.0))
        return waiting[cell].pop(0)

    return measure

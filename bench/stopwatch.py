"""What a call costs, and how far two measurements of the same thing lie apart.

What is compared takes turns, round by round in random order, so that the machine's drift hits all alike. Each is
visited twice in a round: the two halves are two measurements of the same thing, and their distance is the noise.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bench.record import Percentiles

ROUNDS: Final = 10
SECONDS: Final = {"step": 2.0, "inference": 0.5, "batch_inference": 0.5}
"""What is timed of a cell, and the seconds that it may take over all rounds."""
_MOST_CALLS: Final = 50
_DRAWS: Final = 2000


@dataclass(frozen=True)
class Job:
    """Something to time: `call(*prepare())`, where the clock runs for the call alone."""

    call: Callable[..., object]
    prepare: Callable[[], tuple[Any, ...]] = tuple


def time_calls(
    job: Job, calls: int, synchronize: Callable[[], None], clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Seconds of each of so many calls, the device having finished before the clock is read.

    One more call goes before them and is not counted: the caches hold what was run before.
    """
    seconds = []
    for _ in range(calls + 1):
        given = job.prepare()
        synchronize()
        start = clock()
        job.call(*given)
        synchronize()
        seconds.append(clock() - start)
    return seconds[1:]


def calls_a_visit(seconds: float, budget: float) -> int:
    """How many calls of so many seconds each a visit makes, for two visits in every round to keep to the budget."""
    return int(min(max(budget / (2 * ROUNDS * max(seconds, 1e-9)), 1), _MOST_CALLS))


def turns(cells: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """The visits of a round, (cell, half), in random order."""
    return [(int(turn) // 2, int(turn) % 2) for turn in rng.permutation(2 * cells)]


def percentiles(halves: Sequence[Sequence[Sequence[float]]], rng: np.random.Generator) -> Percentiles:
    """Of the seconds of all calls. `halves`: those of the first visit of every round, and those of the second."""
    seconds = np.concatenate([visit for half in halves for visit in half])
    p50, p90, p99 = (float(value) for value in np.quantile(seconds, [0.5, 0.9, 0.99]))
    first, second = (np.array([np.median(visit) for visit in half]) for half in halves)
    return Percentiles(p50=p50, p90=p90, p99=p99, noise=noise(first, second, rng), calls=len(seconds))


def noise(first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> float:
    """The ratio that two medians over rounds stay within 19 times of 20, where nothing but noise sets them apart.

    `first`, `second`: (rounds,) what two visits to one cell found in each round. Which of them is called the first says
    nothing, so they are swapped at random, round by round.
    """
    swapped = rng.random((_DRAWS, len(first))) < 0.5
    one, other = (np.median(np.where(swapped, a, b), axis=1) for a, b in ((first, second), (second, first)))
    return float(np.quantile(np.maximum(one / other, other / one), 0.95))

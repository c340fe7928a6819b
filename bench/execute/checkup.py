"""The child process with which `doctor` looks at a backend: what computes, how fast, and how steadily.

    python -P -m bench.execute.checkup BACKEND THREADS CPU,CPU,...

Prints one JSON object. A matrix product is timed against itself, as cells are in the speed phase.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from bench.execute.machine import affinity, pin
from bench.execute.worker import _claim_stdout
from bench.stopwatch import ROUNDS, Job, percentiles, time_calls, turns

_CALLS = 5


def main() -> None:
    """Measure and answer."""
    backend, threads, cpus = sys.argv[1:]
    answer = _claim_stdout()
    pin([int(cpu) for cpu in cpus.split(",") if cpu])
    from bench import backends  # noqa: PLC0415  # imports the framework, which must find the affinity set

    framework = backends.load(backend)
    framework.configure(int(threads))
    from bench.speed import matrix_product  # noqa: PLC0415  # imports keras, after the backend was configured

    job, operations = matrix_product(framework.synchronize)
    p50, noise = against_itself(job, framework.synchronize)
    answer("done", device=framework.device(), affinity=affinity(), rate=operations / p50, noise=noise)


def against_itself(
    job: Job, synchronize: Callable[[], None], clock: Callable[[], float] = time.perf_counter
) -> tuple[float, float]:
    """Median seconds of a call, and the ratio that two such medians stay within 19 times of 20."""
    rng = np.random.default_rng(0)
    halves: tuple[list[list[float]], list[list[float]]] = ([], [])
    for _ in range(ROUNDS):
        for _, half in turns(1, rng):
            halves[half].append(time_calls(job, _CALLS, synchronize, clock))
    found = percentiles(halves, rng)
    return found.p50, found.noise or 1.0


if __name__ == "__main__":
    main()

"""A made-up history: a baseline a commit, of cells that nobody trained."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from sides import conditions, flow, record

from bench.baseline import Baseline, pack, save
from bench.commit import Commit
from bench.record import Percentiles, Record, Speed
from bench.store import Store

FIRST = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
RATE = 5e10
"""Operations a second of the matrix product."""


def commit_id(place: int) -> str:
    """Of the `place`-th commit: 40 hex digits."""
    return sha256(f"commit {place}".encode()).hexdigest()[:40]


def measured(one: Record, *, ratio: float, rate: float = RATE, **where: Any) -> Record:
    """The record with a speed phase: a step as long as `ratio` times 10⁹ operations, at `rate` a second."""
    p50 = ratio * 1e9 / rate
    times = Percentiles(p50=p50, p90=1.1 * p50, p99=1.5 * p50, noise=1.02, calls=500)
    speed = Speed(
        cell_id=one.cell_id, measured_at=one.measured_at, conditions=conditions(**where), rounds=9, build_seconds=1,
        compile_seconds=1, batch_inference_seconds=times, train_samples_per_second=1, inference_samples_per_second=1,
        matmul_flops_per_second=rate,
    )  # fmt: skip
    return one.model_copy(update={"step_seconds": times, "speed": speed, "peak_bytes": 12_000_000})


def baseline(place: int, records: Sequence[Record]) -> Baseline:
    """The `place`-th of a history, a day after the one before."""
    when = FIRST + timedelta(days=place)
    dated = [each.model_copy(update={"measured_at": when + timedelta(hours=1)}) for each in records]
    return pack(dated, lambda _: {}, Commit(commit_id(place), when))


def history_of(values: Sequence[float], make: Callable[[float], Sequence[Record]]) -> dict[Path, Baseline]:
    """A baseline a value, oldest first."""
    found = (baseline(place, make(value)) for place, value in enumerate(values))
    return {Path(each.name): each for each in found}


def course(*levels: tuple[int, float], noise: float = 0.01, seed: int = 0) -> list[float]:
    """(count, level) after (count, level), each value with noise of a share of its level."""
    rng = np.random.default_rng(seed)
    return [level * (1 + noise * float(rng.normal())) for count, level in levels for _ in range(count)]


def realistic(count: int = 40) -> Iterator[Baseline]:
    """Two cells over two machines: a slower step from commit 14 on that a later one mends, a score that drops, a layer
    more, a half-life that falls, a seed that fails."""
    rng = np.random.default_rng(7)
    processors = ("AMD EPYC 7763 64-Core Processor", "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz")
    machines = [{"processor": processor, "cores": 4, "system": "Linux 6.8.0"} for processor in processors]
    for place in range(count):
        where: dict[str, Any] = {"machine": machines[place % 5 == 4]}
        slower = 1.07 if 14 <= place < 29 else 1.0
        records = []
        for name, level, ratio in (("lstm", 0.962, 0.61), ("rnn", 0.93, 0.205)):
            drop = -0.06 if name == "lstm" and place >= 22 else 0.0
            epoch = (place // 6, place >= 22)  # trained anew where the code that decides the numbers changed
            own = np.random.default_rng([*map(int, epoch), len(name)])
            step = ratio * slower * (1 + 0.012 * float(rng.normal())) * (0.8 if place % 5 == 4 else 1)
            rate = 6.2e10 if place % 5 == 4 else 4.9e10
            for seed in range(5):
                made = record(
                    level + drop + 0.004 * float(own.normal()), seed, task="adding", task_settings={"length": 50},
                    architecture=name, steps_to_target=int(900 + 40 * own.normal()), conditions=conditions(**where),
                    parameters=4353 if name == "rnn" else 17_217 + 4096 * (place >= 32),
                    gradient=flow((30.0 if place < 9 else 12.0) * float(np.exp(0.06 * own.normal()))),
                )  # fmt: skip
                if name == "rnn" and place == 18 and seed == 3:
                    made = made.model_copy(update={"status": "diverged", "reason": "loss is nan", "best": None})
                records.append(measured(made, ratio=step, rate=rate * (1 + 0.02 * float(rng.normal())), **where))
        yield baseline(place, records)


def written(found: Sequence[Baseline], folder: Path) -> Path:
    """The folder, with the baselines in it."""
    for each in found:
        save(each, folder)
    return folder


def run_of(folder: Path, records: Sequence[Record]) -> Path:
    """A run's folder with records in it."""
    store = Store(folder).create()
    for each in records:
        store.write(each)
    return folder

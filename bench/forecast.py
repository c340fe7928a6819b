"""What a run may take beside the time of its training (bench.resume): timing its cells, and disk.

From finished records of like cells where there are some, else the least that it can be, and told as such.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Final

from bench.plan import Cell
from bench.record import Record
from bench.resume import like
from bench.stopwatch import SECONDS

_START_SECONDS: Final = 8.0
"""Of a process that times, beside what its record says: importing Keras, data, matrix products. Measured on one core
with TensorFlow."""
_LEAST_PHASE_SECONDS: Final = _START_SECONDS + sum(SECONDS.values())
"""Of a cell like none timed: less than any takes here, since its model is built and compiled too."""
_TEXT_BYTES: Final = 2000
_NUMBER_BYTES: Final = 4
"""Of each step a record keeps the loss and the norms of the gradients: together no less than one number of them."""
_SAMPLED: Final = 8
"""Like records whose files are looked at."""


@dataclass(frozen=True)
class Amount:
    """What `cells` cells take, in seconds or bytes. Of `unknown` of them only the least is known, and counted."""

    value: float
    cells: int
    unknown: int

    def words(self, show: Callable[[float], str]) -> str:
        """About so much, or at least so much and for how many cells that is so."""
        if not self.unknown:
            return f"about {show(self.value)}"
        some = "" if self.unknown == self.cells else f" for {self.unknown} of {self.cells}"
        return f"at least {show(self.value)}, since no like cell was measured here{some}"


def speed_phase(cells: Sequence[Cell], records: Iterable[Record]) -> Amount:
    """Seconds that timing the cells, one after another, may take; `records` with their speed (Store.timed)."""
    timed = [record for record in records if record.speed is not None]
    return _amount(like(cells, timed), _phase_seconds, lambda _: _LEAST_PHASE_SECONDS, cells)


def disk(cells: Sequence[Cell], records: Iterable[Record], size: Callable[[str], int]) -> Amount:
    """Bytes of the cells' records; `size`: those of the stored record of a cell id (Store.size)."""
    stored = [record for record in records if record.status == "ok"]
    known = cache(size)
    return _amount(like(cells, stored), lambda record: known(record.cell_id), _least_bytes, cells)


def _amount(
    found: Sequence[Sequence[Record]],
    of: Callable[[Record], float],
    least: Callable[[Cell], float],
    cells: Sequence[Cell],
) -> Amount:
    values = [
        fmean(map(of, records[-_SAMPLED:])) if records else least(cell)
        for cell, records in zip(cells, found, strict=True)
    ]
    return Amount(sum(values), len(cells), sum(not records for records in found))


def _phase_seconds(record: Record) -> float:
    """What timing a cell took, by what it found: in every visit one more call than was counted."""
    assert record.speed is not None
    speed = record.speed
    jobs = (record.step_seconds, record.inference_seconds, speed.batch_inference_seconds)
    visits = [((job.calls or 0) + 2 * speed.rounds) * job.p50 for job in jobs if job is not None]
    return _START_SECONDS + speed.build_seconds + speed.compile_seconds + sum(visits)


def _least_bytes(cell: Cell) -> float:
    steps = 0 if cell.training.stop_solved else cell.training.planned_steps or 0
    return _TEXT_BYTES + _NUMBER_BYTES * steps

"""What a claim is: an experiment, a criterion, and a pure function from evidence to verdict."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from bench.record import Record

Outcome = Literal["supported", "refuted", "partly", "unclear"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("supported", "refuted", "partly", "unclear")

SEEDS: Final = 5
"""Seeds below which nothing is judged: three a side cannot reach p < 0.05 in a rank test, whatever they show."""


@dataclass(frozen=True)
class Number:
    """A measured number, its 95 % interval, and what it has to be."""

    what: str
    value: float
    low: float | None
    high: float | None
    seeds: int
    """Runs behind it: seeds; cells or arms where it counts these."""
    criterion: str | None = None
    """None: shown, not judged."""
    passes: bool | None = None
    """None: not judged, or the interval holds values on both sides of the criterion."""
    settles: int | None = None
    """Seeds after which an interval as wide would be on one side, where it is on both."""

    def __str__(self) -> str:
        """`1.23 [0.9, 1.5]`."""
        if math.isnan(self.value):
            return "undefined" if self.seeds else "not measured"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3g}, {self.high:.3g}]"
        return f"{self.value:.3g}{interval}"


@dataclass(frozen=True)
class Missing:
    """Cells of a suite that a claim needs and the runs do not hold, and the command that trains them."""

    suite: str
    cells: int
    of: int
    which: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class Verdict:
    """What the evidence says of a claim."""

    outcome: Outcome
    sentence: str
    numbers: tuple[Number, ...] = ()
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """The records of a claim's cells, every seed of them, and their curves."""

    records: tuple[Record, ...]
    curves: Callable[[Record], Mapping[str, np.ndarray]]

    def of(self, *architectures: str, task: str | None = None, **settings: object) -> list[Record]:
        """The records of these architectures, of this task under these settings."""
        return [
            record
            for record in self.records
            if record.architecture in architectures
            and task in (None, record.task)
            and all(record.task_settings.get(key) == value for key, value in settings.items())
        ]

    def tasks(self, *architectures: str) -> list[str]:
        """Tasks that these architectures have records of, sorted."""
        return sorted({record.task for record in self.of(*architectures)})


@dataclass(frozen=True)
class Claim:
    """A textbook claim as an experiment. Its name is its file's, its statement the first line of the file."""

    source: str
    needs: Mapping[str, tuple[str, ...]]
    """Suite -> the architectures whose cells are the evidence."""
    criterion: str
    judge: Callable[[Evidence], Verdict]
    """Pure; called with at least one record of every group that is needed."""
    name: str = ""
    statement: str = ""

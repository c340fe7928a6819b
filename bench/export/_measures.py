"""What tools that think lower is better are given: of every row of a report its error, its times and its memory.

quantity        unit     what it is
test-error      1        mean over seeds of 1 - score where higher is better, else of the score; 95 % interval
step-time       s        median training step of the speed phase, alone on the machine; 95 % by its noise
inference-time  s        median inference of one sample, likewise
peak-memory     B        the most memory that training steps take
"""

import json
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from bench.plan import group_id
from bench.record import Percentiles, Record
from bench.report.aggregate import task_tables
from bench.report.rows import Row
from bench.report.text import plain, shorten
from bench.sources import digest

Name = Literal["test-error", "step-time", "inference-time", "peak-memory"]
UNITS: Final[Mapping[Name, str]] = {"test-error": "1", "step-time": "s", "inference-time": "s", "peak-memory": "B"}
_WIDTH: Final = 240
"""Characters of a name; all formats bear them."""


@dataclass(frozen=True)
class Measure:
    """One quantity of one row; lower is better, all numbers are finite."""

    quantity: Name
    value: float
    low: float | None = None
    high: float | None = None
    """Ends of its 95 % interval; None where there is none."""
    samples: tuple[float, ...] = ()
    """One a seed, in their order; empty where it was measured on one of them."""
    count: int = 1
    """Seeds, or calls that were timed."""

    @property
    def unit(self) -> str:
        """As the formats write it: s, B, or 1."""
        return UNITS[self.quantity]


@dataclass(frozen=True, eq=False)
class Subject:
    """A row with its name in foreign tools, and what of it can be exported."""

    row: Row
    name: str
    """Task and architecture with all their settings, and the backend: one line, unique, and the same whatever else is
    in the run."""

    @property
    def record(self) -> Record:
        """Any record, for what all of the row share."""
        return self.row.records[0]

    @cached_property
    def measures(self) -> list[Measure]:
        """All that is known of the row."""
        found = self.row.timed
        times = [
            _time("step-time", found.step_seconds if found else None),
            _time("inference-time", found.inference_seconds if found else None),
        ]
        memory = Measure("peak-memory", found.peak_bytes) if found and found.peak_bytes else None
        return [each for each in (self.error, *times, memory) if each is not None]

    @cached_property
    def error(self) -> Measure | None:
        """None where a planned seed has no score: the mean of those that are left would look better than it is."""
        if self.unusable:
            return None
        values = [error(record) for record in self.row.scored]
        ends = self.row.interval
        low, high = sorted((_error(self.record, ends.low), _error(self.record, ends.high))) if ends else (None, None)
        return Measure("test-error", statistics.fmean(values), low, high, tuple(values), len(values))

    @property
    def unusable(self) -> str:
        """Why there is no error; empty where there is one."""
        if not self.row.planned:
            return f"skipped: {self.row.skipped}"
        if self.row.failures:
            return self.row.failures
        if self.record.higher_is_better and max(self.record.target, self.row.high) > 1:
            return f"its {self.record.metric} may exceed 1, so that 1 - score is no error"
        return ""

    @property
    def settings_text(self) -> str:
        """All that is held equal when two versions of the code are compared, as JSON."""
        return _settings_text(self.record)

    @property
    def version(self) -> str:
        """Hash of the settings."""
        return _version(self.record)


def subjects(records: Iterable[Record]) -> list[Subject]:
    """The rows of a report, by task and the best first, with names that are theirs alone."""
    rows = [row for table in task_tables(records) for row in table.rows]
    names = distinct([shorten(plain(" ".join(parts(row.records[0]))), _WIDTH) for row in rows], rows)
    return [Subject(row, name) for row, name in zip(rows, names, strict=True)]


def parts(record: Record) -> tuple[str, str, str]:
    """Task and architecture with all their settings, and the backend, each on one line."""
    task = plain(f"{record.task}{_in_brackets(record.task_settings)}")
    architecture = plain(f"{record.architecture}{_in_brackets(record.architecture_settings)}")
    return task, architecture, plain(record.backend)


def distinct(names: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Names, and where several rows share one the hash of the settings, which the next commit does not change.

    And where they share that too, as those of two versions of the code do, the hash of the cells.
    """
    for tell in (_version, lambda record: group_id(record.identity)):
        counts = Counter(names)
        told = zip(names, rows, strict=True)
        names = [name if counts[name] == 1 else f"{name} {tell(row.records[0])[:12]}" for name, row in told]
    found = dict[str, None]()
    for unique in names:
        while unique in found:
            unique += "'"
        found[unique] = None
    return list(found)


def _settings_text(record: Record) -> str:
    known = record.identity
    own = {key: known[key] for key in sorted(known) if key not in ("seed", "sources")}
    return json.dumps(own, default=str)


def _version(record: Record) -> str:
    return digest(_settings_text(record).encode())


def left_out(found: Sequence[Subject]) -> list[str]:
    """Errors that are in no export, and times that other rows have."""
    lines = [f"{subject.name}: no test-error: {subject.unusable}" for subject in found if subject.unusable]
    if any(subject.row.timed for subject in found):
        lines += [f"{each.name}: no times were measured" for each in found if each.row.planned and not each.row.timed]
    return lines


def error(record: Record) -> float:
    """What the test score leaves to be desired: lower is better, whatever the metric."""
    return _error(record, record.value)


def as_json(document: object) -> bytes:
    """The bytes of a JSON file. Raises ValueError for NaN and infinities, which are no JSON."""
    return json.dumps(document, indent=1, allow_nan=False).encode() + b"\n"


def _error(record: Record, value: float) -> float:
    return 1 - value if record.higher_is_better else value


def _time(quantity: Name, found: Percentiles | None) -> Measure | None:
    if found is None or not (math.isfinite(found.p50) and found.p50 > 0):
        return None
    if found.noise is None or not math.isfinite(found.noise):
        return Measure(quantity, found.p50, count=found.calls or 1)
    # The noise is of a ratio of two medians; that of one is smaller by the root of 2, as a ratio.
    ratio = found.noise ** (1 / math.sqrt(2))
    return Measure(quantity, found.p50, found.p50 / ratio, found.p50 * ratio, count=found.calls or 1)


def _in_brackets(settings: Mapping[str, Any]) -> str:
    return f"[{','.join(f'{key}={value}' for key, value in sorted(settings.items()))}]" if settings else ""

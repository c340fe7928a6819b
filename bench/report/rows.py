"""What a report shows of a task: its rows, one per architecture, and what is computed from their records."""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bench.record import Record
from bench.stats import Interval, mean_interval

Curves = Callable[[Record], Mapping[str, np.ndarray]]
"""The arrays of the file beside a record; asked only of records that name one."""

History = tuple[Record, np.ndarray, np.ndarray]
"""A record, and the steps and scores of its validations."""

NEVER = math.inf
"""Steps to target of a run that did not reach it."""


@dataclass(frozen=True, eq=False)
class Row:
    """One architecture on one task: the records that differ only in seed, sorted by seed."""

    task: str
    architecture: str
    """Label: the name and the settings that vary in this report. Untrusted text."""
    backend: str
    records: tuple[Record, ...]

    @cached_property
    def planned(self) -> tuple[Record, ...]:
        """All attempts that were to train: a failed seed stays in every denominator."""
        return tuple(record for record in self.records if record.status != "skipped")

    @cached_property
    def scored(self) -> tuple[Record, ...]:
        """The finished seeds with a finite score."""
        return tuple(record for record in self.planned if record.status == "ok" and math.isfinite(record.value))

    def has_score(self, record: Record) -> bool:
        """Whether a record of the row is among the `scored`."""
        return id(record) in self._scored

    @cached_property
    def _scored(self) -> set[int]:
        return {id(record) for record in self.scored}

    @cached_property
    def values(self) -> list[float]:
        """Headline test scores, one a scored seed."""
        return [record.value for record in self.scored]

    @cached_property
    def mean(self) -> float:
        """Mean test score; NaN where no seed has one."""
        return statistics.fmean(self.values) if self.values else math.nan

    @cached_property
    def interval(self) -> Interval | None:
        """Student's 95 % of the mean; None below three seeds, where a planned one has no score, or none differs."""
        whole = len(self.scored) == len(self.planned) and self.low < self.high
        return mean_interval(self.values) if whole else None

    @cached_property
    def low(self) -> float:
        """Least test score over seeds."""
        return min(self.values, default=math.nan)

    @cached_property
    def high(self) -> float:
        """Greatest test score over seeds."""
        return max(self.values, default=math.nan)

    @cached_property
    def solved(self) -> int:
        """Seeds that reached the target."""
        return sum(record.solved for record in self.planned)

    @cached_property
    def steps_to_target(self) -> float:
        """Median over planned seeds, one that missed counting as never; NaN where none was planned."""
        steps = [NEVER if record.steps_to_target is None else record.steps_to_target for record in self.planned]
        return float(statistics.median(steps)) if steps else math.nan

    @cached_property
    def parameters(self) -> int | None:
        """Trainable parameters outside the embedding."""
        return next((record.parameters for record in self.records if record.parameters is not None), None)

    @cached_property
    def embedding_parameters(self) -> int | None:
        """Trainable parameters of the embedding."""
        known = (record.embedding_parameters for record in self.records if record.embedding_parameters is not None)
        return next(known, None)

    @cached_property
    def train_seconds(self) -> float:
        """Median wall time inside training steps."""
        return _median(record.train_seconds for record in self.scored)

    @cached_property
    def timed(self) -> Record | None:
        """A record with what the speed phase measured, which is the same in all; None where there was none."""
        return next((record for record in self.records if record.step_seconds), None)

    @cached_property
    def step_milliseconds(self) -> float:
        """The median step of the speed phase; without one the median over seeds of training time by training steps."""
        if self.timed and self.timed.step_seconds:
            return 1e3 * self.timed.step_seconds.p50
        return _median(
            1e3 * record.train_seconds / record.steps
            for record in self.scored
            if record.train_seconds is not None and record.steps
        )

    @cached_property
    def gradient_first(self) -> float:
        """Median global gradient norm over the first tenth of the steps."""
        return _median(record.gradient_norm.first for record in self.planned if record.gradient_norm)

    @cached_property
    def gradient_last(self) -> float:
        """Median global gradient norm over the last tenth of the steps."""
        return _median(record.gradient_norm.last for record in self.planned if record.gradient_norm)

    @cached_property
    def not_finite(self) -> int | None:
        """Steps with a NaN or infinite gradient, all seeds together; None where not recorded."""
        counts = [record.gradient_norm.not_finite for record in self.planned if record.gradient_norm]
        return sum(counts) if counts else None

    @cached_property
    def failures(self) -> str:
        """What the seeds without a score met, such as '1 diverged, 2 failed'; empty where all is well."""
        missing = (record for record in self.planned if not self.has_score(record))
        counts = Counter("without a finite score" if record.status == "ok" else record.status for record in missing)
        return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))

    @cached_property
    def unfinished(self) -> list[tuple[str, str, str]]:
        """Seeds, status and reason of all that has no score or no gradient flow; seeds of one reason together."""
        seeds: dict[tuple[str, str], list[str]] = {}
        for record in self.records:
            if not self.has_score(record):
                status = "no finite score" if record.status == "ok" else record.status
                seeds.setdefault((status, record.reason or "no reason given"), []).append(str(record.seed))
            for reason in _unmeasured(record):
                seeds.setdefault(("gradient flow not measured", reason), []).append(str(record.seed))
        return [(", ".join(numbers), *what) for what, numbers in seeds.items()]

    @cached_property
    def skipped(self) -> str:
        """Why it was skipped; empty where it was not."""
        reasons = {record.reason or "no reason given" for record in self.records if record.status == "skipped"}
        return "; ".join(sorted(reasons))


@dataclass(frozen=True, eq=False)
class TaskTable:
    """All architectures on one task under one set of task settings, the best mean first."""

    label: str
    rows: tuple[Row, ...]

    @property
    def any(self) -> Record:
        """A record, for what all records of the task share: metric, direction, chance, target."""
        return self.rows[0].records[0]

    @cached_property
    def ranked(self) -> tuple[Row, ...]:
        """The rows with a score, the best mean first."""
        return tuple(row for row in self.rows if row.scored)

    @cached_property
    def best(self) -> tuple[Row, ...]:
        """The row with the best mean, or several that tie."""
        return tuple(row for row in self.ranked if row.mean == self.ranked[0].mean)

    def at_chance(self, row: Row) -> bool:
        """Whether no seed came a twentieth of the way from chance to target."""
        chance, target = self.any.chance, self.any.target
        if not row.values or not math.isfinite(target - chance) or target == chance:
            return False
        return max((value - chance) / (target - chance) for value in row.values) < 0.05


def histories(row: Row, curves: Curves) -> list[History]:
    """Of every planned seed, also one that failed, that has a finite validation score."""
    found = []
    for record in row.planned:
        arrays = curves(record) if record.curves else {}
        if "validation_score" in arrays and np.isfinite(arrays["validation_score"]).any():
            found.append((record, arrays["evaluation_step"], arrays["validation_score"]))
    return found


def remembered(curves: Curves) -> Curves:
    """Asks for each record's arrays once: several figures want the same."""
    found: dict[str, Mapping[str, np.ndarray]] = {}

    def remembered(record: Record) -> Mapping[str, np.ndarray]:
        if record.cell_id not in found:
            found[record.cell_id] = curves(record)
        return found[record.cell_id]

    return remembered


def _unmeasured(record: Record) -> list[str]:
    """What of the gradient flow could not be measured, and why."""
    moments = (record.gradient or {}).values()
    layers = {layer: why for flow in moments for layer, why in flow.unprobed.items()}
    whole = [] if record.unmeasured is None else [record.unmeasured]
    return whole + [f"layer {layer}: {why}" for layer, why in layers.items()]


def _median(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None and not math.isnan(value)]
    return statistics.median(known) if known else math.nan

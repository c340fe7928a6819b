"""Gradient flow as figures and sentences need it: an architecture's seeds brought together. Numbers in, numbers out."""

import math
import statistics
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from bench.record import Record
from bench.report.rows import Curves, Row, TaskTable

STATES: Final[tuple[str, ...]] = ("h", "c", "input")
"""What the gradient is taken of: the states of the first recurrent layer, and the input."""
SYMBOL: Final = {"h": "∂L/∂h", "c": "∂L/∂c", "input": "∂L/∂input"}
"""A state's gradient as it is written in charts."""
END: Final = "end"
TOLD_APART: Final = 8.0
"""Decades that the colours of a map span: what is less is lost when float32 adds it to the largest."""
DEEPEST: Final = 15.0
"""Decades below the largest norm that are drawn: what is less moves no float32 weight."""
_AT_FLOOR = 1e-3
"""Decades above the floor that still count as the floor: float32 rounds."""


@dataclass(frozen=True, eq=False)
class Seed:
    """The probes of one record."""

    record: Record
    step: np.ndarray
    """(moments,)"""
    profiles: dict[str, np.ndarray]
    """By state (moments, lags, 4): log10 of the norm, mean and 10, 50, 90 % quantiles over sequences; NaN unknown."""
    floor: float

    @cached_property
    def moments(self) -> dict[str, int]:
        """Where init, during and end are. During: the probe nearest half-way of what this seed trained."""
        last = len(self.step) - 1
        ended = last > 0 and END in (self.record.gradient or {})
        found = {"init": 0}
        if between := range(1, last if ended else last + 1):
            found["during"] = min(between, key=lambda i: abs(float(self.step[i]) - float(self.step[last]) / 2))
        return found | ({END: last} if ended else {})


@dataclass(frozen=True, eq=False)
class Line:
    """The profile of an architecture at one moment."""

    mean: np.ndarray
    """(lags,) log10 of the geometric mean over the sequences of all seeds."""
    low: np.ndarray
    high: np.ndarray
    """(lags,) least 10 % and greatest 90 % quantile of any seed: at least 80 % of each seed's sequences lie between."""
    floor: float

    @cached_property
    def falls(self) -> float:
        """Powers of ten between lag 0 and the last lag, negative where it grows; NaN where lag 0 holds nothing."""
        return float(self.mean[0] - self.mean[-1]) if not self.at_floor[0] else math.nan

    @property
    def at_floor(self) -> np.ndarray:
        """(lags,) where the mean is at the floor: it then fell by at least that much."""
        return at_floor(self.mean, self.floor)


@dataclass(frozen=True, eq=False)
class Arm:
    """An architecture with at least one probed seed."""

    row: Row
    seeds: tuple[Seed, ...]

    @cached_property
    def state(self) -> str:
        """What stands for the arm: h, or the input where there is no state."""
        return next(state for state in ("h", "input", "c") if any(state in seed.profiles for seed in self.seeds))

    def line(self, moment: str, state: str | None = None) -> Line | None:
        """The profile at init, during or end, over the seeds that have it; None where none has."""
        state = state or self.state
        having = [seed for seed in self.seeds if state in seed.profiles and moment in seed.moments]
        found = _alike([seed.profiles[state][seed.moments[moment]] for seed in having])
        if not found or not np.isfinite(found).any():
            return None
        each = np.array(found)
        mean, low, high = (
            over_seeds(how, each[..., i]) for how, i in ((np.nanmean, 0), (np.nanmin, 1), (np.nanmax, 3))
        )
        return Line(mean, low, high, having[0].floor)

    def at(self, column: "Column") -> np.ndarray | None:
        """(lags,) mean profile at a step or the end, median over the seeds probed there; None where none was."""
        found = _alike([seed.profiles[self.state][i, :, 0] for seed in self.seeds if self.state in seed.profiles
                        for i in _moments_at(seed, column)])  # fmt: skip
        return over_seeds(np.nanmedian, np.array(found)) if found else None


def arms(table: TaskTable, curves: Curves) -> list[Arm]:
    """The rows with a profile over lag, in the table's order. Images and vectors have positions, not lags."""
    found = ((row, tuple(seed for record in row.planned if (seed := _seed(record, curves)))) for row in table.rows)
    return [Arm(row, seeds) for row, seeds in found if seeds]


def _seed(record: Record, curves: Curves) -> Seed | None:
    if not record.curves or not record.gradient:
        return None
    arrays = curves(record)
    step = np.asarray(arrays.get("probe_step", ()))
    over_lag = {state for flow in record.gradient.values() for state in flow.decay}
    profiles = {
        state: np.where(np.isfinite(array), array, np.nan).astype("float64")
        for state in STATES
        if state in over_lag and (array := _profile(arrays.get(f"profile_{state}"), len(step))) is not None
    }
    return Seed(record, step, profiles, float(arrays.get("gradient_floor", -math.inf))) if profiles else None


def _profile(array: np.ndarray | None, moments: int) -> np.ndarray | None:
    return array if array is not None and array.ndim == 3 and array.size and len(array) == moments else None


def _alike(profiles: list[np.ndarray]) -> list[np.ndarray]:
    """Those with as many lags as the first."""
    return [profile for profile in profiles if profile.shape == profiles[0].shape]


def at_floor(values: np.ndarray, floor: float) -> np.ndarray:
    """Where `values`, log10, are no more than the floor, which float32 rounds."""
    return np.asarray(values <= floor + _AT_FLOOR)


def over_seeds(statistic: Callable[..., np.ndarray], values: np.ndarray) -> np.ndarray:
    """`statistic` over the first axis; where all is NaN the result is NaN, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(statistic(values, axis=0))


Column = int | str
"""A step, or END: wherever a seed stopped."""


def columns(records: Iterable[Record]) -> list[Column]:
    """Steps at which any record was probed, ascending, then END. A seed's own end is no step: seeds stop apart."""
    keyed = [(key, flow.step) for record in records for key, flow in (record.gradient or {}).items()]
    steps: list[Column] = [*sorted({step for key, step in keyed if key != END})]
    return [*steps, END] if any(key == END for key, _ in keyed) else steps


def _moments_at(seed: Seed, column: Column) -> list[int]:
    end = seed.moments.get(END)
    if column == END:
        return [] if end is None else [end]
    return [i for i, step in enumerate(seed.step) if step == column and i != end][:1]


def decades(arm: Arm, across: Sequence[Column]) -> np.ndarray:
    """(lags, columns), decades above lag 0; NaN where no seed was probed, or nothing arrives at lag 0."""
    found = [arm.at(column) for column in across]
    lags = next(len(each) for each in found if each is not None)
    whole = np.stack([np.full(lags, np.nan) if each is None else each for each in found], axis=1)
    # Over lag 0, so that a loss that shrinks in training, and all gradients with it, does not look like a short reach.
    return whole - np.where(at_floor(whole[0], arm.seeds[0].floor), np.nan, whole[0])


@dataclass(frozen=True, eq=False)
class HalfLife:
    """Half-lives of an architecture at one column: infinite where the gradient does not fall."""

    middle: float
    least: float
    greatest: float
    seeds: int


def half_lives(records: Sequence[Record], state: str, column: Column) -> HalfLife | None:
    """Median and range over the seeds with a half-life there; NaN (not fitted) left out; None where none is left."""
    values = sorted(value for value in _half_lives(records, state, column) if not math.isnan(value))
    return HalfLife(statistics.median(values), values[0], values[-1], len(values)) if values else None


def unfitted(records: Sequence[Record], state: str) -> tuple[int, int]:
    """How many probes gave no half-life, of how many."""
    values = [value for column in columns(records) for value in _half_lives(records, state, column)]
    return sum(map(math.isnan, values)), len(values)


def _half_lives(records: Sequence[Record], state: str, column: Column) -> list[float]:
    return [
        flow.decay[state].half_life
        for record in records
        for key, flow in (record.gradient or {}).items()
        if state in flow.decay and (key == column if END in (key, column) else flow.step == column)
    ]


def decay_state(row: Row) -> str | None:
    """What stands for the row where only its records are asked: h, or the input; None where nothing was probed."""
    known = {state for record in row.planned for flow in (record.gradient or {}).values() for state in flow.decay}
    return next((state for state in ("h", "input", "c") if state in known), None)


def thin(count: int, most: int = 200) -> np.ndarray:
    """Indices of at most `most` points that stand for `count`, both ends among them: more cannot be told apart."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))

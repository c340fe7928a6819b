"""Finds what became slower, with a known rate of false alarms. Pure: what measures is handed in.

A generation is a fresh process of either side, warmed up, and pairs of short turns of the two. Its log ratio is one
difference for the sign-flip test of `bench.regress.signflip`; the unit is the generation, since what one process is
slower by for its layout in memory, all its pairs are. First all cells are screened; those that look slower are measured
anew, and on that fresh data alone an alarm is raised: with the probability `sum(SPENDING)` at most where nothing became
slower, however many cells there are.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Generic, Literal, NamedTuple, TypeVar

import numpy as np
from pydantic import Field

from bench.errors import BenchError
from bench.regress.signflip import Flips, flips
from bench.stats import holm

PAIRS: Final = 60
STEPS: Final = 2
"""Training steps of a turn: in equal time, turns of 20 spread generations by 7.3 %, of 2 by 1.4 %."""
LOOKS: Final = (10, 20, 30)
"""Generations after which is looked; the first is the length of the screening too."""
SPENDING: Final = (0.002, 0.003, 0.005)
"""Probability of a false alarm of the job at each look."""
FLAG: Final = 0.25
"""A cell that is screened with a p below is measured anew."""
MARGIN: Final = 0.01
"""What is not slower by more is no regression."""
SLO: Final = 0.05
"""What is slower by less, with 95 % confidence, is OK."""
_UPPER, _TAIL = 0.05, 0.005
"""Of the bound that is held against the SLO, and of either end of the 99 % interval."""
_PROCESS = 0.01
"""Spread between generations that no number of pairs takes away (weights)."""

Outcome = Literal["REGRESSION", "IMPROVED", "OK", "INCONCLUSIVE", "FAILED"]
_Count = Annotated[int, Field(ge=0, le=1_000_000)]
_Ratio = Annotated[float, Field(gt=0, le=1e6)]
_Share = Annotated[float, Field(ge=0, le=1e6)]
_Probability = Annotated[float, Field(ge=0, le=1)]
"""Bounds that hold where a report is read (`bench.regress.report`)."""


class LostError(BenchError):
    """A generation that could not be measured; the message is the reason."""


class Generation(NamedTuple):
    """What the pairs of one generation say."""

    ratio: float
    """Median of ln(head / base)."""
    spread: float
    """Distance of the quartiles of ln(head / base)."""
    pairs: int

    @property
    def weight(self) -> float:
        """One over the variance of the ratio: of processes, and of a median of so many pairs (0.93 IQR / sqrt(J))."""
        return 1 / (_PROCESS**2 + 0.93**2 * self.spread**2 / self.pairs)


def generation(base: Sequence[float] | np.ndarray, head: Sequence[float] | np.ndarray) -> Generation:
    """Of the seconds of paired turns, (pairs,) each. Raises LostError where a clock ran backwards, or stood."""
    seconds = np.array([base, head], "float64")
    wrong = ~(np.isfinite(seconds) & (seconds > 0))
    if wrong.any() or not seconds.size:
        found = f"{seconds[wrong][0]:g} s" if seconds.size else "none"
        raise LostError(f"the clock is of no use: expected seconds above 0, received {found}")
    low, middle, high = np.quantile(np.log(seconds[1] / seconds[0]), [0.25, 0.5, 0.75])
    return Generation(float(middle), float(high - low), seconds.shape[1])


@dataclass(frozen=True)
class Speed:
    """What is known of a cell's speed. Ratios are head to base: above 1 is slower."""

    outcome: Outcome
    generations: _Count = 0
    """Those that the numbers are of: the fresh ones where the cell was flagged."""
    ratio: _Ratio | None = None
    low: _Ratio | None = None
    high: _Ratio | None = None
    """The 99 % interval; None: no bound, for want of generations."""
    excluded: _Share | None = None
    """Slowdowns above are excluded with 95 % confidence: 0.05 is 5 %. None: none is."""
    p: _Probability | None = None
    """Of the hypothesis that head is slower by the margin at most."""
    flagged: bool = False
    reason: str | None = None


@dataclass
class _Series:
    """The generations of a cell."""

    screened: list[Generation] = field(default_factory=list)
    fresh: list[Generation] = field(default_factory=list)
    flagged: bool = False
    confirmed: bool = False
    stopped: bool = False
    lost: str | None = None
    known: dict[tuple[bool, int], Flips] = field(default_factory=dict)
    """By whether they are fresh, and how many: drawn once, so that what was decided by them is what is shown."""

    @property
    def judged(self) -> list[Generation]:
        return self.fresh if self.flagged else self.screened

    @property
    def goes_on(self) -> bool:
        return not (self.confirmed or self.stopped or self.lost)

    def flips(self, rng: np.random.Generator) -> Flips:
        """Of the generations that are judged."""
        judged, key = self.judged, (self.flagged, len(self.judged))
        if key not in self.known:
            self.known[key] = flips([one.ratio for one in judged], [one.weight for one in judged], rng)
        return self.known[key]


Cell = TypeVar("Cell")


@dataclass
class Detector(Generic[Cell]):
    """Screens and confirms. `measure(cell)` returns a generation or raises LostError; `more()`: there is time left."""

    measure: Callable[[Cell], Generation]
    rng: np.random.Generator
    margin: float = MARGIN
    slo: float = SLO
    more: Callable[[], bool] = lambda: True

    def run(self, cells: Sequence[Cell]) -> list[Speed]:
        """The verdict on every cell, in their order."""
        series = [_Series() for _ in cells]
        pairs = list(zip(cells, series, strict=True))
        self._measure(pairs, LOOKS[0])
        for one in series:
            one.flagged = not one.lost and len(one.screened) == LOOKS[0] and self._p(one) < FLAG
        flagged = [pair for pair in pairs if pair[1].flagged]
        for generations, alpha in zip(LOOKS, SPENDING, strict=True):
            self._measure(flagged, generations)
            self._confirm([one for _, one in flagged], generations, alpha)
        for generations in LOOKS[1:]:  # only to say OK: no alarm comes of these
            for _, one in pairs:
                one.stopped = one.stopped or (not one.flagged and self._is_ok(one))
            self._measure([pair for pair in pairs if not pair[1].flagged], generations)
        return [self._speed(one) for one in series]

    def _measure(self, pairs: Sequence[tuple[Cell, _Series]], generations: int) -> None:
        """Turn by turn, in an order that is new each time, until every cell that goes on has so many generations."""
        while waiting := [(cell, one) for cell, one in pairs if one.goes_on and len(one.judged) < generations]:
            for index in self.rng.permutation(len(waiting)):
                cell, one = waiting[index]
                if not self.more():
                    return
                try:
                    one.judged.append(self.measure(cell))
                except LostError as error:
                    one.lost = str(error)

    def _confirm(self, flagged: Sequence[_Series], generations: int, alpha: float) -> None:
        """Holm's step over all flagged cells: one confirmed before counts as rejected, one that has ended as not."""
        ready = [one.goes_on and len(one.fresh) == generations for one in flagged]
        p_values = [
            self._p(one) if now else 0.0 if one.confirmed else 1.0 for one, now in zip(flagged, ready, strict=True)
        ]
        for one, now, p, adjusted in zip(flagged, ready, p_values, holm(p_values), strict=True):
            if now:
                one.confirmed = adjusted <= alpha
                one.stopped = p >= FLAG and self._is_ok(one)

    def _p(self, one: _Series) -> float:
        return one.flips(self.rng).p_above(math.log1p(self.margin))

    def _is_ok(self, one: _Series) -> bool:
        return bool(one.judged) and one.flips(self.rng).upper(_UPPER) < math.log1p(self.slo)

    def _speed(self, one: _Series) -> Speed:
        judged = one.judged
        if one.lost:
            return Speed("FAILED", len(judged), flagged=one.flagged, reason=one.lost)
        if not judged:
            return Speed("INCONCLUSIVE", flagged=one.flagged, reason=self._unsettled(one))
        found = one.flips(self.rng)
        low, high, upper = found.lower(_TAIL), found.upper(_TAIL), found.upper(_UPPER)
        outcome: Outcome = "INCONCLUSIVE"
        if one.confirmed:
            outcome = "REGRESSION"
        elif high < -math.log1p(self.margin):
            outcome = "IMPROVED"
        elif upper < math.log1p(self.slo):
            outcome = "OK"
        return Speed(
            outcome,
            len(judged),
            ratio=math.exp(_mean(judged)),
            low=math.exp(low) if math.isfinite(low) else None,
            high=math.exp(high) if math.isfinite(high) else None,
            excluded=max(math.expm1(upper), 0.0) if math.isfinite(upper) else None,
            p=self._p(one),
            flagged=one.flagged,
            reason=self._unsettled(one) if outcome == "INCONCLUSIVE" else None,
        )

    def _unsettled(self, one: _Series) -> str:
        if len(one.judged) < LOOKS[-1]:
            return f"the budget ended after {len(one.judged)} {'fresh ' if one.flagged else ''}generations"
        return f"{len(one.judged)} generations settle nothing"


def _mean(generations: Iterable[Generation]) -> float:
    ratios, weights = zip(*((one.ratio, one.weight) for one in generations), strict=True)
    return float(np.average(ratios, weights=weights))

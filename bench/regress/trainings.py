"""Trains both sides over seeds where fingerprints differ, and judges their scores. Pure: what trains is handed in.

A seed gives both sides the same weights and the same batches, so seeds are pairs. Head passes where it is not worse by
the task's margin (non-inferiority); it has regressed where it is certain to be worse by a fifth of that. What is
neither gets more seeds. Signs decide on alarms, as they do on speed: two sides that are the same differ as often up as
down, whatever the scores look like, also those of an arm that learns its task on half of the seeds.
"""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np

from bench.compare import margin_of
from bench.quantities import Quantity, failures, judge, score, scored
from bench.record import Record
from bench.regress.detector import LostError
from bench.regress.gates import Gate
from bench.regress.signflip import flips
from bench.stats import holm

LOOKS: Final = (5, 8, 16)
"""Seeds after which is looked."""
SPENDING: Final = (0.0, 0.004, 0.006)
"""Probability of a false alarm of the job at each look. Five pairs cannot give one: their least p is 1/32."""
SHARE: Final = 0.2
"""Of the margin: what is not worse by more is no regression."""


class Pair(NamedTuple):
    """A seed, trained on either side."""

    base: Record
    head: Record


@dataclass
class Series:
    """The seeds of a cell, and what was decided by them."""

    pairs: list[Pair] = field(default_factory=list)
    looked: int = 0
    """Pairs at the last look: the scores of those after it decide nothing."""
    score: Quantity | None = None
    """Of the seeds that have one on both sides, as `archbench compare` judges it; None where there is none."""
    p: float | None = None
    """One-sided, that head is worse by a share of the margin at most; of this cell alone, at the last look."""
    confirmed: bool = False
    stopped: bool = False
    lost: str | None = None

    @property
    def judged(self) -> list[Pair]:
        return self.pairs[: self.looked]

    @property
    def complete(self) -> list[Pair]:
        """Those with a score on both sides."""
        return [pair for pair in self.judged if scored(pair.base) and scored(pair.head)]

    @property
    def failing(self) -> tuple[int, int]:
        """Seeds without a score, of base and head; those after the last look too, as they need no statistics."""
        return sum(not scored(pair.base) for pair in self.pairs), sum(not scored(pair.head) for pair in self.pairs)

    @property
    def margin(self) -> float | None:
        return margin_of(self.pairs[0].base, {})

    @property
    def fails(self) -> bool:
        """Head has lost more seeds than base."""
        return self.failing[1] > self.failing[0]

    @property
    def passes(self) -> bool:
        """Never where a seed of head has no score, base having lost as many or not."""
        if self.score is None or self.failing[1]:
            return False
        return self.score.not_worse or self.score.verdict == "equivalent"

    def look(self, rng: np.random.Generator) -> None:
        """Decide what can be decided of the seeds so far without looking at other cells."""
        self.looked = len(self.pairs)
        if pairs := self.complete:
            base, head = zip(*pairs, strict=True)
            (self.score,) = judge([score(base, head, self.margin)])
            sign = 1 if base[0].higher_is_better else -1
            gains = [sign * (pair.head.value - pair.base.value) for pair in pairs]
            self.p = flips(gains, [1.0] * len(gains), rng).p_below(-SHARE * (self.margin or 0.0))
        self.stopped = self.fails or self.passes or not pairs


Cell = TypeVar("Cell")


@dataclass
class Trainings(Generic[Cell]):
    """Looks, and goes on where need be. `train(cell, seeds)` yields a pair a seed or raises LostError."""

    train: Callable[[Cell, Sequence[int]], Iterator[Pair]]
    rng: np.random.Generator
    more: Callable[[], bool] = lambda: True

    def run(self, cells: Sequence[Cell]) -> list[Series]:
        """The trainings of every cell, in their order."""
        found, unspent = [Series() for _ in cells], 0.0
        for seeds, alpha in zip(LOOKS, SPENDING, strict=True):
            for cell, one in zip(cells, found, strict=True):
                if self._goes_on(one):
                    self._train(cell, one, seeds)
            unspent += alpha
            if len(cells) * 2.0**-seeds <= unspent:  # else no p can be small enough, and the next look may have it
                self._confirm(found, seeds, unspent)
                unspent = 0.0
        return found

    @staticmethod
    def _goes_on(one: Series) -> bool:
        return not (one.confirmed or one.stopped or one.lost)

    def _train(self, cell: Cell, one: Series, seeds: int) -> None:
        if not self.more():
            return
        try:
            for pair in self.train(cell, range(len(one.pairs), seeds)):
                one.pairs.append(pair)
                if len(one.pairs) < seeds and not self.more():
                    return
        except LostError as error:
            one.lost = str(error)
            return
        one.look(self.rng)

    def _confirm(self, found: Sequence[Series], seeds: int, alpha: float) -> None:
        """Holm's step over all cells: one confirmed before counts as rejected, one that has ended as not.

        All of them, not those still open: these are open for what their seeds have shown.
        """
        ready = [self._goes_on(one) and one.looked == seeds for one in found]
        p_values = [
            (one.p or 0.0) if now else 0.0 if one.confirmed else 1.0 for one, now in zip(found, ready, strict=True)
        ]
        for one, now, adjusted in zip(found, ready, holm(p_values), strict=True):
            if now:
                one.confirmed = adjusted <= alpha


def accuracy(one: Series) -> Gate:
    """The gate of a cell's scores."""
    if one.lost:
        return Gate("accuracy", "FAILED", *_means(one), one.lost)
    notes = [note for note in (_effect(one), _failures(one)) if note]
    if one.fails or one.confirmed:
        return Gate("accuracy", "REGRESSION", *_means(one), "; ".join(notes))
    if one.passes:
        better = one.score is not None and one.score.verdict == "better"
        return Gate("accuracy", "IMPROVED" if better else "OK", *_means(one), "; ".join(notes))
    if one.looked and not one.complete:
        return Gate("accuracy", "INCONCLUSIVE", *_means(one), "; ".join(notes))
    settled = f"{one.looked} seeds settle nothing" if one.looked == LOOKS[-1] else _ended(one)
    return Gate("accuracy", "INCONCLUSIVE", *_means(one), "; ".join([*notes, settled]))


def _ended(one: Series) -> str:
    number = len(one.pairs)
    return f"the budget ended after {number} seed{'s' * (number != 1)} a side"


def _means(one: Series) -> tuple[str, str]:
    """Of the seeds that are compared; where none is, of those that have a score."""
    means = []
    for at in range(2):
        values = [pair[at].value for pair in one.complete or one.pairs if scored(pair[at])]
        means.append(f"{statistics.fmean(values):.6g}" if values else "no score")
    return means[0], means[1]


def _effect(one: Series) -> str:
    found = one.score
    if found is None or found.effect is None:
        return ""
    interval = "" if found.interval is None else f" [{found.interval.low:+.3g}, {found.interval.high:+.3g}]"
    p = f", p {one.p:.2g}" if one.confirmed else ""
    margin = "none" if found.margin is None else f"{found.margin:.3g}"
    return (
        f"{one.pairs[0].base.metric} {found.effect:+.3g}{interval} over {len(one.complete)} seeds, margin {margin}{p}"
    )


def _failures(one: Series) -> str:
    """Which seeds of either side have no score, and the first reason."""
    if not one.pairs:
        return ""
    said = []
    for name, records in zip(Pair._fields, zip(*one.pairs, strict=True), strict=True):
        if lost := failures(records):
            reason = next((record.reason for record in records if record.reason), None)
            said.append(f"{name}: {lost}" + (f" ({reason})" if reason else ""))
    return "; ".join(said)

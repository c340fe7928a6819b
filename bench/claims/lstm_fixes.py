"""The LSTM fixes the vanishing gradient: it learns across longer gaps than an RNN.

Hochreiter and Schmidhuber (1997), Long short-term memory: sections 1 and 5, tasks with gaps that recurrent networks of
the time could not bridge.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from bench.claims._claim import SEEDS, Claim, Evidence, Number, Verdict
from bench.claims._parts import conclude, lead
from bench.ladder import Ladder, ladders
from bench.stats import rank_test

RATIO = 1.0
"""The longest length that lstm solves by that of rnn has to be above this."""
ALPHA = 0.05
_TOUCH = 1e-9


def judge(evidence: Evidence) -> Verdict:
    """A ratio of longest solved lengths a task, and where lstm fails too."""
    numbers, told = [], []
    found = {(one.task, one.architecture): one for one in ladders(evidence.records)}
    for task in evidence.tasks("lstm", "rnn"):
        lstm, rnn = found[task, "lstm"], found[task, "rnn"]
        ratio = _ratio(task, lstm, rnn)
        fails = lstm.fails_from
        numbers += [
            ratio,
            _length(f"{task}: shortest length that most seeds of lstm fail at", fails, len(lstm.longest)),
        ]
        limit = (
            f"lstm fails from {fails} on" if fails else f"no length up to {lstm.rungs[-1].length} at which lstm fails"
        )
        told.append(f"{task} {ratio} ({ratio.seeds} seeds; {limit})")
    return conclude(numbers, f"Longest length that lstm solves by that of rnn: {'; '.join(told)}.")


def _ratio(task: str, lstm: Ladder, rnn: Ladder) -> Number:
    """The ratio of medians over seeds, judged with all that the ladder leaves open.

    A seed's longest length lies from the one it solved to the next one tried, which it did not solve. One arm is ahead
    where its least ranks above the other's most. The interval, where both arms have bounds, runs from Welch's lower end
    for the least ratio that may be, to the upper end for the greatest.
    """
    (our_least, our_most), (their_least, their_most) = _bounds(lstm), _bounds(rnn)
    ours, theirs = float(np.median(our_least)), float(np.median(their_least))
    value = math.nan if ours == theirs == -math.inf else 2 ** (ours - theirs)
    low, high = _end(our_least, their_most, low=True), _end(our_most, their_least, low=False)
    seeds = min(len(our_least), len(their_least))
    passes = None
    if seeds >= SEEDS:
        passes = True if _ahead(our_least, their_most) else False if _ahead(their_least, our_most) else None
    what = f"{task}: longest solved length, lstm by rnn"
    return Number(what, round(value, 9), low, high, seeds, f"> {RATIO:g}, rank test", passes)


def _ahead(least: Sequence[float], most: Sequence[float]) -> bool:
    """The seeds of `least` rank above those of `most`, which lie below what is given: they failed there."""
    below = [value - _TOUCH for value in most]
    wins = sum((one > other) - (one < other) for one in least for other in below)
    return wins > 0 and rank_test(least, below) < ALPHA


def _bounds(ladder: Ladder) -> tuple[list[float], list[float]]:
    """log2 of the least and of the most that each seed's longest length may be; -inf and inf where the ladder ends."""
    lengths = [rung.length for rung in ladder.rungs]
    least = [math.log2(length) if length else -math.inf for length in ladder.longest.values()]
    following: dict[int | None, int] = dict(pairwise(lengths))
    following[None] = lengths[0]
    most = [math.log2(following[length]) if length in following else math.inf for length in ladder.longest.values()]
    return least, most


def _end(ours: Sequence[float], theirs: Sequence[float], *, low: bool) -> float | None:
    """An end of Welch's interval for the ratio; None where a seed has no bound."""
    if not all(math.isfinite(value) for value in [*ours, *theirs]):
        return None
    logs = lead("", ours, theirs)
    end = logs.low if low else logs.high
    return None if end is None else round(2**end, 9)


def _length(what: str, length: int | None, seeds: int) -> Number:
    return Number(what, math.inf if length is None else length, None, None, seeds)


CLAIM = Claim(
    source="Hochreiter and Schmidhuber (1997), Long short-term memory, sections 1 and 5",
    needs={"vanishing": ("lstm", "rnn")},
    criterion="on every task the longest lengths that the seeds of lstm solve rank above those of rnn (exact rank"
    " test), whatever lies between the lengths tried; the length at which lstm fails is told with it",
    judge=judge,
)

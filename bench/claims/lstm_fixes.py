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

RATIO = 1.0
"""The longest length that lstm solves by that of rnn has to be above this."""


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
    """The ratio of geometric means over seeds, with all that the ladder leaves open.

    A seed's longest length lies from the one it solved to the next one tried, which it did not solve. The interval runs
    from Welch's lower end for the least ratio that may be, to the upper end for the greatest.
    """
    (our_least, our_most), (their_least, their_most) = _bounds(lstm), _bounds(rnn)
    ours, theirs = (float(np.mean(least)) for least in (our_least, their_least))
    value = math.nan if ours == theirs == -math.inf else 2 ** (ours - theirs)
    low = _end(our_least, their_most, low=True)
    high = _end(our_most, their_least, low=False)
    seeds = min(len(our_least), len(their_least))
    # Each end is out of reach itself: a seed fails at the length that is its most.
    passes = None if seeds < SEEDS else True if low >= RATIO else False if high <= RATIO else None
    what = f"{task}: longest solved length, lstm by rnn"
    return Number(what, round(value, 9), low, high, seeds, f"> {RATIO:g}", passes)


def _bounds(ladder: Ladder) -> tuple[list[float], list[float]]:
    """log2 of the least and of the most that each seed's longest length may be; -inf and inf where the ladder ends."""
    lengths = [rung.length for rung in ladder.rungs]
    least = [math.log2(length) if length else -math.inf for length in ladder.longest.values()]
    following: dict[int | None, int] = dict(pairwise(lengths))
    following[None] = lengths[0]
    most = [math.log2(following[length]) if length in following else math.inf for length in ladder.longest.values()]
    return least, most


def _end(ours: Sequence[float], theirs: Sequence[float], *, low: bool) -> float:
    """An end of Welch's interval for the ratio; 0 or infinite where a seed's bound is."""
    if not all(math.isfinite(value) for value in [*ours, *theirs]):
        return 0.0 if low else math.inf
    logs = lead("", ours, theirs)
    end = logs.low if low else logs.high
    return round(2**end, 9) if end is not None else 0.0 if low else math.inf


def _length(what: str, length: int | None, seeds: int) -> Number:
    return Number(what, math.inf if length is None else length, None, None, seeds)


CLAIM = Claim(
    source="Hochreiter and Schmidhuber (1997), Long short-term memory, sections 1 and 5",
    needs={"vanishing": ("lstm", "rnn")},
    criterion="on every task the longest length that lstm solves is above that of rnn, whatever lies between the"
    " lengths tried, and the interval of their ratio over seeds too; the length at which lstm fails is told with it",
    judge=judge,
)

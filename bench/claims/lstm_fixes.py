"""The LSTM fixes the vanishing gradient: it learns across longer gaps than an RNN.

Hochreiter and Schmidhuber (1997), Long short-term memory: sections 1 and 5, tasks with gaps that recurrent networks of
the time could not bridge.
"""

import math
from collections.abc import Sequence

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
    """The ratio of geometric means over seeds, with Welch's interval of the logarithms."""
    logs = lead("", _log_lengths(lstm), _log_lengths(rnn))
    low, high = (None if end is None else round(2**end, 9) for end in (logs.low, logs.high))
    passes = None
    if low is not None and high is not None and logs.seeds >= SEEDS and not _untold(lstm, rnn):
        passes = True if low > RATIO else False if high <= RATIO else None
    what = f"{task}: longest solved length, lstm by rnn"
    return Number(what, round(2**logs.value, 9), low, high, logs.seeds, f"> {RATIO:g}", passes)


def _log_lengths(ladder: Ladder) -> Sequence[float]:
    # A seed that solves nothing stands one doubling below the ladder: what it would solve is shorter than the shortest.
    return [math.log2(length or ladder.rungs[0].length / 2) for length in ladder.longest.values()]


def _untold(lstm: Ladder, rnn: Ladder) -> bool:
    """The ladder is too short for a ratio: both arms solve its top throughout, or neither solves anything."""
    top = lstm.rungs[-1].length
    reached = {length for ladder in (lstm, rnn) for length in ladder.longest.values()}
    return reached in ({top}, {None})


def _length(what: str, length: int | None, seeds: int) -> Number:
    return Number(what, math.inf if length is None else length, None, None, seeds)


CLAIM = Claim(
    source="Hochreiter and Schmidhuber (1997), Long short-term memory, sections 1 and 5",
    needs={"vanishing": ("lstm", "rnn")},
    criterion="on every task the longest length that lstm solves is above that of rnn, the interval of their ratio over"
    " seeds too; the length at which lstm fails is told with it",
    judge=judge,
)

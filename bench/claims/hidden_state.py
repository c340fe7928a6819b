"""An RNN's hidden state carries the past.

Elman (1990), Finding structure in time. A linear readout of the state half-way tells the inputs that will be asked for,
wherever they lay: better than before training, when it may remember too (Jaeger, 2001, short term memory in echo state
networks), and as far back as is asked, also where the task is not solved. What is left once the state is set to 0 there
is told beside.
"""

from collections.abc import Sequence

import numpy as np

from bench.claims._claim import Claim, Evidence, Verdict
from bench.claims._parts import at_least, by_seed, conclude, longest_solved, lost, rises, shown
from bench.ladder import ladders
from bench.record import Record

JUDGED = "rnn"
TELLS = 0.5
"""R^2 from which on a line tells more of an input than it leaves open."""
SECOND_HALF = {"adding": 1 / 12, "temporal-order": 0.5}
"""Task -> score of the best predictor that sees the second half alone. Others: chance.

adding: one of two values U[0, 1) is known. temporal-order of two symbols: one of two is known.
"""


def judge(evidence: Evidence) -> Verdict:
    """What a line reads of the cues half-way at the longest lengths, solved or not, and its rise by training."""
    rnn = evidence.of(JUDGED)
    cells = longest_solved(rnn)
    rise = rises(shown("rise of R^2 by training, longest solved", by_seed(cells, lambda r: _rise(evidence, r))))
    longest = _longest(rnn)
    tells = at_least("R^2 of the cues so far, longest tried", _by_seed(evidence, longest, -1), TELLS)
    at_solved = shown("R^2 of the cues so far, longest solved", _by_seed(evidence, cells, -1))
    at_init = shown("at init: R^2 of the cues so far, longest solved", _by_seed(evidence, cells, 0))
    # Not every arm is asked for every length.
    both = {_where(record) for record in longest} & {_where(record) for record in evidence.of("gru")}
    same = [record for record in evidence.of("gru") if _where(record) in both]
    beside = [record for record in longest if _where(record) in both]
    gru = shown("gru: R^2 of the cues so far, lengths that both were tried at", _by_seed(evidence, same, -1))
    own = shown("rnn: R^2 of the cues so far, these lengths", _by_seed(evidence, beside, -1))
    # Not judged: no model does better from the second half alone than the best predictor that sees nothing else.
    reset = shown(
        "share of the first half forgotten by a reset",
        by_seed(cells, lambda r: lost(r, "reset-half", SECOND_HALF.get(r.task))),
    )
    sentence = (
        f"At the longest lengths that rnn solves a line reads the cues so far out of the state half-way with an R^2 of"
        f" {at_solved}, {at_init} before training; at the longest tried with {tells}; at those that gru was tried at"
        f" too rnn with {own} and gru with {gru}. A reset half-way takes {reset} of what the first half gave."
        f" {tells.seeds} seeds."
    )
    return conclude([rise, tells, at_solved, at_init, own, gru, reset], sentence)


def _longest(records: Sequence[Record]) -> list[Record]:
    """The cells of each task's longest sequences."""
    return [record for ladder in ladders(records) for record in ladder.records[-ladder.rungs[-1].seeds :]]


def _where(record: Record) -> tuple[str, object]:
    return record.task, record.task_settings["length"]


def _by_seed(evidence: Evidence, records: Sequence[Record], moment: int) -> list[float]:
    return by_seed(records, lambda record: _recall(evidence, record, moment))


def _recall(evidence: Evidence, record: Record, moment: int) -> float | None:
    """Mean over the cues of the first half; None where it was not measured."""
    found = evidence.curves(record).get("memory_cues")
    if found is None or not np.isfinite(found[moment]).any():
        return None
    return float(np.nanmean(found[moment]))


def _rise(evidence: Evidence, record: Record) -> float | None:
    init, end = (_recall(evidence, record, at) for at in (0, -1))
    return None if init is None or end is None else end - init


CLAIM = Claim(
    source="Elman (1990), Finding structure in time",
    needs={"vanishing": (JUDGED, "gru")},
    criterion="training raises the R^2 with which a line reads the cues so far out of the state of rnn half-way, at the"
    " longest length that it solves, and at the longest length tried, solved or not, this R^2 is 0.5 or more",
    judge=judge,
)

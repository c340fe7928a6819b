"""An RNN's hidden state carries the past.

Elman (1990), Finding structure in time. Two tests: what a linear readout of the state half-way finds of the inputs
that will be asked for, wherever they lay, against the same model before training (which may remember too: Jaeger, 2001,
short term memory in echo state networks), and what is left once the state is set to 0 there.
"""

import numpy as np

from bench.claims._claim import Claim, Evidence, Verdict
from bench.claims._parts import at_least, by_seed, conclude, longest_solved, lost, rises, shown
from bench.record import Record

ARMS = ("rnn", "rnn-uniform", "irnn", "gru", "gru-chrono")
"""Arms whose hidden state is all that is carried."""
TELLS = 0.5
"""R^2 from which on a line tells more of an input than it leaves open."""
SECOND_HALF = {"adding": 1 / 12, "temporal-order": 0.5}
"""Task -> score of the best predictor that sees the second half alone. Others: chance.

adding: one of two values U[0, 1) is known. temporal-order of two symbols: one of two is known.
"""


def judge(evidence: Evidence) -> Verdict:
    """What a line reads of the cues half-way, and its rise by training; what a reset takes is shown."""
    cells = longest_solved(evidence.records)
    tells = at_least(
        "R^2 of the cues so far, from the state half-way", by_seed(cells, lambda r: _recall(evidence, r, -1)), TELLS
    )
    rise = rises(shown("rise of that R^2 by training", by_seed(cells, lambda r: _rise(evidence, r))))
    at_init = shown("at init: R^2 of the cues so far", by_seed(cells, lambda r: _recall(evidence, r, 0)))
    # Not judged: no model does better from the second half alone than the best predictor that sees nothing else.
    reset = shown(
        "share of the first half forgotten by a reset",
        by_seed(cells, lambda r: lost(r, "reset-half", SECOND_HALF.get(r.task))),
    )
    sentence = (
        f"In {len(cells)} cells of {tells.seeds} seeds, the longest solved of each arm, a line reads the cues so far"
        f" out of the state half-way with an R^2 of {tells}, {at_init} before training; a reset there takes {reset} of"
        f" what the first half gave."
    )
    return conclude([tells, rise, at_init, reset], sentence)


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
    needs={"vanishing": ARMS},
    criterion="at the longest length that each arm with one state solves a linear readout of the state half-way tells"
    " the inputs at the cues so far with an R^2 of 0.5 or more, and better than before training; what a reset there"
    " takes of what the first half gave is told with it",
    judge=judge,
)

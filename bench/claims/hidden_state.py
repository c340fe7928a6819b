"""An RNN's hidden state carries the past.

Elman (1990), Finding structure in time. Two tests: what a linear readout finds of earlier inputs in the last state,
against the same model before training (which may remember as much: Jaeger, 2001, short term memory in echo state
networks), and what is left once the state is set to 0 half-way.
"""

import numpy as np

from bench.claims._claim import Claim, Evidence, Verdict
from bench.claims._parts import by_seed, conclude, lost, only_solved, rises, shown
from bench.record import Record

ARMS = ("rnn", "rnn-uniform", "irnn", "gru", "gru-chrono")
"""Arms whose hidden state is all that is carried."""
CUES = {"adding": ((0.0, 1.0),), "multiplication": ((0.0, 1.0),), "temporal-order": ((0.1, 0.2), (0.5, 0.6))}
"""Task -> where its cues can lie, as shares of the steps. Others: the first ten steps, as of copy."""
SECOND_HALF = {"adding": 1 / 12, "temporal-order": 0.5}
"""Task -> score of the best predictor that sees the second half alone. Others: chance.

adding: one of two values U[0, 1) is known. temporal-order of two symbols: one of two is known.
"""


def judge(evidence: Evidence) -> Verdict:
    """Whether memory rises, over solved cells; what a reset takes is shown."""
    cells = only_solved(evidence.records)
    rise = rises(shown("rise of R^2 at the cues' lags by training", by_seed(cells, lambda r: _rise(evidence, r))))
    # Not judged: no model does better from the second half alone than the best predictor that sees nothing else.
    reset = shown(
        "share of the first half forgotten by a reset",
        by_seed(cells, lambda r: lost(r, "reset-half", SECOND_HALF.get(r.task))),
    )
    sentence = (
        f"In {len(cells)} solved cells of {reset.seeds} seeds training changes the R^2 with which the last state tells"
        f" inputs at the cues' lags by {rise}; a reset half-way takes {reset} of what the first half gave."
    )
    return conclude([rise, reset], sentence)


def _rise(evidence: Evidence, record: Record) -> float | None:
    memory = evidence.curves(record).get("memory")
    if memory is None:
        return None
    lags = _lags(record.task, memory.shape[1])
    # A readout worse than the mean remembers nothing, however much worse it is.
    init, end = np.nanmean(np.clip(memory[:, lags], 0, 1), axis=1)
    return float(end - init) if np.isfinite(end - init) else None


def _lags(task: str, steps: int) -> np.ndarray:
    """The lags, counted from the last step, of the steps at which cues can lie."""
    at = np.arange(steps)
    windows = CUES.get(task)
    if windows is None:
        there = at < 10  # see CUES
    else:
        there = np.any([(at >= low * steps) & (at < high * steps) for low, high in windows], axis=0)
    return np.asarray(steps - 1 - at[there])


CLAIM = Claim(
    source="Elman (1990), Finding structure in time",
    needs={"vanishing": ARMS},
    criterion="in solved cells of arms with one state training raises the R^2 of a linear readout of the inputs at the"
    " cues' lags; what a reset half-way takes of what the first half gave is told with it",
    judge=judge,
)

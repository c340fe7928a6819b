"""The LSTM's cell state is a conveyor belt, along which gradients flow unchanged.

Hochreiter and Schmidhuber (1997), the constant error carousel; with a forget gate (Gers, Schmidhuber and Cummins, 2000)
it runs only where the gate stays open, which is learned: a fresh LSTM with forget bias 1 forgets a quarter a step. So
each arm is judged at the longest sequences that it solves, and its start is shown beside.
"""

import math

from bench.claims._claim import Claim, Evidence, Number, Verdict
from bench.claims._parts import at_least, by_seed, conclude, longest_solved, lost, shown
from bench.record import Record

ARMS = ("lstm", "lstm-b0", "lstm-chrono")
"""LSTMs with a forget gate."""
OPEN = 0.95
"""Mean of the forget gate at distractors, in the units that carry."""
ARRIVES = 0.1
"""|dL/dc| at the largest lag by that at lag 1: the last step's carried state is not used."""
BREAKS = 0.5
"""Share of what was gained over chance that a forget gate held at 1/2 takes away."""


def judge(evidence: Evidence) -> Verdict:
    """Three numbers over the longest solved cells, and two an arm of their starts."""
    cells = longest_solved(evidence.records)
    carrying = at_least(
        "forget gate at distractors, units that carry", by_seed(cells, lambda r: _carrying(r, "end")), OPEN
    )
    ratio = at_least(
        "log10 of |dL/dc| at the largest lag by lag 1",
        by_seed(cells, lambda r: _decades(evidence, r, -1)),
        math.log10(ARRIVES),
    )
    broken = at_least(
        "share lost with the forget gate held at 1/2", by_seed(cells, lambda r: lost(r, "forget-half")), BREAKS
    )
    starts = [_start(evidence, arm, [cell for cell in cells if cell.architecture == arm]) for arm in ARMS]
    told = "; ".join(f"{arm} {gate} and 10^({left})" for arm, (gate, left) in zip(ARMS, starts, strict=True))
    sentence = (
        f"In {len(cells)} cells of {carrying.seeds} seeds, the longest solved of each arm, the forget gate stands at"
        f" {carrying} where units carry, 10^({ratio}) of the gradient reaches the start, and holding the gate at 1/2"
        f" takes {broken} of what was gained. At init gate and gradient are: {told}."
    )
    return conclude([carrying, ratio, broken, *(number for pair in starts for number in pair)], sentence)


def _start(evidence: Evidence, arm: str, cells: list[Record]) -> tuple[Number, Number]:
    """Of one arm before training: the forget gate at distractors, and log10 of the ratio."""
    return (
        shown(f"{arm} at init: forget gate at distractors", by_seed(cells, lambda r: _carrying(r, "init"))),
        shown(
            f"{arm} at init: log10 of |dL/dc| at the largest lag by lag 1",
            by_seed(cells, lambda r: _decades(evidence, r, 0)),
        ),
    )


def _carrying(record: Record, moment: str) -> float | None:
    flow = (record.gradient or {}).get(moment)
    gate = flow.gates.get("forget") if flow else None
    return None if gate is None or gate.carrying is None or math.isnan(gate.carrying) else gate.carrying


def _decades(evidence: Evidence, record: Record, moment: int) -> float | None:
    """log10 of the ratio of the profile of c at the largest lag to that at lag 1."""
    profile = evidence.curves(record).get("profile_c")
    if profile is None or profile.shape[1] < 3:  # lags 0 and 1 and one to compare
        return None
    value = float(profile[moment, -1, 0] - profile[moment, 1, 0])
    return value if math.isfinite(value) else None


CLAIM = Claim(
    source="Hochreiter and Schmidhuber (1997); Gers, Schmidhuber and Cummins (2000)",
    needs={"vanishing": ARMS},
    criterion="at the longest length that each arm solves the forget gate is at 0.95 or more over distractors in the"
    " units that carry, a tenth or more of |dL/dc| is left at the largest lag, and holding the gate at 1/2 takes at"
    " least half of what was gained",
    judge=judge,
)

"""The LSTM's cell state is a conveyor belt, along which gradients flow unchanged.

Hochreiter and Schmidhuber (1997), the constant error carousel; with a forget gate (Gers, Schmidhuber and Cummins, 2000)
it runs only where the gate stays open, which is learned: a fresh LSTM with forget bias 1 forgets a quarter a step. So
cells that solve their task are judged, and the start is shown beside them.
"""

import math

from bench.claims._claim import Claim, Evidence, Verdict
from bench.claims._parts import at_least, by_seed, conclude, lost, only_solved, shown
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
    """Three numbers over the solved cells, and two of their starts."""
    cells = only_solved(evidence.records)
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
    at_init = shown("at init: forget gate at distractors", by_seed(cells, lambda r: _carrying(r, "init")))
    ratio_at_init = shown(
        "at init: log10 of |dL/dc| at the largest lag by lag 1", by_seed(cells, lambda r: _decades(evidence, r, 0))
    )
    sentence = (
        f"In {len(cells)} solved cells of {carrying.seeds} seeds the forget gate stands at {carrying} where units"
        f" carry, 10^({ratio}) of the gradient reaches the start, and holding the gate at 1/2 takes {broken} of what"
        f" was gained; at init these are {at_init} and 10^({ratio_at_init})."
    )
    return conclude([carrying, ratio, broken, at_init, ratio_at_init], sentence)


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
    criterion="in solved cells the forget gate is at 0.95 or more over distractors in the units that carry, a tenth or"
    " more of |dL/dc| is left at the largest lag, and holding the gate at 1/2 takes at least half of what was gained",
    judge=judge,
)

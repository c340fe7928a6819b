"""The LSTM's cell state is a conveyor belt, along which gradients flow unchanged.

Hochreiter and Schmidhuber (1997), the constant error carousel; with a forget gate (Gers, Schmidhuber and Cummins, 2000)
it runs only where the gate stays open, which is learned: a fresh LSTM with forget bias 1 forgets a quarter a step. So
the LSTM is judged at the longest sequences that it solves, and its start, and other starts, are told beside.
"""

import math
from typing import Literal

from bench.claims._claim import Claim, Evidence, Number, Verdict
from bench.claims._parts import at_least, by_seed, conclude, longest_solved, lost, shown, within
from bench.record import Record

JUDGED = "lstm"
OTHERS = ("lstm-b0", "lstm-chrono")
"""LSTMs that differ in how their forget gate starts."""
OPEN = 0.95
"""Mean of the forget gate at distractors, in the units that carry."""
UNCHANGED = 1.0
"""Decades between |dL/dc| at the largest lag and at lag 1: at lag 0 the carried state is not used any more."""
BREAKS = 0.5
"""Share of what was gained over chance that a forget gate held at 1/2 takes away."""


def judge(evidence: Evidence) -> Verdict:
    """Three numbers of lstm's longest solved cells; the same of its start, and of the arms with other starts."""
    cells = longest_solved(evidence.of(JUDGED))
    carrying = at_least("forget gate at distractors, units that carry", _gate(cells, "end"), OPEN)
    change = within("decades of |dL/dc| from lag 1 to the largest lag", _change(evidence, cells, -1), UNCHANGED)
    broken = at_least("share lost with the forget gate held at 1/2", by_seed(cells, _broken), BREAKS)
    told = [_told(evidence, JUDGED, cells, "init", 0)]
    for arm in OTHERS:
        own = longest_solved(evidence.of(arm))
        told += [_told(evidence, arm, own, "init", 0), _told(evidence, arm, own, "end", -1)]
    sentence = (
        f"In {len(cells)} cells of {carrying.seeds} seeds, the longest that lstm solves, the forget gate stands at"
        f" {carrying} where units carry, |dL/dc| changes by {change} decades up to the largest lag, and holding the"
        f" gate at 1/2 takes {broken} of what was gained. Gate and change elsewhere: "
        + "; ".join(f"{gate.what.partition(':')[0]} {gate}, {decades}" for gate, decades in told)
        + "."
    )
    return conclude([carrying, change, broken, *(number for pair in told for number in pair)], sentence)


def _told(
    evidence: Evidence, arm: str, cells: list[Record], moment: Literal["init", "end"], at: int
) -> tuple[Number, Number]:
    """Gate and change of an arm's longest solved cells, not judged."""
    return (
        shown(f"{arm} at {moment}: forget gate at distractors, units that carry", _gate(cells, moment)),
        shown(f"{arm} at {moment}: decades of |dL/dc|", _change(evidence, cells, at)),
    )


def _gate(cells: list[Record], moment: str) -> list[float]:
    return by_seed(cells, lambda record: _carrying(record, moment))


def _change(evidence: Evidence, cells: list[Record], moment: int) -> list[float]:
    return by_seed(cells, lambda record: _decades(evidence, record, moment))


def _broken(record: Record) -> float | None:
    return lost(record, "forget-half")


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
    needs={"vanishing": (JUDGED, *OTHERS)},
    criterion="at the longest length that lstm solves the forget gate is at 0.95 or more over distractors in the units"
    " that carry, |dL/dc| at the largest lag is within a tenth and ten times what it is at lag 1, and holding the gate"
    " at 1/2 takes at least half of what was gained",
    judge=judge,
)

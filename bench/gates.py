"""What must not happen to gradients from BASE to HEAD, and what is worth a look.

Gates, free of statistics: a NaN or infinite gradient, a variable that learns nothing any more, a norm more than 1,000
times as large. Everything else that drifts warns: levels of norms, half-lives. Pure.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from bench.quantities import Quantity, Verdict
from bench.record import Decay, Record

Curves = Callable[[Record], Mapping[str, np.ndarray]]
JUMP: Final = 1000.0
"""Ratio of gradient norms above which HEAD is worse, and above which a norm has jumped within a training."""
DRIFT: Final = 2.0
"""Ratio of half-lives and horizons, either way, that warns; of norms ten times as much."""
_TAIL: Final = 10
"""Of as many parts of the training the last tells whether a variable still learns."""
_NORMS: Final = ("first", "last", "largest")


def gradient_gates(base: Sequence[Record], head: Sequence[Record], before: Curves, after: Curves) -> Iterator[Quantity]:
    """A quantity for every gate that HEAD does not pass, or that BASE did not pass either; none where all is well."""
    counts = [sum(_not_finite(record) > 0 for record in side) for side in (base, head)]
    if any(counts):
        worse = counts[1] / len(head) > counts[0] / len(base)
        note = f"NaN or infinite gradients in {counts[0]} of {len(base)} and {counts[1]} of {len(head)} seeds"
        verdict: Verdict = "worse" if worse else "better" if not counts[1] else "unclear"
        yield Quantity("gradients not finite", verdict, counts[0] / len(base), counts[1] / len(head), note=note)
    for name in _NORMS:
        ratio, norms = _norms(base, head, name)
        if ratio > JUMP:
            note = f"{name} norm of the gradient more than {JUMP:,.0f} times as large"
            yield Quantity("gradient norm", "worse", norms[0], norms[1], scale="ratio", effect=ratio, note=note)
    dead = _dead(head, after)
    if dead and (fresh := sorted(dead - _dead(base, before))):
        names = _names(head, after)
        shown = ", ".join(names[i] for i in fresh[:3]) + (", ..." if len(fresh) > 3 else "")
        note = f"gradient 0 to the end, in HEAD alone: {shown}"
        yield Quantity("learning variables", "worse", note=note)


def gradient_warnings(base: Sequence[Record], head: Sequence[Record]) -> Iterator[str]:
    """A sentence for every norm, half-life and horizon that drifted, medians over seeds."""
    for name in _NORMS:
        ratio, (before, after) = _norms(base, head, name)
        if not 1 / (10 * DRIFT) <= ratio <= 10 * DRIFT and ratio <= JUMP:
            yield f"{name} norm of the gradient {before:.2g} -> {after:.2g}"
    for moment in ("init", "end"):
        for state in ("h", "c", "input"):
            for name, find in _REACHES.items():
                old, new = (find(side, moment, state) for side in (base, head))
                if old and new is not None and not 1 / DRIFT <= (ratio := new / old) <= DRIFT:
                    yield f"{name} of {state} at {moment} {old:.3g} -> {new:.3g} steps ({ratio:.2g} times)"


def _not_finite(record: Record) -> int:
    return record.gradient_norm.not_finite if record.gradient_norm else 0


def _norms(base: Sequence[Record], head: Sequence[Record], name: str) -> tuple[float, tuple[float, float]]:
    """HEAD's median norm by BASE's, and both; a ratio of 1 where a side has none, which is the other gates' matter."""
    before, after = (
        _median(getattr(record.gradient_norm, name) for record in side if record.gradient_norm) for side in (base, head)
    )
    known = math.isfinite(before) and math.isfinite(after) and before > 0
    return (after / before if known else 1.0), (before, after)


def _dead(side: Sequence[Record], curves: Curves) -> set[int]:
    """Variables, by place, whose gradient is exactly 0 over the last part of the training, in every seed."""
    found: set[int] | None = None
    for record in side:
        norms = curves(record).get("gradient_norm") if record.curves else None
        if norms is None or not len(norms):
            continue
        dead = set(np.flatnonzero((tail(norms) == 0).all(axis=0)).tolist())
        found = dead if found is None else found & dead
        if not found:
            break
    return found or set()


def tail(norms: np.ndarray) -> np.ndarray:
    """The last part of `norms` (steps, variables): what tells whether a variable still learns."""
    return norms[-max(1, len(norms) // _TAIL) :]


def _names(side: Sequence[Record], curves: Curves) -> list[str]:
    return next([str(name) for name in curves(record)["variables"]] for record in side if record.curves)


def _half_life(side: Sequence[Record], moment: str, state: str) -> float | None:
    """Median over the seeds that were probed."""
    lives = [life for record in side if not math.isnan(life := half_life(record, moment, state))]
    return _median(lives) if lives else None


def half_life(record: Record, moment: str, state: str) -> float:
    """In steps, at most ten times the window it was fitted in: beyond, it is as good as infinite. NaN if not probed."""
    decay = _decay(record, moment, state)
    return min(decay.half_life, 10.0 * max(decay.last, 1)) if decay else math.nan


def _horizon(side: Sequence[Record], moment: str, state: str) -> float | None:
    """Median over the seeds in steps, those where there was nothing to compare with left out."""
    horizons = [decay.horizon for record in side if (decay := _decay(record, moment, state)) and decay.horizon]
    return _median(horizons) if horizons else None


def _decay(record: Record, moment: str, state: str) -> Decay | None:
    flow = record.gradient.get(moment) if record.gradient else None
    return flow.decay.get(state) if flow else None


_REACHES: Final = {"half-life": _half_life, "horizon": _horizon}


def _median(values: Iterable[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return statistics.median(known) if known else math.nan

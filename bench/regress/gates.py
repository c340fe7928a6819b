"""What is compared of two workers' facts without a clock: exact numbers, the fingerprint, and the peak of memory. Pure.

A fingerprint is the first steps of a seeded, deterministic training: losses, norms of every variable's gradient, the
data in their order, and the score that follows. Where both sides have the same one to the last bit, under the same
conditions, accuracy and gradients are identical, and nothing more need be trained; else `bench.regress.trainings` does.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from bench.gates import JUMP
from bench.regress.detector import Outcome
from bench.regress.signflip import flips

MEMORY: Final = 0.10
"""Share by which the peak of memory may grow."""
FLOOR: Final = 8_000_000
"""Bytes of which nothing is said: what a process holds beside its tensors comes and goes by as much."""
_TAIL, _UPPER = 0.005, 0.05

Facts = Mapping[str, Any]
Name = Literal["parameters", "FLOPs", "retraces", "conditions", "accuracy", "gradients", "memory"]


@dataclass(frozen=True)
class Gate:
    """What one gate says of one cell. IDENTICAL: the same to the last bit."""

    name: Name
    outcome: Outcome | Literal["IDENTICAL"]
    base: str
    head: str
    note: str = ""


def gates(base: Facts, head: Facts) -> list[Gate]:
    """The exact gates and those of the fingerprint."""
    exact = [_exact(name, base[key], head[key]) for name, key in _EXACT.items()]
    conditions = _conditions(base["conditions"], head["conditions"])
    same = identical(base, head) and conditions.outcome == "OK"
    return [
        *exact,
        conditions,
        _accuracy(base, head, same=same),
        _gradients(base, head, same=same),
    ]


_EXACT: Final[dict[Name, str]] = {"parameters": "parameters", "FLOPs": "flops", "retraces": "traces"}
_TRACED: Final = ("losses", "norms", "variables", "data", "evaluation")


def identical(base: Facts, head: Facts) -> bool:
    """The same fingerprint to the last bit; NaN is NaN."""
    return all(repr(base[key]) == repr(head[key]) for key in _TRACED)


def _pair(text: Callable[[Any], str], base: Any, head: Any) -> tuple[str, str]:
    return text(base), text(head)


def _exact(name: Name, base: int | None, head: int | None) -> Gate:
    texts = _pair(lambda value: "not counted" if value is None else f"{value:,}", base, head)
    if base is None and head is None:
        return Gate(name, "OK", *texts, "a layer of the model has no count on either side")
    if base is None or head is None:
        return Gate(name, "INCONCLUSIVE", *texts, "a layer of the model has no count on one side")
    return Gate(name, "OK" if head == base else "REGRESSION" if head > base else "IMPROVED", *texts)


def _conditions(base: Facts, head: Facts) -> Gate:
    """What the cell is trained under: where that differs, nothing else is like for like.

    A condition that one side's worker, being older, does not tell of may be the same there: it is named, no more.
    """
    changed = [key for key in base if key in head and base[key] != head[key]]
    untold = [f"{key} is told by one side alone" for key in {**base, **head} if not (key in base and key in head)]
    if not changed:
        return Gate("conditions", "OK", "the same", "the same", "; ".join(untold))
    texts = _pair(lambda side: ", ".join(f"{key} {side[key]}" for key in changed), base, head)
    notes = ["base and head are trained under different conditions", *untold]
    return Gate("conditions", "REGRESSION", *texts, "; ".join(notes))


def _accuracy(base: Facts, head: Facts, *, same: bool) -> Gate:
    scores = _pair(lambda side: f"{side['evaluation'][1]:.6g}", base, head)
    if same:
        return _same("accuracy", scores, head)
    if np.isfinite(base["evaluation"]).all() and not np.isfinite(head["evaluation"]).all():
        return Gate("accuracy", "REGRESSION", *scores, "head's validation loss or score is not finite")
    return Gate("accuracy", "INCONCLUSIVE", *scores, _parting(base, head))


def _same(name: Name, texts: tuple[str, str], side: Facts) -> Gate:
    """Of what is the same to the last bit. That both sides have diverged in the same way is no good news."""
    if all(np.isfinite(side[key]).all() for key in ("losses", "norms", "evaluation")):
        return Gate(name, "IDENTICAL", *texts)
    return Gate(name, "INCONCLUSIVE", *texts, "the same on both sides, but a loss, gradient or score is not finite")


def _parting(base: Facts, head: Facts) -> str:
    """Where two fingerprints part first."""
    if base["data"] != head["data"]:
        return "the data or its order differs"
    if base["variables"] != head["variables"]:
        return "the models have other variables"
    for step, (one, other) in enumerate(zip(base["losses"], head["losses"], strict=False), 1):
        if repr(one) != repr(other):
            return (
                f"the loss differs from step {step} on, there by {abs(other - one) / max(abs(one), 1e-300):.1e} of it"
            )
    if len(base["losses"]) != len(head["losses"]):
        return "steps differ"
    return "gradients or the evaluation differ" if not identical(base, head) else "the conditions differ"


def _gradients(base: Facts, head: Facts, *, same: bool) -> Gate:
    totals = [np.sqrt(np.square(np.array(side["norms"], "float64")).sum(axis=1)) for side in (base, head)]
    texts = _pair(lambda total: f"{np.median(total):.3g}", *totals)
    if same:
        return _same("gradients", texts, head)
    before, after = (_faults(side) for side in (base, head))
    known = {*before} | ({_JUMP} if _NOT_FINITE in before else set())  # what is not finite has jumped
    new = [text for kind, text in after.items() if kind not in known]
    if new:
        return Gate("gradients", "REGRESSION", *texts, f"head alone: {', '.join(new)}")
    notes = [f"not the same over the first {len(totals[1])} steps"]
    notes += [f"no worse than base: {', '.join(after.values())}"] if after else []
    return Gate("gradients", "INCONCLUSIVE", *texts, "; ".join(notes))


_NOT_FINITE, _JUMP = "not finite", "jump"


def _faults(side: Facts) -> dict[str, str]:
    """What no training should show, by its kind, which is what two sides are compared by; a sentence says where."""
    norms = np.array(side["norms"], "float64")
    total = np.sqrt(np.square(norms).sum(axis=1))
    found = {}
    wrong = ~(np.isfinite(total) & np.isfinite(side["losses"]))
    if wrong.any():
        found[_NOT_FINITE] = f"a loss or gradient that is not finite, first at step {int(np.argmax(wrong)) + 1}"
    for name, column in zip(side["variables"], norms.T, strict=True):
        if (column == 0).all():
            found[f"dead {name}"] = f"no gradient ever reaches {name}"
    jumps = [at for at in range(1, len(total)) if math.inf > total[at] > JUMP * np.median(total[:at]) > 0]
    if jumps:
        found[_JUMP] = f"the gradient jumps at step {jumps[0] + 1}"
    return found


def memory(peaks: Sequence[tuple[int, int]], rng: np.random.Generator, margin: float = MEMORY) -> Gate:
    """Of the peak bytes of base and head, generation by generation, as the speed is tested but for the one margin."""
    if not peaks:
        return Gate("memory", "INCONCLUSIVE", "", "", "nothing was measured")
    medians = _pair(lambda side: f"{np.median(side) / 1e6:.1f} MB", *zip(*peaks, strict=True))
    differences = [math.log(max(head, FLOOR) / max(base, FLOOR)) for base, head in peaks]
    found = flips(differences, [1.0] * len(differences), rng)
    low, high = found.lower(_TAIL), found.upper(_UPPER)
    if low > math.log1p(margin):
        return Gate("memory", "REGRESSION", *medians, f"more by {math.expm1(low):.0%} at least")
    if high < math.log1p(margin):
        return Gate("memory", "OK", *medians)
    return Gate("memory", "INCONCLUSIVE", *medians, f"neither more nor less than {margin:.0%} more, with confidence")

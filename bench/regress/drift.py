"""Whether gradients changed from base to head over whole trainings: what must not happen, and what is worth a look.

Pure. What `bench.gates` asks of records decides; norms that drift warn.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from bench.gates import Curves, gradient_gates, gradient_warnings
from bench.regress.detector import Outcome
from bench.regress.gates import Gate
from bench.regress.signflip import max_t
from bench.regress.trainings import Pair

BINS: Final = 12
"""Of the steps, evenly on a log scale: gradients change fast at first and slowly later."""
ALPHA: Final = 0.01
"""Of the chance that any of a cell's norms is called other for nothing; eight seeds at least can tell."""
DRIFT: Final = 0.1
"""Share by which a norm has to change to be worth a word."""
_SHOWN: Final = 3


def gradients(pairs: Sequence[Pair], before: Curves, after: Curves, rng: np.random.Generator) -> Gate:
    """The gate of the gradients of paired trainings. A warning is a note, and the outcome is OK all the same."""
    base, head = zip(*pairs, strict=True)
    texts = _norms(base), _norms(head)
    found = list(gradient_gates(base, head, before, after))
    outcomes: dict[str, Outcome] = {"worse": "REGRESSION", "unclear": "INCONCLUSIVE"}
    for verdict, outcome in outcomes.items():
        if notes := [f"{one.name}: {one.note}" for one in found if one.verdict == verdict]:
            return Gate("gradients", outcome, *texts, "; ".join(notes))
    if any(record.gradient_norm is None or record.curves is None for record in (*base, *head)):
        return Gate("gradients", "INCONCLUSIVE", *texts, "trainings that left no gradient norms")
    norms = [[find(record)["gradient_norm"] for record in side] for find, side in ((before, base), (after, head))]
    warnings = [*gradient_warnings(base, head), *drifts(norms[0], norms[1], rng)]
    over = f"{len(pairs)} seeds"
    return Gate("gradients", "OK", *texts, "; ".join([over, *(f"warning: {warning}" for warning in warnings)]))


def drifts(base: Sequence[np.ndarray], head: Sequence[np.ndarray], rng: np.random.Generator) -> Iterator[str]:
    """A sentence for each change of the level of the global norm, and of its course over the steps (its shape).

    `base`, `head`: norms (steps, variables) of paired seeds. Mean logs in `BINS` bins are compared, their own mean
    and what each is beside it, by a sign-flip test that is adjusted for all of them.
    """
    steps = min(len(norms) for norms in (*base, *head))
    edges = np.unique(np.geomspace(1, steps + 1, BINS + 1).round().astype(int)) - 1
    logs = np.array([[_binned(norms, edges) for norms in side] for side in (base, head)])
    differences = logs[1] - logs[0]
    known = np.isfinite(differences).all(axis=0)  # a bin of zeros has no logarithm, and is the other gates' matter
    if not known.any():
        return
    level = differences[:, known].mean(axis=1, keepdims=True)
    shape = differences[:, known] - level
    p = max_t(np.hstack([level, shape]), rng)
    means = np.hstack([level, shape]).mean(axis=0)
    moved = (p <= ALPHA) & (np.abs(means) > math.log1p(DRIFT))
    if moved[0]:
        yield f"norms of the gradient {math.expm1(means[0]):+.0%} (p {p[0]:.2g})"
    bins = zip((edges[:-1] + 1)[known].tolist(), edges[1:][known].tolist(), strict=True)
    shapes = [
        f"{math.expm1(mean):+.0%} at step{f's {first}-{last}' if first < last else f' {first}'}"
        for (first, last), mean, is_moved in zip(bins, means[1:], moved[1:], strict=True)
        if is_moved
    ]
    if shapes:
        more = ", ..." if len(shapes) > _SHOWN else ""
        yield f"their course, level apart: {', '.join(shapes[:_SHOWN])}{more} (p {p[1:][moved[1:]].min():.2g})"


def _binned(norms: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Mean log of the global norm in each bin of steps; NaN where it is 0 once."""
    total = np.sqrt(np.square(norms[: edges[-1]].astype("float64")).sum(axis=1))
    logs = np.log(total, out=np.full_like(total, np.nan), where=total > 0)
    return np.asarray(np.add.reduceat(logs, edges[:-1]) / np.diff(edges))


def _norms(side: Sequence[object]) -> str:
    found = [norm for record in side if (norm := getattr(record, "gradient_norm", None))]
    if not found:
        return "none"
    first, last = (np.median([getattr(norm, name) for norm in found]) for name in ("first", "last"))
    return f"{first:.3g} → {last:.3g}"

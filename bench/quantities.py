"""One quantity of one arm on two sides of a comparison: how far HEAD lies from BASE, how sure that is, and a verdict.

Seeds that both sides have are paired, since they met the same weights and batches: Student's t of the differences.
Otherwise the sides stand for themselves: Welch's t. Either holds its level for what nothing has changed in: two sides
that may be swapped give differences as often up as down. Pure.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from scipy import special

from bench.record import Record
from bench.stats import (
    LEAST,
    LEVEL,
    Interval,
    difference_interval,
    fisher,
    holm,
    mean_interval,
    rank_test,
    runs_to_settle,
    share_difference_interval,
    welch_test,
)
from bench.stats.intervals import moments

Verdict = Literal["better", "worse", "equivalent", "unclear", "failed", "missing", "new"]
T = TypeVar("T")
ALPHA: Final = 1 - LEVEL
STEPS_MARGIN: Final = 0.1
"""Ratio less 1 within which steps to target, and seconds a step, count as equivalent."""

STEP: Final = "ms/step"
STEP_RATIO: Final = "step ratio"
"""Names of the quantities that are times."""


@dataclass(frozen=True)
class Quantity:
    """What HEAD shows against BASE. What is not known is None."""

    name: str
    verdict: Verdict = "unclear"
    base: float | None = None
    head: float | None = None
    higher_is_better: bool = False
    scale: Literal["difference", "ratio"] = "difference"
    effect: float | None = None
    """HEAD - BASE, or HEAD / BASE, of means."""
    interval: Interval | None = None
    """95 %, of this quantity alone."""
    p: float | None = None
    """Two-sided, that nothing changed; of this quantity alone."""
    adjusted_p: float | None = None
    """Holm's, over all quantities of the comparison that have a `p`."""
    margin: float | None = None
    """How far off counts as equivalent; of a ratio less 1. None: nothing but identical numbers does."""
    paired: bool = False
    seeds: int = 0
    """Seeds a side, the fewer."""
    settles: int | None = None
    """Seeds a side that would leave no doubt, were mean and spread to stay; None where nothing is open, or known."""
    note: str = ""
    advisory: bool = False
    """Shown, but decides nothing."""

    @property
    def gain(self) -> float:
        """Above 0 where HEAD is better: the difference, or the log of the ratio, in the quantity's direction."""
        return (1 if self.higher_is_better else -1) * self._plain(self.effect)

    @property
    def not_worse(self) -> bool:
        """HEAD is not worse by more than the margin: its whole interval lies above that (non-inferiority)."""
        if self.interval is None or self.margin is None:
            return False
        worst = self.interval.low if self.higher_is_better else self.interval.high
        return (1 if self.higher_is_better else -1) * self._plain(worst) > -self._width

    @property
    def is_equivalent(self) -> bool:
        """The whole interval lies within the margin, on both sides."""
        if self.interval is None or self.margin is None:
            return False
        return all(abs(self._plain(end)) < self._width for end in self.interval)

    @property
    def _width(self) -> float:
        margin = self.margin or 0.0
        return math.log1p(margin) if self.scale == "ratio" else margin

    def _plain(self, value: float | None) -> float:
        if value is None:
            return math.nan
        return (math.log(value) if value > 0 else -math.inf) if self.scale == "ratio" else value


def judge(quantities: Sequence[Quantity]) -> list[Quantity]:
    """The verdicts of those that were tested, all of them as one family; the others as they are.

    Better and worse are called where Holm's adjusted p is at most 5 %: where nothing has changed, that any of them is
    called has a chance of at most 5 %, and that any is called worse of half as much.
    """
    tested = [i for i, quantity in enumerate(quantities) if quantity.p is not None]
    found = list(quantities)
    for i, p in zip(tested, holm([found[i].p or 0.0 for i in tested]), strict=True):
        found[i] = _judged(replace(found[i], adjusted_p=p), p)
    return found


def _judged(quantity: Quantity, p: float) -> Quantity:
    if quantity.is_equivalent:
        return replace(quantity, verdict="equivalent")
    if p <= ALPHA and quantity.gain:
        return replace(quantity, verdict="better" if quantity.gain > 0 else "worse")
    return replace(quantity, verdict="unclear", settles=_settles(quantity))


def _settles(quantity: Quantity) -> int | None:
    """Until the interval leaves out 0, or for a difference within the margin the nearer end of that."""
    if quantity.interval is None or quantity.margin is None:
        return None
    value, low, high = (quantity._plain(end) for end in (quantity.effect, *quantity.interval))
    width = quantity._width
    bound = 0.0 if abs(value) > width else math.copysign(width, value)
    return runs_to_settle(value, Interval(low, high), bound, quantity.seeds)


def score(base: Sequence[Record], head: Sequence[Record], margin: float | None) -> Quantity:
    """Headline test scores. A seed of HEAD without one fails the quantity; one of BASE leaves it unclear."""
    sides = [{record.seed: record.value for record in side if scored(record)} for side in (base, head)]
    known = Quantity(
        "score",
        base=_mean([*sides[0].values()]),
        head=_mean([*sides[1].values()]),
        higher_is_better=head[0].higher_is_better,
        margin=margin,
    )
    if lost := failures(head):
        return replace(known, verdict="failed", note=f"HEAD: {lost}")
    if lost := failures(base):
        return replace(known, note=f"BASE: {lost}")
    return _tested(known, *sides)


def solved(base: Sequence[Record], head: Sequence[Record]) -> Quantity | None:
    """Share of the seeds that reached the target, failed ones among those that did not; None where none did."""
    k, n, other_k, other_n = sum(r.solved for r in head), len(head), sum(r.solved for r in base), len(base)
    if not k and not other_k:
        return None
    known = Quantity(
        "solved", base=other_k / other_n, head=k / n, higher_is_better=True, effect=k / n - other_k / other_n,
        seeds=min(n, other_n),
    )  # fmt: skip
    common, paired = _common({r.seed: r.solved for r in base}, {r.seed: r.solved for r in head})
    if paired and all(a == b for a, b in common):
        return _identical(replace(known, paired=True))
    return replace(
        known, interval=share_difference_interval(k, n, other_k, other_n), p=fisher((k, n, other_k, other_n))
    )


def steps_to_target(base: Sequence[Record], head: Sequence[Record]) -> Quantity | None:
    """Median steps as a ratio; where a seed missed the target, which counts as never, by ranks and without interval."""
    sides = [
        {r.seed: math.inf if r.steps_to_target is None else float(max(r.steps_to_target, 1)) for r in side}
        for side in (base, head)
    ]
    before, after = (statistics.median(side.values()) for side in sides)
    if all(math.isinf(step) for side in sides for step in side.values()):
        return None
    known = Quantity("steps", base=before, head=after, scale="ratio", margin=STEPS_MARGIN)
    common, paired = _common(*sides)
    if paired and all(a == b for a, b in common):
        return _identical(replace(known, paired=True, seeds=len(common)))
    if all(math.isfinite(step) for side in sides for step in side.values()):
        logs = ({seed: math.log(step) for seed, step in side.items()} for side in sides)
        return _exponentiated(_tested(replace(known, scale="difference"), *logs))
    fewest = min(map(len, sides))
    effect = after / before if math.isfinite(before) else 1.0 if math.isinf(after) else 0.0
    p = rank_test([*sides[0].values()], [*sides[1].values()]) if fewest >= LEAST else None
    return replace(known, effect=effect, p=p, seeds=fewest, note="" if p else _few(fewest))


def exact(name: str, base: Sequence[Record], head: Sequence[Record]) -> Quantity | None:
    """A count of the record that has no noise: any difference is one. None where a side does not have it."""
    before, after = (next((n for r in side if (n := getattr(r, name)) is not None), None) for side in (base, head))
    if before is None or after is None or not (before or after):
        return None
    verdict: Verdict = "equivalent" if before == after else "worse" if after > before else "better"
    note = "identical" if before == after else "exact"
    return Quantity(name.replace("_", " "), verdict, before, after, effect=after - before, note=note)


def step_seconds(
    base: Sequence[Record], head: Sequence[Record], *, asked: bool, relative: bool = False
) -> Quantity | None:
    """The median training step of the speed phase as a ratio, within the noise that the two runs saw.

    `relative`: each side's by its own reference product (Record.step_ratio), not in seconds. Between two runs a machine
    moves more than within one: advisory unless `asked` for. None where a side has none, or they are of different
    machines or versions and it was not asked for.
    """
    before, after = (next((r for r in side if r.step_seconds and r.speed), None) for side in (base, head))
    if not (before and after and before.step_seconds and after.step_seconds and before.speed and after.speed):
        return None
    alike = _hardware(before) == _hardware(after)
    if not (alike or asked):
        return None
    first, second = before.step_seconds, after.step_seconds
    name, shown = (
        (STEP_RATIO, (before.step_ratio, after.step_ratio)) if relative else (STEP, (1e3 * first.p50, 1e3 * second.p50))
    )
    known = Quantity(
        name, base=shown[0], head=shown[1], scale="ratio", margin=STEPS_MARGIN, advisory=not asked,
        note="noise within the runs only" + ("" if alike else "; different machines or versions"),
    )  # fmt: skip
    if not all(0 < value < math.inf for value in shown):
        return known
    # Each noise is of a ratio of two medians, so that of one median is smaller by the root of 2.
    noise = math.exp(math.hypot(*(math.log(side.noise or math.inf) / math.sqrt(2) for side in (first, second))))
    ratio = shown[1] / shown[0]
    known = replace(known, effect=ratio, interval=Interval(ratio / noise, ratio * noise))
    if known.is_equivalent:
        return replace(known, verdict="equivalent")
    told_apart = not known.not_worse and ratio / noise > 1 + STEPS_MARGIN
    return replace(known, verdict="worse" if told_apart else "better" if ratio * noise < 1 else "unclear")


def scored(record: Record) -> bool:
    """Whether a cell ended ok with a finite score."""
    return record.status == "ok" and math.isfinite(record.value)


def failures(records: Sequence[Record]) -> str:
    """Which seeds have no score and what became of them; empty where all have."""
    found: dict[str, list[str]] = {}
    for record in records:
        if not scored(record):
            found.setdefault("no finite score" if record.status == "ok" else record.status, []).append(str(record.seed))
    return "; ".join(f"seed {', '.join(seeds)} {status}" for status, seeds in sorted(found.items()))


def _tested(known: Quantity, base: Mapping[int, float], head: Mapping[int, float]) -> Quantity:
    """`known` with effect, interval and p of the values by seed."""
    common, paired = _common(base, head)
    before, after = [*base.values()], [*head.values()]
    seeds = len(common) if paired else min(len(before), len(after))
    known = replace(known, paired=paired, seeds=seeds)
    if paired and all(a == b for a, b in common):
        return _identical(known)
    differences = [b - a for a, b in common] if paired else []
    if paired and _constant(differences) and not (_constant(before) and _constant(after)):
        known, differences = replace(known, paired=False), []  # nothing to take the spread of pairs from
    effect = statistics.fmean(differences) if differences else statistics.fmean(after) - statistics.fmean(before)
    interval = mean_interval(differences) if differences else difference_interval(after, before)
    if interval is None:
        return replace(known, effect=effect, note=_few(seeds))
    if _constant(before) and _constant(after):
        return replace(known, effect=effect, interval=interval, p=_without_spread(len(before), len(after)))
    return replace(
        known, effect=effect, interval=interval, p=_t_test(differences) if differences else welch_test(after, before)
    )


def _t_test(differences: Sequence[float]) -> float:
    """Student's (1908) two-sided p that the mean is 0."""
    found = moments([(1.0, differences)])
    assert found is not None
    return float(2 * special.stdtr(found.freedom, -abs(found.value) / found.error))


def _constant(values: Sequence[float]) -> bool:
    """But for rounding, which would pass for a spread."""
    return max(values) - min(values) <= 1e-9 * max(map(abs, values))


def _without_spread(n: int, m: int) -> float:
    """Two-sided p of `n` values of one kind against `m` of another: the largest chance, whatever the share of either.

    No t can be had where nothing varies, and a spread that was not seen is not one of nothing (Barnard, 1945).
    """
    share = n / (n + m)
    return float(min(1.0, 2 * share**n * (1 - share) ** m))


def _identical(known: Quantity) -> Quantity:
    neutral = 1.0 if known.scale == "ratio" else 0.0
    return replace(
        known, verdict="equivalent", effect=neutral, interval=Interval(neutral, neutral), note="identical", p=None
    )


def _exponentiated(logs: Quantity) -> Quantity:
    ends = logs.interval and Interval(math.exp(logs.interval.low), math.exp(logs.interval.high))
    return replace(logs, scale="ratio", effect=math.exp(logs.effect or 0.0), interval=ends)


def _common(base: Mapping[int, T], head: Mapping[int, T]) -> tuple[list[tuple[T, T]], bool]:
    """The pairs of a seed, and whether they are all that both sides have."""
    pairs = [(base[seed], head[seed]) for seed in sorted(base.keys() & head.keys())]
    return pairs, bool(pairs) and len(pairs) == len(base) == len(head)


def _few(seeds: int) -> str:
    return f"{seeds} seed{'s' * (seeds != 1)} to compare, an interval needs {LEAST}"


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _hardware(record: Record) -> object:
    assert record.speed is not None
    found = record.speed.conditions
    return found.libraries, found.machine.get("processor"), found.machine.get("cores"), found.device, found.threads

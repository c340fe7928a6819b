"""What the claims judge with: values a seed, numbers against a bound, and a verdict from these."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from bench.claims._claim import SEEDS, Number, Outcome, Verdict
from bench.ladder import ladders, solved
from bench.record import Record
from bench.stats import Interval, difference_interval, mean_interval, runs_to_settle


def headline(record: Record) -> float:
    """The headline test score; chance where the cell did not end ok, so that no failure is dropped."""
    value = record.value if record.status == "ok" else math.nan
    return value if math.isfinite(value) else record.chance


def gained(record: Record, score: float) -> float:
    """`score` as the share of the way from chance (0) to the task's target (1); above 1 beyond the target."""
    return (score - record.chance) / (record.target - record.chance)


def lost(record: Record, change: str, floor: float | None = None) -> float | None:
    """The share of what a model had gained over `floor` (default: chance) that one changed thing takes away, in [0, 1].

    None where the intervention was not measured, or nothing had been gained.
    """
    found = record.interventions or {}
    floor = record.chance if floor is None else floor
    before, after = found.get("none", math.nan), found.get(change, math.nan)
    sign = 1 if record.higher_is_better else -1
    if change not in found or not sign * (before - floor) > 0:
        return None
    # A broken model may answer with NaN, or worse than chance: it has lost everything.
    return float(np.clip((before - after) / (before - floor), 0, 1)) if math.isfinite(after) else 1.0


def longest_solved(records: Iterable[Record]) -> list[Record]:
    """Of every task, arm and seed the solved cell of the greatest length: where memory is put to the test."""
    # A ladder's records ascend by length: the last one of a seed stands.
    return [
        record
        for ladder in ladders(records)
        for record in {record.seed: record for record in ladder.records if solved(record)}.values()
    ]


def by_seed(records: Iterable[Record], measure: Callable[[Record], float | None]) -> list[float]:
    """The mean of `measure` over the cells of each seed, seeds ascending; cells and seeds without one are left out."""
    found: dict[int, list[float]] = {}
    for record in records:
        value = measure(record)
        if value is not None:
            found.setdefault(record.seed, []).append(value)
    return [float(np.mean(found[seed])) for seed in sorted(found)]


def shown(what: str, values: Sequence[float]) -> Number:
    """The mean of values a seed with its interval, not judged."""
    return _number(what, values, mean_interval(values))


def at_least(what: str, values: Sequence[float], bound: float) -> Number:
    """The mean of values a seed, which has to be `bound` or more."""
    return judged(shown(what, values), bound)


def within(what: str, values: Sequence[float], bound: float) -> Number:
    """The mean of values a seed, which has to lie from -`bound` to `bound`."""
    number = shown(what, values)
    inside = None
    if number.low is not None and number.high is not None and number.seeds >= SEEDS:
        outside = number.low > bound or number.high < -bound
        inside = True if -bound <= number.low and number.high <= bound else False if outside else None
    return replace(number, criterion=f"from {-bound:.4g} to {bound:.4g}", passes=inside)


def rises(number: Number) -> Number:
    """`number`, which has to be above 0."""
    return judged(number, 0, strict=True)


def lead(what: str, a: Sequence[float], b: Sequence[float], bound: float | None = None) -> Number:
    """mean(a) - mean(b) with Welch's interval, which has to be `bound` or more; None: not judged."""
    value = float(np.mean(a) - np.mean(b)) if a and b else math.nan
    low, high = difference_interval(a, b) or (None, None)
    number = Number(what, value, low, high, min(len(a), len(b)))
    return number if bound is None else judged(number, bound)


def judged(number: Number, bound: float, *, strict: bool = False) -> Number:
    """`number` with whether it is `bound` or more, or with `strict` more.

    It is so, or is not, where its whole interval, of five seeds or more, agrees.
    """
    passes, settles = None, None
    if number.low is not None and number.high is not None and number.seeds >= SEEDS:
        holds, fails = number.low >= bound, number.high < bound
        if strict:
            holds, fails = number.low > bound, number.high <= bound
        passes = True if holds else False if fails else None
        if passes is None:
            settles = runs_to_settle(number.value, Interval(number.low, number.high), bound, number.seeds)
    return replace(number, criterion=f"{'>' if strict else '>='} {bound:.4g}", passes=passes, settles=settles)


def conclude(numbers: Sequence[Number], sentence: str) -> Verdict:
    """The verdict that the judged numbers leave no doubt about, and otherwise unclear, with what would settle it."""
    judged_ones = [number for number in numbers if number.criterion is not None]
    outcome = combine([number.passes for number in judged_ones])
    open_ones = [number for number in judged_ones if number.passes is None]
    if outcome == "unclear" and open_ones:
        sentence += f" Open: {'; '.join(map(_open, open_ones))}."
    return Verdict(outcome, sentence, tuple(numbers))


def combine(passes: Sequence[bool | None]) -> Outcome:
    """All hold: supported; none: refuted; some of each: partly, whatever is open beside them; else unclear."""
    if True in passes and False in passes:
        return "partly"
    if None in passes or not passes:
        return "unclear"
    return "supported" if passes[0] else "refuted"


def _open(number: Number) -> str:
    if not number.seeds:
        return f"{number.what} was not measured"
    if number.seeds < SEEDS:
        return f"{number.what} has {number.seeds} seeds of {SEEDS}"
    more = f"; about {number.settles} seeds would tell" if number.settles else ""
    return f"{number.what} is {number}, {number.criterion} is not settled{more}"


def _number(what: str, values: Sequence[float], interval: Interval | None) -> Number:
    value = float(np.mean(values)) if values else math.nan
    low, high = interval or (None, None)
    return Number(what, value, low, high, len(values))

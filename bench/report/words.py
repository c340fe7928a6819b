"""Sentences about results, computed from the rows. No sentence claims a difference: nothing is tested here."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from bench.report import formats
from bench.report.rows import Curves, Row, TaskTable
from bench.report.text import enumerate_words, markdown, shorten

T = TypeVar("T")
ENOUGH_SEEDS = 5
"""The least for a comparison: three seeds an architecture cannot reach p < 0.05 in a rank test."""
_FEW = 5
"""Names in a sentence before 'and n more'."""


def lead(table: TaskTable) -> str:
    """Who leads with which mean over how many seeds, who is next, who stays at chance, who has no score."""
    if not table.ranked:
        return f"{bold(table.label)}: no finished cell."
    parts = []
    at_chance = [row for row in table.rows if table.at_chance(row)]
    if len(at_chance) < len(table.ranked):
        best = table.best[0]
        verb = "leads" if len(table.best) == 1 else "lead"
        metric = markdown(table.any.metric)
        parts.append(f"{names(table.best)} {verb} with a mean {metric} of {formats.number(best.mean)} ({_of(best)})")
        if following := table.ranked[len(table.best) : len(table.best) + 1]:
            parts.append(f"next is {names(following)} with {formats.number(following[0].mean)} ({_of(following[0])})")
    if at_chance:
        parts.append(f"{names(at_chance)} {_stays(at_chance)} at chance ({formats.number(table.any.chance)})")
    if empty := [row for row in table.rows if row.planned and not row.scored]:
        parts.append(f"no seed of {names(empty)} has a score")
    return f"{bold(table.label)}: {'; '.join(parts)}."


def score(table: TaskTable, curves: Curves) -> str:
    """What to see in the score figure."""
    widest = max(table.ranked, key=lambda row: row.high - row.low, default=None)
    sentence = f"The best mean is that of {names(table.best)}." if table.best else ""
    low, high = (formats.number(widest.low), formats.number(widest.high)) if widest else ("", "")
    if widest and low != high:
        sentence += f" Seeds lie furthest apart for {names([widest])}: {low} to {high}."
    missing = sum(len(row.planned) - len(row.scored) for row in table.rows)
    return sentence + (f" Crosses at the edge: {count(missing, 'seed')} without a score." if missing else "")


def learning_curves(table: TaskTable, curves: Curves) -> str:
    """What to see in the learning curves."""
    planned = [record for row in table.rows for record in row.planned]
    reached = [(record.steps_to_target, row, record.seed) for row in table.rows for record in row.planned
               if record.steps_to_target is not None]  # fmt: skip
    if not reached:
        return f"No run of {len(planned)} reached the target."
    step, row, seed = min(reached, key=lambda each: each[0] or 0)
    never = [row for row in table.rows if row.planned and not row.solved]
    tail = f" No seed of {names(never)} did." if never else ""
    first = f"first {names([row])}, seed {seed}, at step {step}"
    return f"{len(reached)} of {count(len(planned), 'run')} reached the target, {first}.{tail}"


def gradient_norms(table: TaskTable, curves: Curves) -> str:
    """What to see in the gradient norms."""
    change = {row: row.gradient_last / row.gradient_first for row in table.rows if row.gradient_first > 0}
    known = sorted((row for row in change if math.isfinite(change[row])), key=lambda row: change[row])

    def say(row: Row) -> str:
        return f"it {_moved(change[row])} {formats.gradient(row)} in {names([row])}"

    found = extremes(known, say, "lowest ratio", "highest")
    sentence = f"Norm over all variables, first → last tenth of the steps: {found}." if found else ""
    broken = [row for row in table.rows if row.not_finite]
    steps = sum(row.not_finite or 0 for row in broken)
    return sentence + (f" Not finite at {count(steps, 'step')}, in {names(broken)}." if broken else "")


def extremes(ordered: Sequence[T], say: Callable[[T], str], first: str, last: str) -> str:
    """What is said of the first and the last of `ordered`, and, where others lie between, what each stands for."""
    if len(ordered) < 3:
        return " and ".join(say(each) for each in ordered)
    return f"{say(ordered[0])} (the {first} of {len(ordered)}) and {say(ordered[-1])} (the {last})"


def bold(label: str) -> str:
    """An untrusted label in a sentence."""
    return f"**{markdown(shorten(label, 80))}**"


def names(rows: Sequence[Row]) -> str:
    """'a, b and 3 more'."""
    return some([row.architecture for row in rows])


def some(labels: Sequence[str]) -> str:
    """As `names`, of untrusted labels."""
    first = [bold(label) for label in labels[:_FEW]]
    return enumerate_words([*first, f"{len(labels) - _FEW} more"] if len(labels) > _FEW else first)


def _of(row: Row) -> str:
    lost = len(row.planned) - len(row.scored)
    if lost:
        return f"{len(row.scored)} of {count(len(row.planned), 'seed')}: {row.failures}"
    return count(len(row.scored), "seed")


def _moved(ratio: float) -> str:
    return "fell" if ratio < 1 else "rose" if ratio > 1 else "stayed"


def _stays(rows: Sequence[Row]) -> str:
    return "stays" if len(rows) == 1 else "stay"


def count(number: int, noun: str) -> str:
    """'1 seed', '2 seeds'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""Sentences about results, computed from the rows. No sentence claims a difference: nothing is tested here."""

import math
from collections.abc import Sequence

from bench.report import formats
from bench.report.rows import Row, TaskTable
from bench.report.text import enumerate_words, markdown, shorten

ENOUGH_SEEDS = 5
"""The least for a comparison: three seeds an architecture cannot reach p < 0.05 in a rank test."""
_FEW = 5
"""Names in a sentence before 'and n more'."""


def caution(tables: Sequence[TaskTable]) -> str:
    """What the number of seeds allows to be said."""
    few = [
        f"{markdown(table.label)} ({_count(least, 'seed')})"
        for table in tables
        if (least := min((len(row.scored) for row in table.rows if row.planned), default=0)) < ENOUGH_SEEDS
    ]
    text = "Differences are not tested in this report: read a lead as what happened in these runs, no more."
    return f"{text} Below the {ENOUGH_SEEDS} seeds that a comparison needs: {', '.join(few)}." if few else text


def lead(table: TaskTable) -> str:
    """Who leads with which mean over how many seeds, who is next, who stays at chance, who has no score."""
    if not table.ranked:
        return f"{_name(table.label)}: no finished cell."
    best = table.best[0]
    verb = "leads" if len(table.best) == 1 else "lead"
    metric = markdown(table.any.metric)
    parts = [f"{_names(table.best)} {verb} with a mean {metric} of {formats.number(best.mean)} ({_of(best)})"]
    if following := table.ranked[len(table.best) : len(table.best) + 1]:
        parts.append(f"next is {_names(following)} with {formats.number(following[0].mean)} ({_of(following[0])})")
    if at_chance := [row for row in table.rows if table.at_chance(row)]:
        parts.append(f"{_names(at_chance)} {_stays(at_chance)} at chance ({formats.number(table.any.chance)})")
    if empty := [row for row in table.rows if row.planned and not row.scored]:
        parts.append(f"no seed of {_names(empty)} has a score")
    return f"{_name(table.label)}: {'; '.join(parts)}."


def score(table: TaskTable) -> str:
    """What to see in the score figure."""
    widest = max(table.ranked, key=lambda row: row.high - row.low, default=None)
    sentence = f"The best mean is that of {_names(table.best)}." if table.best else ""
    if widest and widest.high > widest.low:
        low, high = formats.number(widest.low), formats.number(widest.high)
        sentence += f" Seeds lie furthest apart for {_names([widest])}: {low} to {high}."
    missing = sum(len(row.planned) - len(row.scored) for row in table.rows)
    return sentence + (f" Crosses at the edge: {_count(missing, 'seed')} without a score." if missing else "")


def learning_curves(table: TaskTable) -> str:
    """What to see in the learning curves."""
    planned = [record for row in table.rows for record in row.planned]
    reached = [(record.steps_to_target, row, record.seed) for row in table.rows for record in row.planned
               if record.steps_to_target is not None]  # fmt: skip
    if not reached:
        return f"No run of {len(planned)} reached the target."
    step, row, seed = min(reached, key=lambda each: each[0] or 0)
    never = [row for row in table.rows if row.planned and not row.solved]
    tail = f" No seed of {_names(never)} did." if never else ""
    first = f"first {_names([row])}, seed {seed}, at step {step}"
    return f"{len(reached)} of {_count(len(planned), 'run')} reached the target, {first}.{tail}"


def gradient_norms(table: TaskTable) -> str:
    """What to see in the gradient norms."""
    change = {row: row.gradient_last / row.gradient_first for row in table.rows if row.gradient_first > 0}
    known = sorted((row for row in change if math.isfinite(change[row])), key=lambda row: change[row])
    shifts = [
        f"it {_moved(change[row])} {formats.gradient(row)} in {_names([row])}" for row in known[:1] + known[1:][-1:]
    ]
    sentence = ""
    if shifts:
        extremes = f"from one extreme, {shifts[0]}, to the other, {shifts[1]}" if len(shifts) > 1 else shifts[0]
        sentence = f"Norm over all variables, first → last tenth of the steps: {extremes}."
    broken = [row for row in table.rows if row.not_finite]
    steps = sum(row.not_finite or 0 for row in broken)
    return sentence + (f" Not finite at {_count(steps, 'step')}, in {_names(broken)}." if broken else "")


SENTENCES = {"score": score, "learning-curves": learning_curves, "gradient-norms": gradient_norms}
"""The sentence beside each figure, by the figure's name."""


def _name(label: str) -> str:
    return f"**{markdown(shorten(label, 80))}**"


def _names(rows: Sequence[Row]) -> str:
    names = [_name(row.architecture) for row in rows[:_FEW]]
    return enumerate_words([*names, f"{len(rows) - _FEW} more"] if len(rows) > _FEW else names)


def _of(row: Row) -> str:
    lost = len(row.planned) - len(row.scored)
    if lost:
        return f"{len(row.scored)} of {_count(len(row.planned), 'seed')}: {row.failures}"
    return _count(len(row.scored), "seed")


def _moved(ratio: float) -> str:
    return "fell" if ratio < 1 else "rose" if ratio > 1 else "stayed"


def _stays(rows: Sequence[Row]) -> str:
    return "stays" if len(rows) == 1 else "stay"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

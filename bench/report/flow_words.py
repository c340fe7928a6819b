"""Sentences about the gradient's way through time, computed from the probes."""

import math
import statistics
from collections.abc import Sequence

from bench.report import formats
from bench.report.flow import END, Arm, Column, arms, columns, decay_state, half_lives, unfitted
from bench.report.rows import Curves, Row, TaskTable
from bench.report.words import count, extremes, names

_WHEN = {"init": "At init", END: "At the end"}


def gradient_flow(table: TaskTable, curves: Curves) -> str:
    """By how much the gradient falls over all lags, at init and at the end, and how to read the figure."""
    drawn = arms(table, curves)
    parts = [part for moment in _WHEN if (part := _falls(drawn, moment))]
    lost = sum(flow.not_finite for arm in drawn for seed in arm.seeds for flow in (seed.record.gradient or {}).values())
    parts += [f"Left out: {count(lost, 'gradient')} of a sequence that {_is(lost)} not finite."] if lost else []
    lines = "Lines: geometric mean over the sequences of all seeds; during: the probe nearest half-way of each seed."
    bands = "Bands: the least 10 % quantile over sequences to the greatest 90 % quantile of any seed."
    return " ".join([*parts, lines, bands])


def _falls(drawn: Sequence[Arm], moment: str) -> str:
    lines = {arm: line for arm in drawn if (line := arm.line(moment)) and not math.isnan(line.falls)}
    if not lines or max(len(line.mean) for line in lines.values()) < 2:
        return ""

    def say(arm: Arm) -> str:
        line = lines[arm]
        least = "at least " if line.at_floor[-1] else ""
        moved = "falls" if line.falls >= 0 else "grows"
        return f"{moved} by {least}{abs(line.falls):.1f} powers of ten in {names([arm.row])}"

    found = extremes(sorted(lines, key=lambda arm: lines[arm].falls), say, "least", "most")
    return f"{_WHEN[moment]} the gradient, from lag 0 to lag {max(len(i.mean) for i in lines.values()) - 1}, {found}."


def lag_map(table: TaskTable, curves: Curves) -> str:
    """Whose horizon training moved least and most."""
    blank = (
        "Grey: no seed of that architecture trained so long. The last column is the end, wherever each seed stopped."
    )
    found = {arm.row: each for arm in arms(table, curves) if (each := _horizons(arm.row))}
    if not found:
        return blank

    def say(row: Row) -> str:
        return f"{found[row][0]} → {found[row][1]} in {names([row])}"

    moves = extremes(sorted(found, key=lambda row: found[row][2]), say, "smallest ratio", "largest")
    meaning = "The horizon, the lag where less than a thousandth of lag 0's gradient arrives, from init to end"
    return f"{meaning}: {moves}. {blank}"


def _horizons(row: Row) -> tuple[str, str, float] | None:
    """Median horizon at init and at the end as text, and their ratio; None where one is unknown."""
    first, last = (horizon(row, decay_state(row) or "", moment) for moment in ("init", END))
    if first is None or last is None:
        return None
    return horizon_text(first), horizon_text(last), (last[0] + 1) / (first[0] + 1)


def horizon(row: Row, state: str, moment: str) -> tuple[float, bool] | None:
    """Median over seeds, and whether it is censored: the lags end before the gradient does; None where unknown."""
    decays = [
        record.gradient[moment].decay[state]
        for record in row.planned
        if record.gradient and moment in record.gradient and state in record.gradient[moment].decay
    ]
    if not decays:
        return None
    middle = statistics.median(decay.horizon for decay in decays)
    return middle, any(decay.censored and decay.horizon <= middle for decay in decays)


def horizon_text(found: tuple[float, bool] | None) -> str:
    """'24', or '> 99' where it is censored."""
    return formats.NOTHING if found is None else f"{'> ' if found[1] else ''}{found[0]:g}"


def half_life(table: TaskTable, curves: Curves) -> str:
    """The shortest and the longest half-life at init and at the end, and what was left out."""
    states = {row: state for row in table.rows if (state := decay_state(row))}
    at = {"init": _column(table, "init"), END: _column(table, END)}
    parts = [f"{_WHEN[moment]}: {part}." for moment, column in at.items() if (part := _lives(states, column))]
    lost, probes = (sum(each) for each in zip(*(unfitted(row.planned, states[row]) for row in states), strict=True))
    parts += [f"{lost} of {count(probes, 'probe')} allowed no fit and {_is(lost)} left out."] if lost else []
    return " ".join([*parts, "Bars: least to greatest of the seeds still in training."])


def _column(table: TaskTable, moment: str) -> Column | None:
    found = columns(record for row in table.rows for record in row.planned)
    return next((each for each in found if (each == END) == (moment == END)), None)


def _lives(states: dict[Row, str], column: Column | None) -> str:
    lives = {
        row: found.middle
        for row, state in states.items()
        if column is not None and (found := half_lives(row.planned, state, column))
    }

    def say(row: Row) -> str:
        return f"{formats.number(lives[row])} steps in {names([row])}"

    finite = sorted((row for row in lives if math.isfinite(lives[row])), key=lambda row: lives[row])
    endless = [row for row in lives if math.isinf(lives[row])]
    parts = [extremes(finite, say, "shortest", "longest")] if finite else []
    return "; ".join([*parts, *([f"infinite, since it does not fall, in {names(endless)}"] if endless else [])])


def _is(number: int) -> str:
    return "is" if number == 1 else "are"

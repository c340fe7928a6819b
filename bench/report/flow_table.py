"""Small tables of a task: how far the gradient reaches, and what the trained model's score depends on."""

import math
import statistics
from collections.abc import Iterable
from typing import Final

from bench.report import formats
from bench.report.flow import END, Arm, Line, arms, columns, decay_state, half_lives
from bench.report.flow_words import horizon, horizon_text
from bench.report.rows import Curves, Row, TaskTable

FLOW_COLUMNS: Final = {
    "gradient of": "What the gradient is taken with respect to: h, the state of the first recurrent layer, or the "
    "input of an architecture without state. All of these columns are init → end, medians over the seeds.",
    "half-life": "Steps back in time over which the gradient halves, by a fit over lag; 'none': it does not fall.",
    "half-life of c": "Likewise of the gradient with respect to the cell state that is carried on.",
    "horizon": "The least lag at which less than a thousandth of lag 0's gradient arrives; '> 99': at none up to 99.",
    "reaches the first step": "The gradient at the largest lag over that at lag 0, geometric mean; '<': at the floor.",
}
INTERVENTIONS: Final = (
    "Validation score of the trained model with one thing changed, median over seeds. reset-half: all states set to 0 "
    "half-way; forget-half, forget-open: that gate held at 0.5, at 1; GATE-mean: each unit's gate held at its own mean."
)

Table = tuple[list[str], list[list[str]]]
"""Header and rows; the first cell of a row is an untrusted name."""


def flow_table(table: TaskTable, curves: Curves) -> Table | None:
    """A row an architecture whose gradient was probed over lag; None where none was."""
    found = {arm.row: arm for arm in arms(table, curves)}
    rows = [_flow_row(row, state, found.get(row)) for row in table.rows if (state := decay_state(row))]
    return (["architecture", *FLOW_COLUMNS], rows) if rows else None


def _flow_row(row: Row, state: str, arm: Arm | None) -> list[str]:
    reached = [_reached(arm.line(moment) if arm else None) for moment in ("init", END)]
    horizons = [horizon_text(horizon(row, state, moment)) for moment in ("init", END)]
    return [row.architecture, state, _lives(row, state), _lives(row, "c"), _arrow(horizons), _arrow(reached)]


def _lives(row: Row, state: str) -> str:
    across = columns(row.planned)
    found = [half_lives(row.planned, state, column) for column in (across[0], END)]
    return _arrow(formats.NOTHING if each is None else _life(each.middle) for each in found)


def _life(value: float) -> str:
    return "none" if math.isinf(value) else formats.number(value)


def _reached(line: Line | None) -> str:
    if line is None or math.isnan(line.falls):
        return formats.NOTHING
    return f"{'< ' if line.at_floor[-1] else ''}{formats.number(10.0**-line.falls, 2)}"


def _arrow(both: Iterable[str]) -> str:
    first, end = both
    return formats.NOTHING if first == end == formats.NOTHING else f"{first} → {end}"


def intervention_table(table: TaskTable) -> Table | None:
    """A row an architecture with interventions; None where there is none."""
    names = list(dict.fromkeys(name for row in table.rows for r in row.planned for name in r.interventions or {}))
    rows = [
        [row.architecture, *(_median(row, name) for name in names)]
        for row in table.rows
        if any(record.interventions for record in row.planned)
    ]
    return (["architecture", *("unchanged" if name == "none" else name for name in names)], rows) if rows else None


def _median(row: Row, name: str) -> str:
    values = [r.interventions[name] for r in row.planned if r.interventions and name in r.interventions]
    known = [value for value in values if not math.isnan(value)]
    lost = f" ({len(known)} of {len(values)})" if len(known) < len(values) else ""
    return formats.number(statistics.median(known)) + lost if known else formats.NOTHING

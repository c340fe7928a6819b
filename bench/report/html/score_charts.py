"""Charts of what was learned: scores, learning curves, and scores against what they cost."""

import math
from collections.abc import Sequence

import numpy as np

from bench.record import Record
from bench.report import formats, words
from bench.report.flow import thin
from bench.report.html.figure import Data, Figure, Key, finite, series
from bench.report.html.svg import Axis, Panel
from bench.report.rows import Curves, History, Row, TaskTable, histories
from bench.report.text import plain, shorten

_COLUMNS = 10
"""Validations that a data table shows of each run."""
_POINTS = 60
"""Points of a drawn line."""
_LABELLED = 12
"""Points up to which those off the front have their names beside them, where there is room."""
_REFERENCES = (Key("chance", "line", "chance"), Key("target", "line", "target"))


def scores(table: TaskTable, ident: str) -> Figure | None:
    """Every seed's test score, the mean and its interval, an architecture a line."""
    if not table.ranked:
        return None
    record = table.any
    ends = [end for row in table.ranked if (found := row.interval) for end in found]
    log = formats.logarithmic(record) and min(value for row in table.ranked for value in row.values) > 0
    shown = [value for row in table.ranked for value in row.values]
    given = [*shown, *(end for end in ends if not log or end > 0), *finite([record.chance, record.target])]
    across = Axis.around(given, log=log, label=f"test {plain(record.metric)} ({formats.direction(record)})")
    rows = table.rows
    names = tuple((-float(place), shorten(plain(row.architecture), 24)) for place, row in enumerate(rows))
    panel = Panel(across, Axis(-len(rows) + 0.4, 0.6, named=names), width=720, height=26 * len(rows) + 44, left=150)
    panel.level(record.chance, "chance", upright=True)
    panel.level(record.target, "target", upright=True)
    for place, row in enumerate(rows):
        _score_row(panel, -float(place), row)
    lost = any(len(row.planned) > len(row.scored) for row in rows)
    keys = [
        Key("seed", "dot", "seed"),
        Key("mean", "line", "mean"),
        Key("interval", "band", "95 % interval of the mean"),
    ]
    keys += [*_REFERENCES, *([Key("lost", "cross", "seed without a score")] if lost else [])]
    seeds = sorted({record.seed for row in rows for record in row.records})
    described = "; ".join(f"{row.architecture} {formats.mean(row)}" for row in table.ranked)
    return Figure(
        ident,
        "Test scores",
        [("", panel.svg(f"{ident}-p", f"Test scores of {table.label}", described))],
        Data(
            ["architecture", "mean", "95 % interval", *(f"seed {seed}" for seed in seeds)],
            [
                [row.architecture, formats.mean(row), formats.interval(row.interval), *_by_seed(row, seeds)]
                for row in rows
            ],
        ),
        f"Test score of the {record.headline} weights, a dot a seed; bar: Student's 95 % interval of the "
        "mean, from three "
        "seeds on and where every seed has a score.",
        words.score(table, lambda _: {}),
        keys,
        wide=True,
    )


def _by_seed(row: Row, seeds: Sequence[int]) -> list[str]:
    own = {
        record.seed: formats.number(record.value) if row.has_score(record) else record.status for record in row.records
    }
    return [own.get(seed, formats.NOTHING) for seed in seeds]


def _score_row(panel: Panel, place: float, row: Row) -> None:
    if found := row.interval:
        low = panel.x.low if panel.x.log and found.low <= 0 else found.low
        panel.segment((low, found.high), (place, place), "interval")
    offsets = np.linspace(0.16, -0.16, len(row.values)) if len(row.values) > 1 else np.zeros(len(row.values))
    for record, shift in zip(row.scored, offsets, strict=True):
        said = f"{shorten(row.architecture, 60)}, seed {record.seed}: {formats.number(record.value)}"
        panel.points([record.value], [place + float(shift)], "seed", title=said)
    if row.scored:
        panel.segment((row.mean, row.mean), (place - 0.32, place + 0.32), "mean")
    missing = len(row.planned) - len(row.scored)
    worst = panel.x.low if row.records[0].higher_is_better else panel.x.high
    heights = np.linspace(0.2, -0.2, missing) if missing > 1 else np.zeros(missing)
    panel.crosses([worst] * missing, [place + float(height) for height in heights], "lost")
    if not row.planned:
        panel.text(panel.x.low, place, "skipped", "note", shift=(6, 4))


def learning(table: TaskTable, curves: Curves, ident: str) -> Figure | None:
    """Validation score against step, a panel an architecture and a line a seed."""
    drawn = [(row, found) for row in table.rows if (found := histories(row, curves))]
    if not drawn:
        return None
    record = table.any
    every = [np.asarray(scores, "float64") for _, found in drawn for *_, scores in found]
    ends = finite([record.chance, record.target])
    up = Axis.around([*np.concatenate(every).tolist(), *ends], log=formats.logarithmic(record))
    last = max(float(steps[-1]) for _, found in drawn for _, steps, _ in found)
    across = Axis(0, max(last, 1) * 1.02, label="training step")
    panels = []
    for place, (row, found) in enumerate(drawn):
        panel = Panel(across, up)
        _learning_panel(panel, row, found)
        said = f"{len(found)} seeds; mean test score {formats.mean(row)}; {row.solved} of {len(row.planned)} solved"
        heading = shorten(row.architecture, 80)
        panels.append((heading, panel.svg(f"{ident}-p{place}", f"{heading}: learning curves", said)))
    lost = any(not row.has_score(each) for row, found in drawn for each, *_ in found)
    keys = [Key("seed", "line", "a seed"), *_REFERENCES]
    keys += [Key("median", "line", "median")] if any(_shared(found) for _, found in drawn) else []
    keys += [Key("lost", "cross", "ended without a score")] if lost else []
    return Figure(
        ident,
        "Learning curves",
        panels,
        _learning_data(drawn),
        f"Validation {plain(record.metric)} ({formats.direction(record)}) at each validation, every seed a line; "
        f"at most {_POINTS} points a line are drawn.",
        words.learning_curves(table, curves),
        keys,
    )


def _learning_panel(panel: Panel, row: Row, found: Sequence[History]) -> None:
    panel.level(row.records[0].chance, "chance")
    panel.level(row.records[0].target, "target")
    for record, steps, values in found:
        at = thin(len(steps), _POINTS)
        panel.line(steps[at], np.asarray(values, "float64")[at], "seed", title=f"seed {record.seed}, {record.status}")
        if not row.has_score(record):
            end = np.flatnonzero(np.isfinite(values))[-1]
            panel.crosses([float(steps[end])], [float(values[end])], "lost")
    if _shared(found):
        steps = found[0][1]
        at = thin(len(steps), _POINTS)
        panel.line(steps[at], np.median([values for *_, values in found], axis=0)[at], "median", title="median")


def _shared(found: Sequence[History]) -> bool:
    """Whether there are enough seeds for a median, and all were validated at the same steps."""
    return len(found) > 2 and all(np.array_equal(found[0][1], steps) for _, steps, _ in found)


def _learning_data(drawn: Sequence[tuple[Row, Sequence[History]]]) -> Data:
    every = np.unique(np.concatenate([steps for _, found in drawn for _, steps, _ in found]))
    shown = every[thin(len(every), _COLUMNS)]
    rows = [
        [row.architecture, str(record.seed), record.status, *_at(steps, values, shown)]
        for row, found in drawn
        for record, steps, values in found
    ]
    note = (
        f"{len(shown)} of {len(every)} validations; all of them stand in the .npz files beside the records."
        if len(shown) < len(every)
        else ""
    )
    return Data(["architecture", "seed", "status", *(f"step {step}" for step in shown)], rows, note)


def _at(steps: np.ndarray, values: np.ndarray, shown: np.ndarray) -> list[str]:
    """The last validation no later than each of the shown steps; nothing after the run's end."""
    places = np.searchsorted(steps, shown, side="right") - 1
    return [
        formats.NOTHING if place < 0 or step > steps[-1] else formats.number(float(values[place]))
        for place, step in zip(places, shown, strict=True)
    ]


def _milliseconds(row: Row) -> float:
    return row.step_milliseconds


def _size(row: Row) -> float:
    return math.nan if row.parameters is None else float(row.parameters)


_COSTS = (("ms a training step", _milliseconds), ("parameters outside the embedding", _size))


def front(points: Sequence[tuple[float, float]], *, higher_is_better: bool) -> list[int]:
    """Pareto's front of (cost, score): the places of those that no other beats in one and equals in the other.

    In order of cost; points with a value that is not finite are on no front.
    """
    sign = 1 if higher_is_better else -1
    known = [i for i, point in enumerate(points) if all(map(math.isfinite, point))]
    kept: list[int] = []
    for i in sorted(known, key=lambda i: (points[i][0], -sign * points[i][1])):
        best = kept[-1] if kept else None
        if best is None or sign * points[i][1] > sign * points[best][1] or points[i] == points[best]:
            kept.append(i)
    return kept


def costs(table: TaskTable, ident: str) -> Figure | None:
    """Mean score against milliseconds a step, and against parameters, with the front of those nothing beats."""
    rows = table.ranked
    record = table.any
    panels, on_front = [], []
    for place, (label, cost) in enumerate(_COSTS):
        points = [(cost(row), row.mean) for row in rows]
        edge = front(points, higher_is_better=record.higher_is_better)
        on_front.append({rows[i] for i in edge})
        if edge:
            panel = _plane(rows, points, edge, label, record)
            names = ", ".join(rows[i].architecture for i in edge)
            said = f"On the front, cheapest first: {names}"
            drawing = panel.svg(f"{ident}-p{place}", f"{table.label}: score against {label}", said)
            panels.append((f"Score against {label}", drawing))
    if not panels:
        return None
    shared = any(not row.timed for row in rows)
    return Figure(
        ident,
        "Score against cost",
        panels,
        Data(
            ["architecture", "mean score", "ms/step", "on the front of speed", "parameters", "on the front of size"],
            [
                [row.architecture, formats.mean(row), formats.step(row), _yes(row in on_front[0]),
                 formats.count(row.parameters), _yes(row in on_front[1])]
                for row in rows
            ],
        ),
        "Points: mean test score over seeds. Line: Pareto's front, those that no other architecture equals "
        "or beats in both. "
        "Means are compared as they are, without a test."
        + (" * Timed while other workers ran: read no small difference." if shared else ""),
        _front_words(rows, on_front),
        [*(Key(series(i), "dot", row.architecture) for i, row in enumerate(rows)), Key("front", "line", "front")],
    )  # fmt: skip


def _yes(whether: bool) -> str:
    return "yes" if whether else "no"


def _front_words(rows: Sequence[Row], on_front: Sequence[set[Row]]) -> str:
    both = [row for row in rows if all(row in each for each in on_front)]
    if both:
        return f"On both fronts, of speed and of size: {words.names(both)}."
    fronts = [f"{words.names([row for row in rows if row in each])} on that of {what}"
              for each, what in zip(on_front, ("speed", "size"), strict=True) if each]  # fmt: skip
    return f"No architecture is on both fronts: {'; '.join(fronts)}."


def _plane(
    rows: Sequence[Row], points: Sequence[tuple[float, float]], edge: Sequence[int], label: str, record: Record
) -> Panel:
    across = Axis.around([x for x, _ in points], log=True, label=label, margin=0.12)
    values = [y for _, y in points]
    up = Axis.around(values, log=formats.logarithmic(record), label=f"mean test {plain(record.metric)}", margin=0.1)
    panel = Panel(across, up, width=440, height=280, left=62)
    xs, ys = ([points[i][axis] for i in edge] for axis in (0, 1))
    panel.line(np.repeat(xs, 2)[1:], np.repeat(ys, 2)[:-1], "front")
    for i, (x, y) in enumerate(points):
        said = f"{shorten(rows[i].architecture, 60)}: {formats.number(y)} at {formats.number(x)} {label}"
        panel.points([x], [y], series(i), radius=5, title=said)
    first = [*edge, *(i for i in range(len(points)) if i not in edge and len(points) <= _LABELLED)]
    panel.labels([(*points[i], rows[i].architecture) for i in first])
    return panel

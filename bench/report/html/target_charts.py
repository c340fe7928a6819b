"""Charts of how soon a target is reached, and of all tasks together."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.report import formats, words
from bench.report.across import Across, Summary
from bench.report.html.figure import Data, Figure, Key, finite, series
from bench.report.html.svg import Axis, Panel
from bench.report.rows import Row, TaskTable
from bench.report.text import plain, shorten
from bench.stats import Interval, Survival, kaplan_meier

_LEAST, _MOST = 0.0, 1.0


def _survival(row: Row) -> Survival:
    """Of the steps to target: a run that ended without it was stopped then, one that failed at infinity."""
    times = [
        record.steps_to_target
        if record.steps_to_target is not None
        else record.steps
        if row.has_score(record)
        else math.inf
        for record in row.planned
    ]
    return kaplan_meier(times, [record.steps_to_target is not None for record in row.planned])


def to_target(table: TaskTable, ident: str) -> Figure | None:
    """Share of seeds that reached the target by each step (Kaplan and Meier), a line an architecture."""
    drawn = [(row, _survival(row)) for row in table.rows if row.planned]
    if not any(len(found.times) for _, found in drawn):
        return None
    last = max(record.steps for row, _ in drawn for record in row.planned) or 1
    panel = Panel(
        Axis(0, last * 1.02, label="training step"), Axis(-0.03, 1.03, label="share that reached the target"),
        width=720, height=300, left=66,
    )  # fmt: skip
    for place, (row, found) in enumerate(drawn):
        x = np.repeat(np.array([0.0, *found.times, last]), 2)[1:-1]
        y = np.repeat(np.array([0.0, *(1 - found.share)]), 2)
        panel.line(x, y, series(place), title=shorten(row.architecture, 60))
    rows = [
        [row.architecture, f"{row.solved} of {len(row.planned)}", _steps(found.median), _interval(found.interval)]
        for row, found in drawn
    ]
    said = "; ".join(f"{row.architecture} {row.solved} of {len(row.planned)}" for row, _ in drawn)
    return Figure(
        ident,
        "Time to target",
        [("", panel.svg(f"{ident}-p", f"{table.label}: share of seeds that reached the target", said))],
        Data(["architecture", "reached", "half by step", "95 % interval"], rows),
        f"Kaplan and Meier (1958): target {formats.number(table.any.target)} on validation data; a run that "
        "ended without "
        "it counts as not there yet, one that failed as never. Half by step: the first at which half of the runs were "
        "there; of an even number the table's median lies half-way to the next, and is never where only half got "
        "there. Interval: Brookmeyer and Crowley (1982).",
        words.learning_curves(table, lambda _: {}),
        [Key(series(i), "line", row.architecture) for i, (row, _) in enumerate(drawn)],
        wide=True,
    )


def _steps(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:,.0f}"


def _interval(found: Interval | None) -> str:
    if found is None:
        return formats.NOTHING
    return f"[{_steps(found.low)}, {'no bound' if math.isinf(found.high) else _steps(found.high)}]"


class Tasks(NamedTuple):
    """The section across tasks."""

    intro: str
    figures: Sequence[Figure]
    improvement_words: str
    improvements: Data


def across_section(found: Across) -> Tasks | None:
    """None for fewer than two tasks with a scale, or fewer than two architectures."""
    if len(found.tasks) < 2 or len(found.summaries) < 2:
        return None
    names = [one.architecture for one in found.summaries]
    by_pair = {(one.a, one.b): one for one in found.improvements}
    rows = [[a, *(_chance(by_pair.get((a, b))) for b in names)] for a in names]
    left_out = [f"{len(found.left_out)} without a scale left out"] if found.left_out else []
    partly = [f"{len(some)} architectures were not run on every task"
              for some in [[one for one in found.summaries if one.missing]] if some]  # fmt: skip
    remarks = "; ".join([*left_out, *partly])
    return Tasks(
        f"{len(found.tasks)} tasks together. A score is normalised by its task: 0 is chance, 1 the target; "
        "below chance "
        "counts as chance, and so does a run without a score." + (f" Read with care: {remarks}." if remarks else ""),
        [_middle(found.summaries), _profile(found.summaries)],
        "How often a run of the row beats one of the column on a task both did, ties half (Mann and "
        "Whitney's U), with its "
        "95 % stratified bootstrap interval: 0.5 is even.",
        Data(["architecture", *(f"over {name}" for name in names)], rows),
    )


def _chance(one: object) -> str:
    probability, interval = getattr(one, "probability", math.nan), getattr(one, "interval", None)
    if math.isnan(probability):
        return formats.NOTHING
    return f"{probability:.2f}" + (f" [{interval.low:.2f}, {interval.high:.2f}]" if interval else "")


def _middle(summaries: Sequence[Summary]) -> Figure:
    ends = [end for one in summaries if one.mean.interval for end in one.mean.interval]
    across = Axis.around([0.0, 1.0, *ends, *finite(one.mean.value for one in summaries)],
                         label="interquartile mean of normalised scores (0 chance, 1 target)")  # fmt: skip
    count = len(summaries)
    named = [(-float(i), shorten(plain(one.architecture), 24)) for i, one in enumerate(summaries)]
    panel = Panel(across, Axis(-count + 0.4, 0.6, named=tuple(named)), width=720, height=26 * count + 44, left=150)
    panel.level(0, "chance", upright=True)
    panel.level(1, "target", upright=True)
    for place, one in enumerate(summaries):
        if found := one.mean.interval:
            panel.segment((found.low, found.high), (-place, -place), "interval")
        panel.segment((one.mean.value,) * 2, (-place - 0.3, -place + 0.3), "mean")
    rows = [
        [one.architecture, formats.number(one.mean.value), formats.interval(one.mean.interval), str(len(one.tasks)),
         str(one.runs), str(one.unscored)]
        for one in summaries
    ]  # fmt: skip
    first = summaries[0]
    return Figure(
        "across-mean",
        "Interquartile mean",
        [("", panel.svg("across-mean-p", "Interquartile mean of normalised scores",
                        f"Greatest: {first.architecture}, {formats.number(first.mean.value)}"))],
        Data(["architecture", "mean", "95 % interval", "tasks", "runs", "without a score"], rows),
        "The mean of the middle half of all runs (Agarwal et al., 2021), every task of the same weight; "
        "stratified bootstrap.",
        f"The greatest is that of {words.bold(first.architecture)}: {rows[0][1]}"
        + (f" {rows[0][2]}." if first.mean.interval else "."),
        [Key("mean", "line", "interquartile mean"), Key("interval", "band", "95 % interval"),
         Key("chance", "line", "chance"),
         Key("target", "line", "target")],
        wide=True,
    )  # fmt: skip


_SHOWN = (0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def _profile(summaries: Sequence[Summary]) -> Figure:
    thresholds = summaries[0].profile.thresholds
    panel = Panel(
        Axis(float(thresholds[0]), float(thresholds[-1]), label="normalised score"),
        Axis(-0.03, 1.03, label="share of runs above it"), width=720, height=300, left=66,
    )  # fmt: skip
    for place, one in enumerate(summaries):
        panel.band(one.profile.thresholds, one.profile.low, one.profile.high, f"faint {series(place)}")
        panel.line(one.profile.thresholds, one.profile.share, series(place), title=shorten(one.architecture, 60))
    panel.level(1, "target", upright=True)
    at = [int(np.abs(thresholds - value).argmin()) for value in _SHOWN]
    rows = [[one.architecture, *(f"{one.profile.share[i]:.2f}" for i in at)] for one in summaries]
    return Figure(
        "across-profile",
        "Performance profile",
        [
            (
                "",
                panel.svg(
                    "across-profile-p", "Share of runs above each normalised score", f"{len(rows)} architectures"
                ),
            )
        ],
        Data(["architecture", *(f"above {value:g}" for value in _SHOWN)], rows),
        "Share of an architecture's runs above each normalised score; bands: pointwise 95 % stratified bootstrap.",
        "A line above another everywhere is better at every level asked for; lines that cross trade easy "
        "tasks for hard ones.",
        [
            *(Key(series(i), "line", one.architecture) for i, one in enumerate(summaries)),
            Key("target", "line", "target"),
        ],
        wide=True,
    )

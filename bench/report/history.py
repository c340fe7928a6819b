"""The history of baselines: changes as lines in a terminal, and everything as JSON."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.history import DIRECTIONS, Change, History, Point, Series
from bench.report import formats
from bench.report.baselines import commit, line_object
from bench.report.labels import distinct
from bench.report.objects import group_object
from bench.report.text import enumerate_words, plain, shorten, trim
from bench.stats.change_points import EFFECT, LEAST, P
from bench.task import WATCHING

STYLES = {"worse": "red", "better": "green", "changed": "yellow"}
_NAME, _REASON = 60, 300


def labels(found: History) -> list[str]:
    """TASK / ARCHITECTURE of each series, with the settings that vary in the history. Untrusted text."""
    records = [series.record for series in found.series]
    tasks = distinct([(record.task, record.task_settings) for record in records])
    arms = distinct([(series.record.architecture, _settings(series)) for series in found.series])
    return [f"{task} / {arm}" for task, arm in zip(tasks, arms, strict=True)]


def _settings(series: Series) -> dict[str, Any]:
    record = series.record
    learned = {key: value for key, value in vars(record.training).items() if key not in WATCHING}
    rest = {"backend": record.backend, **{key: record.identity.get(key) for key in ("params", "threads")}}
    return {**learned, **rest, "seeds": " ".join(map(str, series.seeds)), **record.architecture_settings}


def print_history(found: History, console: Console) -> None:
    """What was read, the changes of each cell, and what stands behind them."""
    console.print(Text(summary(found), "bold"))
    for line in verdict(found):
        console.print(Text(line))
    told = [
        (label, series, change)
        for label, series in zip(labels(found), found.series, strict=True)
        for change in series.changes
        if change.alert or change.known
    ]
    for label, own in groupby(told, key=lambda each: each[0]):
        pairs = [(series, change) for _, series, change in own]
        console.print()
        console.print(Text(shorten(plain(label), 2 * _NAME), "bold"))
        console.print(_table(found, pairs))
        for series, change in pairs:
            if change.known:
                line = f"known, {series.quantity.name}: {trim(plain(change.known.reason), _REASON)}"
                console.print(Text(line), style="dim", overflow="fold")
            if note := loss(series, change):
                console.print(Text(f"at {commit(found.baselines[series.points[change.place].baseline])}: {note}"))
    console.print()
    console.print(Text(METHOD), style="dim")


METHOD = (
    f"A change: levels told apart at p < {P:g} and by at least {EFFECT:.0%}, {LEAST} baselines on either side; of "
    "parameters and operations any difference; any loss of a score. Scores by the way from chance to target."
).replace("%", " %")


def summary(found: History) -> str:
    """What was read: '12 series over 40 baselines of 2 machines, 2026-01-02 to 2026-03-04'."""
    made = [baseline.committed_at for baseline in found.baselines]
    machines = len({baseline.machine_id for baseline in found.baselines})
    return (
        f"{counted(len(found.series), 'series', 'series')} over {counted(len(found.baselines), 'baseline')} of "
        f"{counted(machines, 'machine')}, {min(made):%Y-%m-%d} to {max(made):%Y-%m-%d}"
    )


def verdict(found: History) -> list[str]:
    """Sentences on how many changes there are of each kind, and in how many series none could show."""
    alerts = [change.direction for _, change in found.alerts]
    counts = [f"{alerts.count(direction)} {direction}" for direction in DIRECTIONS if direction in alerts]
    first = (
        f"{counted(len(alerts), 'change')} to look at: {enumerate_words(counts)}."
        if alerts
        else "No change to look at."
    )
    known = sum(change.known is not None for _, change in found.changes)
    quiet = sum(change.known is None and not change.seeds_tell for _, change in found.changes)
    short = sum(series.short for series in found.series)
    rest = [
        f"{known} acknowledged." if known else "",
        f"{quiet} more that the seeds do not tell from luck." if quiet else "",
        f"{counted(short, 'series', 'series')} with fewer than {2 * LEAST} baselines: too short for a change to show."
        if short
        else "",
    ]
    return [" ".join(filter(None, [first, *rest]))]


def counted(number: int, one: str, many: str = "") -> str:
    """'1 baseline', '2 baselines'."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def _table(found: History, pairs: Sequence[tuple[Series, Change]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("at commit", "made"):
        table.add_column(name, no_wrap=True)
    table.add_column("quantity", min_width=14, overflow="fold")
    table.add_column("before → after", no_wrap=True)
    table.add_column("by", no_wrap=True, justify="right")
    table.add_column("change", no_wrap=True)
    for series, change in pairs:
        point = series.points[change.place]
        at = commit(found.baselines[point.baseline])
        cells = (at, f"{found.when(point):%Y-%m-%d}", quantity(series), levels(change), share(change))
        table.add_row(*map(Text, cells), Text(status(change), STYLES[change.direction] if change.alert else "dim"))
    return table


def quantity(series: Series) -> str:
    """Its name; of a time with the machine."""
    return series.quantity.name + (f" on {series.machine}" if series.machine else "")


def levels(change: Change) -> str:
    """'12.3 → 13.0'; '12.3 → none' where a score is lost."""
    return f"{value(change.before)} → {'none' if change.loss else value(change.after)}"


def loss(series: Series, change: Change) -> str:
    """Why there is no number any more; empty where there is one."""
    return series.points[change.place].note if change.loss else ""


def share(change: Change) -> str:
    """'+5.7 %', of the level before; up is +, also below 0."""
    if change.loss or not change.before:
        return formats.NOTHING
    return f"{100 * (change.after - change.before) / abs(change.before):+.1f} %"


def value(number: float) -> str:
    """A number as in the tables, whole ones in full."""
    return f"{number:,.0f}" if float(number).is_integer() and abs(number) >= 1000 else formats.known(number)


def status(change: Change) -> str:
    """What a reader should make of it."""
    return "known" if change.known else change.direction if change.seeds_tell else f"({change.direction})"


def history_object(found: History) -> dict[str, Any]:
    """JSON-ready; null for what is not known or not a finite number."""
    return {
        "baselines": [line_object(path, each) for path, each in zip(found.paths, found.baselines, strict=True)],
        "alerts": len(found.alerts),
        "series": [_series_object(found, series) for series in found.series],
        "unmatched": [known.model_dump() for known in found.unmatched],
    }


def _series_object(found: History, series: Series) -> dict[str, Any]:
    return {
        **group_object(series.record),
        "seeds": list(series.seeds),
        "quantity": series.quantity.name,
        "machine_id": series.machine,
        "points": [_point_object(found, point) for point in series.points],
        "changes": [_change_object(found, series, change) for change in series.changes],
    }


def _point_object(found: History, point: Point) -> dict[str, Any]:
    return {
        "baseline": point.baseline,
        "commit": found.baselines[point.baseline].commit,
        "value": _finite(point.value),
        "seconds": _finite(point.seconds),
        "note": point.note,
    }


def _change_object(found: History, series: Series, change: Change) -> dict[str, Any]:
    baseline = series.points[change.place].baseline
    return {
        "baseline": baseline,
        "commit": found.baselines[baseline].commit,
        "before": change.before,
        "after": _finite(change.after),
        "p": change.p,
        "direction": change.direction,
        "alert": change.alert,
        "seeds_tell": change.seeds_tell,
        "known": change.known and change.known.model_dump(),
    }


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None

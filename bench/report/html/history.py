"""The history of baselines as a page: the changes, and a chart of every number with its levels."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from markupsafe import Markup

from bench.history import History, Point, Series
from bench.quantities import STEP_RATIO
from bench.report import formats
from bench.report.baselines import commit
from bench.report.history import METHOD, counted, labels, levels, loss, quantity, share, status, summary, value, verdict
from bench.report.html.figure import Data, Figure, Key
from bench.report.html.page import render
from bench.report.html.sections import Part, Tile
from bench.report.html.svg import Axis, Panel
from bench.report.output import save
from bench.report.text import plain, shorten, slug

_CHANGES = ("change", "at commit", "made", "cell", "quantity", "before → after", "by", "p", "remark")
_MACHINES = ("machine", "processor", "cores", "device", "baselines", "environments")


def write_history(found: History, path: Path, *, title: str) -> Path:
    """Write the page; its path. The same baselines give the same bytes. Raises StoreError where it cannot be written.

    `title`: untrusted.
    """
    named = labels(found)
    page = {
        "title": title,
        "when": summary(found) + ".",
        "verdict": verdict(found),
        "tiles": _tiles(found),
        "changes": _changes(found, named),
        "parts": [*_parts(found, named)],
        "machines": _machines(found),
        "method": METHOD,
    }
    return save(path, render("history.html.j2", page))


def _tiles(found: History) -> list[Tile]:
    alerts = [change.direction for _, change in found.alerts]
    known = sum(change.known is not None for _, change in found.changes)
    return [
        Tile(str(alerts.count("worse")), "worse", "changes", "bad" if "worse" in alerts else ""),
        Tile(str(alerts.count("better")), "better", "changes", "good" if "better" in alerts else ""),
        Tile(str(alerts.count("changed")), "changed, neither better nor worse", "changes", ""),
        Tile(str(known), "acknowledged", "changes", ""),
        Tile(str(len(found.baselines)), "baselines", "machines", ""),
    ]


def _changes(found: History, named: Sequence[str]) -> Data:
    """A row a change, alerts first and of them the newest."""
    rows = []
    for label, series in zip(named, found.series, strict=True):
        for change in series.changes:
            point = series.points[change.place]
            at = commit(found.baselines[point.baseline])
            known = change.known.reason if change.known else ""
            remark = (
                known
                or loss(series, change)
                or ("" if change.seeds_tell else "the seeds on either side do not tell it from luck")
            )
            p = formats.number(change.p, 1) if change.p else ""  # nothing varied on either side
            place = [status(change), at, f"{found.when(point):%Y-%m-%d}", label, quantity(series)]
            row = [*place, levels(change), share(change), p, remark]
            rows.append((not change.alert, -point.baseline, row))
    return Data(_CHANGES, [row for *_, row in sorted(rows, key=lambda each: each[:2])])


def _parts(found: History, named: Sequence[str]) -> Iterator[Part]:
    taken = set[str]()
    pairs = zip(named, found.series, strict=True)
    for _, own in groupby(pairs, key=lambda pair: (pair[0], pair[1].seeds)):
        both = [*own]
        label, several = both[0][0], [series for _, series in both]
        ident = slug(label, taken)
        taken.add(ident)
        alerts = sum(change.alert for series in several for change in series.changes)
        remark = counted(alerts, "change") + " to look at" if alerts else ""
        yield Part(ident, label, [_figure(found, several, ident, label)], remark=remark)


def _figure(found: History, several: Sequence[Series], ident: str, label: str) -> Figure:
    panels = []
    for place, series in enumerate(several):
        panels.append((quantity(series), _panel(found, series, f"h-{ident}-{place}")))
        if series.quantity.name == STEP_RATIO:
            panels.append((f"ms/step on {series.machine}", _seconds(found, series, f"h-{ident}-{place}-s")))
    known = any(change.known for series in several for change in series.changes)
    quiet = any(not change.seeds_tell for series in several for change in series.changes)
    alert = any(change.alert for series in several for change in series.changes)
    keys = [Key("s0", "dot", "a baseline"), Key("mean", "line", "level between changes")]
    keys += [Key("change", "line", "change to look at")] if alert else []
    keys += (
        [Key("known", "line", "change that is known, or that the seeds do not tell from luck")]
        if known or quiet
        else []
    )
    return Figure(
        f"history-{ident}",
        f"Course of {shorten(plain(label), 80)}",
        panels,
        _data(found, several),
        "A dot a baseline, oldest commit first, at even distances; a cross: no number. Step ratio: a training step in "
        "times of 10⁹ operations of a matrix product in the same job; no change is looked for in ms/step.",
        keys=keys,
    )


def _panel(found: History, series: Series, ident: str) -> Markup:
    x = np.array([point.baseline for point in series.points], "float64")
    y = np.array([point.value for point in series.points])
    panel = Panel(
        _across(found), Axis.around(y.tolist(), log=_wide(y), label=series.quantity.name, margin=0.12), left=58
    )
    for change in series.changes:
        at = (x[change.place] + x[max(change.place - 1, 0)]) / 2
        panel.level(at, "change" if change.alert else "known", upright=True)
    panel.line(x, y, "s0")
    panel.points(x, y, "s0", radius=2)
    for start, stop, level in _levels(series):
        panel.segment((x[start], x[stop]), (level, level), "mean")
    lost = [place for place, point in enumerate(series.points) if not math.isfinite(point.value)]
    panel.crosses(x[lost].tolist(), [panel.y.low] * len(lost), "lost")
    told = [
        f"{_said(found, series.points[change.place])}: {levels(change)} ({share(change)}), {status(change)}"
        for change in series.changes
    ]
    last = series.points[-1]
    description = f"{counted(len(x), 'baseline')}, the last {formats.known(last.value)}; " + (
        "; ".join(told) or "no change"
    )
    return panel.svg(ident, f"{quantity(series)} by baseline", description)


def _seconds(found: History, series: Series, ident: str) -> Markup:
    x = np.array([point.baseline for point in series.points], "float64")
    y = np.array([math.nan if point.seconds is None else 1e3 * point.seconds for point in series.points])
    panel = Panel(_across(found), Axis.around(y.tolist(), label="ms/step", margin=0.12), left=58)
    panel.line(x, y, "s7")
    panel.points(x, y, "s7", radius=2)
    return panel.svg(ident, f"Milliseconds a step on {series.machine} by baseline", f"{counted(len(x), 'baseline')}")


def _levels(series: Series) -> Iterator[tuple[int, int, float]]:
    """First and last place of each segment, and its mean."""
    starts = [change.place for change in series.changes if not change.loss]
    if series.quantity.kind == "exact" or not starts:
        return
    for start, stop in pairwise([0, *starts, len(series.points)]):
        values = [point.value for point in series.points[start:stop] if math.isfinite(point.value)]
        yield start, stop - 1, float(np.mean(values))


def _across(found: History) -> Axis:
    """A place a baseline; the first, the middle and the last by date."""
    last = len(found.baselines) - 1
    at = sorted({0, last} if last < 8 else {0, last // 2, last})
    named = tuple((float(place), f"{found.baselines[place].committed_at:%Y-%m-%d}") for place in at)
    return Axis(-0.6 - 0.06 * last, last + 0.6 + 0.06 * last, named=named)


def _wide(values: np.ndarray) -> bool:
    known = values[np.isfinite(values) & (values > 0)]
    return len(known) > 0 and bool(known.max() / known.min() > 30)


def _said(found: History, point: Point) -> str:
    return f"commit {commit(found.baselines[point.baseline])}"


def _data(found: History, several: Sequence[Series]) -> Data:
    places = sorted({point.baseline for series in several for point in series.points})
    known = [{point.baseline: point for point in series.points} for series in several]
    header = ["commit", "made", "machine", *(quantity(series) for series in several)]
    rows = []
    for place in places:
        baseline = found.baselines[place]
        own = (each.get(place) for each in known)
        cells = [formats.NOTHING if point is None else point.note or _cell(point) for point in own]
        rows.append([commit(baseline), f"{baseline.committed_at:%Y-%m-%d}", baseline.machine_id, *cells])
    return Data(header, rows)


def _cell(point: Point) -> str:
    shown = "never" if math.isinf(point.value) else value(point.value)
    return shown + (f" ({1e3 * point.seconds:.3g} ms)" if point.seconds is not None else "")


def _machines(found: History) -> Data:
    rows = []
    for machine in dict.fromkeys(baseline.machine_id for baseline in found.baselines):
        own = [baseline for baseline in found.baselines if baseline.machine_id == machine]
        environments = {", ".join(f"{name} {version}" for name, version in each.environment.items()) for each in own}
        rows.append([machine, *own[0].machine.values(), str(len(own)), "; ".join(sorted(environments))])
    return Data(_MACHINES, rows)

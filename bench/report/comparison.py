"""A comparison of two runs: a table in the terminal, Markdown that fits a pull request, and JSON for programs."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.compare import Comparison, Row
from bench.quantities import Quantity, Verdict
from bench.report import formats
from bench.report.labels import distinct
from bench.report.objects import group_object
from bench.report.text import inert, markdown, plain, shorten, trim
from bench.task import WATCHING

STYLES: dict[Verdict, str] = {
    "failed": "bold red",
    "missing": "red",
    "worse": "red",
    "better": "green",
    "unclear": "yellow",
    "equivalent": "dim",
    "new": "cyan",
}
_NAME, _VALUE, _REASON, _MOST = 60, 24, 300, 10
_MOST_SEEDS = 999
_DECIMALS = 6


class Part(NamedTuple):
    """One task of a comparison, with labels. Untrusted text."""

    task: str
    rows: tuple[tuple[str, Row], ...]


def parts(comparison: Comparison) -> list[Part]:
    """The rows of each task under its settings; labels hold the settings that vary."""
    tasks = distinct([(row.any.task, row.any.task_settings) for row in comparison.rows])
    found = []
    for task, rows in groupby(zip(tasks, comparison.rows, strict=True), key=lambda pair: pair[0]):
        own = [row for _, row in rows]
        labels = distinct([(row.any.architecture, _settings(row)) for row in own])
        found.append(Part(task, tuple(zip(labels, own, strict=True))))
    return found


def _settings(row: Row) -> dict[str, Any]:
    record = row.any
    learned = {key: value for key, value in vars(record.training).items() if key not in WATCHING}
    rest = {"backend": record.backend, **{key: record.identity.get(key) for key in ("params", "threads")}}
    return {**learned, **rest, **record.architecture_settings}


def print_comparison(comparison: Comparison, console: Console) -> None:
    """What differs in the conditions, a table a task, notes and warnings, and what the verdicts promise."""
    console.print(Text(summary(comparison), "bold"))
    for line in _opening(comparison, _VALUE):
        console.print(Text(plain(line)), style="dim", overflow="fold")
    for part in parts(comparison):
        console.print()
        console.print(Text.assemble((shorten(plain(part.task), 2 * _NAME), "bold"), f": {_about(part)}"))
        if any(row.base and row.head for _, row in part.rows):
            console.print(_table(part))
        for line in _notes(part):
            console.print(Text(line), style="dim", overflow="fold")
    warnings = [line for part in parts(comparison) for line in _warnings(part)]
    if warnings:
        console.print(Text(f"\ngradients: {len(warnings)} that drifted, to look at; they decide nothing", "bold"))
        for line in warnings[:_MOST]:
            console.print(Text(line), style="dim", overflow="fold")
        if len(warnings) > _MOST:
            console.print(Text(f"... {len(warnings) - _MOST} more in --markdown and --json"), style="dim")
    console.print()
    console.print(Text(control(comparison)), style="dim")


def _table(part: Part) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    table.add_column("architecture", min_width=12, overflow="fold")
    table.add_column("of", min_width=10, overflow="fold")
    for name in ("BASE", "HEAD", "HEAD - BASE\n95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for label, row in part.rows:
        for i, quantity in enumerate(_shown(row) if row.base and row.head else ()):
            name = "" if i else shorten(plain(label), 48)
            # Text, never str: rich would read [brackets] in a name as markup.
            table.add_row(
                *map(Text, (name, *_numbers(quantity))),
                Text(_verdict(quantity), "dim" if quantity.advisory else STYLES[quantity.verdict]),
            )
    return table


def _shown(row: Row) -> list[Quantity]:
    """The score, and of the others what stands out."""
    first, *others = row.quantities
    return [first, *(other for other in others if other.verdict not in ("equivalent", "unclear"))]


def _notes(part: Part) -> Iterator[str]:
    for verdict, side in (("missing", "in BASE alone"), ("new", "in HEAD alone")):
        absent = [shorten(plain(label), 24) for label, row in part.rows if row.quantities[0].verdict == verdict]
        if absent:
            yield f"{verdict}, {side}: {', '.join(absent)}"
    for label, row in part.rows:
        for quantity in _shown(row) if row.quantities[0].verdict not in ("missing", "new") else ():
            if quantity.note and quantity.note not in ("identical", "exact"):
                yield f"{shorten(plain(label), 24)}, {quantity.name}: {trim(plain(quantity.note), _REASON)}"


def _warnings(part: Part) -> Iterator[str]:
    for label, row in part.rows:
        for warning in row.warnings:
            yield f"{shorten(plain(part.task), 32)}, {shorten(plain(label), 32)}: {plain(warning)}"


def summary(comparison: Comparison) -> str:
    """How many of each verdict: '2 worse, 14 equivalent'."""
    rows = len(comparison.rows)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in comparison.counts.items())
    return f"{rows} pair{'s' * (rows != 1)} of task and architecture" + (f": {counts}" if counts else "")


def control(comparison: Comparison) -> str:
    """What stands behind better and worse."""
    if not comparison.tested:
        return "Nothing had to be tested: numbers are identical, exact, or too few."
    return (
        f"better, worse: Holm's adjusted p at most 5 % ({comparison.tested} tested), so that the "
        "chance of any false one is at most 5 %, of a false 'worse' half of that. equivalent: the 95 % interval lies "
        "within the margin. unclear (n): about n seeds a side would tell."
    )


def _opening(comparison: Comparison, width: int) -> Iterator[str]:
    for name, base, head in comparison.differences:
        yield f"differs: {name}: {_values(base, width)} -> {_values(head, width)}"
    if any(difference.name.startswith("data of ") for difference in comparison.differences):
        yield "Scores of tasks whose data differ were taken on other samples."
    yield from comparison.notes


def _values(values: Sequence[str], width: int) -> str:
    shown = ", ".join(shorten(value, width) for value in values[:3])
    return shown + (f" and {len(values) - 3} more" if len(values) > 3 else "")


def _about(part: Part) -> str:
    record = part.rows[0][1].any
    margins = {row.quantities[0].margin for _, row in part.rows} - {None}
    margin = f", margin {formats.number(margins.pop())}" if len(margins) == 1 else ""
    return f"{plain(record.metric)} ({formats.direction(record)}){margin}"


def _numbers(quantity: Quantity) -> tuple[str, str, str, str]:
    return quantity.name, _value(quantity.base), _value(quantity.head), _effect(quantity)


def _value(value: float | None) -> str:
    return str(value) if isinstance(value, int) else formats.known(value)


def _effect(quantity: Quantity) -> str:
    effect, interval = quantity.effect, quantity.interval
    if quantity.note == "identical" or effect is None:
        return quantity.note if quantity.note == "identical" else formats.NOTHING
    if isinstance(effect, int):
        return f"{effect:+d}"
    sign = "x" if quantity.scale == "ratio" else "+" if effect > 0 else ""
    if interval is None or not interval.low < interval.high < math.inf:
        return f"{sign}{formats.number(effect)}"
    # As many decimals as the interval bears: two digits of half its width.
    decimals = 1 - math.floor(math.log10((interval.high - interval.low) / 2))
    if not 0 <= decimals <= _DECIMALS:
        return (
            f"{sign}{formats.number(effect, 2)} [{formats.number(interval.low, 2)}, {formats.number(interval.high, 2)}]"
        )
    return f"{sign}{effect:.{decimals}f} [{interval.low:.{decimals}f}, {interval.high:.{decimals}f}]"


def _verdict(quantity: Quantity) -> str:
    seeds = quantity.settles
    if quantity.advisory:
        return f"({quantity.verdict})"
    if seeds is None:
        return quantity.verdict
    return f"{quantity.verdict} ({seeds if seeds <= _MOST_SEEDS else f'>{_MOST_SEEDS}'})"


def markdown_comparison(comparison: Comparison, base: str, head: str) -> str:
    """All quantities of all rows as Markdown; what is not equivalent stands open, the rest folded up."""
    blocks = [f"## {markdown(shorten(base, 100))} → {markdown(shorten(head, 100))}", f"{summary(comparison)}."]
    if opening := [f"- {markdown(line)}" for line in _opening(comparison, _VALUE)]:
        blocks.append("\n".join(opening))
    lines = [(*line, line[-1].verdict) for part in parts(comparison) for line in _lines(part)]
    standing = [line[:-1] for line in lines if line[-1] not in ("equivalent", "unclear")]
    rest = [line[:-1] for line in lines if line[-1] in ("equivalent", "unclear")]
    if standing:
        blocks.append(_grid(standing))
    if rest:
        blocks += [f"<details><summary>{len(rest)} equivalent or unclear</summary>", _grid(rest), "</details>"]
    warnings = [f"- {markdown(line)}" for part in parts(comparison) for line in _warnings(part)]
    if warnings:
        blocks += [f"<details><summary>{len(warnings)} warnings on gradients</summary>", "\n".join(warnings)]
        blocks.append("</details>")
    return inert("\n\n".join([*blocks, markdown(control(comparison))])) + "\n"


def _lines(part: Part) -> Iterator[tuple[str, str, Quantity]]:
    for label, row in part.rows:
        for quantity in row.quantities:
            yield part.task, label, quantity


def _grid(lines: Iterable[tuple[str, str, Quantity]]) -> str:
    header = ["task", "architecture", "quantity", "BASE", "HEAD", "HEAD - BASE [95 %]", "verdict", "note"]
    rows = [header, ["---"] * len(header)]
    for task, label, quantity in lines:
        names = (task, label)
        note = "" if quantity.note in ("identical", "exact") else trim(quantity.note, _REASON)
        verdict = _verdict(quantity)
        grave = quantity.verdict in ("failed", "missing", "worse") and not quantity.advisory
        shown = f"**{verdict}**" if grave else verdict
        rows.append(
            [
                *(markdown(shorten(plain(name), _NAME)) for name in names),
                *map(markdown, _numbers(quantity)),
                shown,
                markdown(note),
            ]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def comparison_object(comparison: Comparison) -> dict[str, Any]:
    """JSON-ready; null for what is not known or not a finite number."""
    return {
        "counts": comparison.counts,
        "tested": comparison.tested,
        "differences": [difference._asdict() for difference in comparison.differences],
        "notes": list(comparison.notes),
        "rows": [_row_object(row) for row in comparison.rows],
    }


def _row_object(row: Row) -> dict[str, Any]:
    return {
        **group_object(row.any),
        "verdict": row.verdict,
        "base": [{"cell_id": each.cell_id, "seed": each.seed, "status": each.status} for each in row.base],
        "head": [{"cell_id": each.cell_id, "seed": each.seed, "status": each.status} for each in row.head],
        "quantities": [_quantity_object(quantity) for quantity in row.quantities],
        "warnings": list(row.warnings),
    }


def _quantity_object(quantity: Quantity) -> dict[str, Any]:
    found = {key: _finite(value) for key, value in asdict(quantity).items()}
    found["interval"] = quantity.interval and [_finite(end) for end in quantity.interval]
    return {**found, "not_worse": quantity.not_worse}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

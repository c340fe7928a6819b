"""Baselines as a reader sees them: one with its tables, a folder of them a line each, and both as JSON."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.baseline import Baseline
from bench.compare import groups
from bench.quantities import scored
from bench.report import formats
from bench.report.objects import cell_object
from bench.report.terminal import print_summary
from bench.report.text import plain, shorten

_SHORT = 10
"""Digits of a commit."""


def print_baseline(path: Path, baseline: Baseline, console: Console) -> None:
    """Where and when it was measured, then a table a task as `archbench show` prints them, and step ratios."""
    about = {
        "commit": f"{commit(baseline)} of {moment(baseline)}",
        "machine": f"{baseline.machine_id}: {', '.join(baseline.machine.values())}",
        "environment": ", ".join(f"{name} {version}" for name, version in baseline.environment.items()),
        "measured": baseline.measured_at.isoformat(" ", "minutes"),
    }
    console.print(Text(plain(path.name), "bold"), overflow="fold")
    for name, text in about.items():
        console.print(Text(f"{name}: {plain(text)}"), style="dim", overflow="fold")
    console.print()
    print_summary(baseline.records, console)
    ratios = [(group[0], ratio) for group in groups(baseline.records).values() if (ratio := step_ratio(group))]
    if ratios:
        console.print(Text("\nstep ratio: a training step in times of 10⁹ operations of a matrix product", "bold"))
    for record, ratio in ratios:
        console.print(Text(f"{_named(record.task)}, {_named(record.architecture)}: {formats.number(ratio)}"))


def step_ratio(group: Any) -> float | None:
    """Of the records of a group those have one that the speed phase timed: all the same."""
    return next((record.step_ratio for record in group if math.isfinite(record.step_ratio)), None)


def print_baselines(found: Mapping[Path, Baseline], console: Console) -> None:
    """A line each, oldest commit first."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("commit", no_wrap=True)
    table.add_column("made", no_wrap=True)
    for name in ("pairs", "cells", "no\nscore"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("file", overflow="fold")
    for path, baseline in found.items():
        sizes = (len(groups(baseline.records)), len(baseline.records), _lost(baseline))
        table.add_row(*map(Text, (commit(baseline), moment(baseline)[:10], *map(str, sizes), path.name)))
    console.print(table)


def commit(baseline: Baseline) -> str:
    """Its first digits, with a + where the tree was another."""
    return baseline.commit[:_SHORT] + "+" * baseline.changed


def moment(baseline: Baseline) -> str:
    """When the commit was made."""
    return baseline.committed_at.isoformat(" ", "minutes")


def line_object(path: Path, baseline: Baseline) -> dict[str, Any]:
    """JSON-ready, but for its cells."""
    return {
        "file": str(path),
        "commit": baseline.commit,
        "committed_at": baseline.committed_at.isoformat(),
        "changed": baseline.changed,
        "measured_at": baseline.measured_at.isoformat(),
        "machine_id": baseline.machine_id,
        "machine": baseline.machine,
        "environment": baseline.environment,
        "pairs": len(groups(baseline.records)),
        "cell_count": len(baseline.records),
        "without_score": _lost(baseline),
    }


def baseline_object(path: Path, baseline: Baseline) -> dict[str, Any]:
    """JSON-ready, `cells` being objects as `archbench show --json` has them, with the step ratio of each."""
    cells = []
    for record in baseline.records:
        ratio = record.step_ratio
        cells.append({**cell_object(record, {}), "step_ratio": ratio if math.isfinite(ratio) else None})
    return {**line_object(path, baseline), "cells": cells}


def _lost(baseline: Baseline) -> int:
    return sum(not scored(record) for record in baseline.records)


def _named(text: str) -> str:
    return shorten(plain(text), 32)

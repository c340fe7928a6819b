"""Verdicts on claims, for a terminal of 80 columns and for programs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.claims._claim import Claim, Number, Verdict
from bench.report.text import plain

_STYLES = {"supported": "green", "refuted": "red", "partly": "yellow", "unclear": "dim"}
_PASSES = {True: "holds", False: "fails", None: "open"}


def print_verdicts(
    claims: Sequence[Claim], verdicts: Mapping[str, Verdict], console: Console, *, detail: bool = False
) -> None:
    """A row a claim, then what to run for what is missing; with `detail` criterion and numbers of each claim too."""
    grid = _grid("claim", "verdict", "what the runs show (95 % intervals)")
    for claim in claims:
        verdict = verdicts[claim.name]
        outcome = Text(verdict.outcome, _STYLES[verdict.outcome])
        statement = Text.assemble((claim.statement, "italic"), "\n", plain(verdict.sentence), "\n")
        grid.add_row(Text(claim.name), outcome, statement)
    console.print(grid)
    if detail:
        for claim in claims:
            _print_numbers(claim, verdicts[claim.name], console)
    _print_missing([verdicts[claim.name] for claim in claims], console, detail=detail)


def _print_numbers(claim: Claim, verdict: Verdict, console: Console) -> None:
    console.print(Text.assemble((claim.name, "bold"), f": {claim.criterion}"))
    grid = _grid("number", "value [interval]", "runs", "has to be", "")
    for number in verdict.numbers:
        passes = _PASSES[number.passes] if number.criterion else ""
        grid.add_row(*map(Text, (plain(number.what), str(number), str(number.seeds), number.criterion or "", passes)))
    if verdict.numbers:
        console.print(grid)
    console.print()


def _print_missing(verdicts: Sequence[Verdict], console: Console, *, detail: bool) -> None:
    """The commands that train what is missing, each once; with `detail` the cells too."""
    missing = [gap for verdict in verdicts for gap in verdict.missing]
    for gap in missing if detail else ():
        console.print(Text(f"missing of {gap.suite}: {gap.cells} of {gap.of} cells"))
        for cells in gap.which:
            console.print(Text(f"  {plain(cells)}", "dim"), overflow="fold")
    # One command a suite: the architectures of all gaps together.
    wanted: dict[str, dict[str, None]] = {}
    for gap in missing:
        wanted.setdefault(gap.suite, {}).update(dict.fromkeys(gap.command.rpartition(" ")[2].split(",")))
    for suite, names in wanted.items():
        console.print(Text(f"to run: archbench run {suite} --arch {','.join(names)}"), soft_wrap=True)


def _grid(*columns: str) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        grid.add_column(column, overflow="fold")
    return grid


def verdict_objects(claims: Sequence[Claim], verdicts: Mapping[str, Verdict]) -> list[dict[str, Any]]:
    """JSON-ready; null for what is not a finite number."""
    return [
        {
            "claim": claim.name,
            "statement": claim.statement,
            "source": claim.source,
            "criterion": claim.criterion,
            "verdict": verdicts[claim.name].outcome,
            "sentence": verdicts[claim.name].sentence,
            "numbers": [_number(number) for number in verdicts[claim.name].numbers],
            "missing": [asdict(gap) for gap in verdicts[claim.name].missing],
        }
        for claim in claims
    ]


def _number(number: Number) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in asdict(number).items()
    }

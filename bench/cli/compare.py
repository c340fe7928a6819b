"""`archbench compare`."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from bench.cli.options import names, report_damaged
from bench.errors import StoreError, UsageError, count, shown, unknown
from bench.report.text import plain, trim
from bench.store import Store, write_atomic

if TYPE_CHECKING:
    from bench.compare import Comparison
    from bench.gates import Curves
    from bench.record import Record

REGRESSED, INCONCLUSIVE, NOTHING_MEASURED = 1, 3, 5
GRAVE = ("worse", "missing", "failed")
STDOUT = "-"
_LINE = 600


def _gates(_: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> list[str]:
    found = names(_, parameter, given)
    for name in found:
        if name not in GRAVE:
            raise UsageError(f"--fail-on: expected {', '.join(GRAVE)}, received {shown(name)}")
    return found


def _margins(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, float]:
    """By task; "" for a number without one."""
    found = {}
    for text in given:
        task, equals, number = text.rpartition("=")
        try:
            margin = float(number)
        except ValueError:
            margin = math.nan
        if not (0 < margin < math.inf) or (equals and not task):
            raise UsageError(f"--margin: expected a number above 0 or TASK=NUMBER, received {shown(text)}")
        found[task] = margin
    return found


@click.command("compare")
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("head", type=click.Path(path_type=Path))
@click.option("--fail-on", multiple=True, metavar="LIST", callback=_gates,
              help="Exit with 1 where a verdict is one of these: worse, missing, failed.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit with 3 where a verdict is unclear.")
@click.option("--margin", "margins", multiple=True, metavar="[TASK=]X", callback=_margins,
              help="How far off a score still counts as equivalent, in its metric; repeatable.")  # fmt: skip
@click.option("--speed", is_flag=True, help="Let times decide, also those of different machines and versions.")
@click.option("--markdown", metavar="FILE", help="Write Markdown, for a pull request; - prints it alone.")
@click.option("--json", "as_json", metavar="FILE", help="Write all numbers as JSON; - prints it alone.")
@click.option("--junit", metavar="FILE", help="Write JUnit XML.")
def compare_command(
    base: Path,
    head: Path,
    fail_on: list[str],
    strict: bool,
    margins: dict[str, float],
    speed: bool,
    markdown: str | None,
    as_json: str | None,
    junit: str | None,
) -> int:
    """Two runs, matched cell by cell: better, worse, equivalent, unclear, missing or new, each with its interval.

    BASE, HEAD: folders that `archbench run` wrote, or files that `archbench baseline save` wrote.
    """
    if STDOUT == markdown == as_json:
        raise UsageError("--markdown and --json: expected one of them to be -, received both")
    if junit == STDOUT:
        raise UsageError("--junit: expected a file, received -")
    before, after = _side(base), _side(head)
    if base.resolve() == head.resolve():
        raise UsageError(f"BASE and HEAD: expected two runs, received {base} twice")
    from bench.compare import apart, compare

    records = [before.records, after.records]
    curves = (before.curves, after.curves)
    relative = before.packed or after.packed
    found = compare(*records, curves=curves, margins=margins, speed=speed, relative=relative)
    for task in margins.keys() - {row.any.task for row in found.rows} - {""}:
        raise unknown("task of --margin", task, {row.any.task for row in found.rows})
    if not found.common:
        sizes = f"{base} has {count(len(records[0]), 'cell')}, {head} {len(records[1])}"
        near = apart(*records)
        line = f"nothing in common: {sizes}" + (f"; the nearest differ in {near}" if near else "")
        found = replace(found, notes=(*found.notes, trim(line, _LINE)))
        click.echo(trim(plain(f"archbench: {line}"), _LINE), err=True)
    _write(found, base, head, markdown=markdown, as_json=as_json, junit=junit)
    if not found.common:
        return NOTHING_MEASURED
    return exit_code(found, fail_on, strict=strict)


class _Side(NamedTuple):
    records: Sequence["Record"]
    curves: "Curves"
    packed: bool
    """It is a baseline."""


def _side(path: Path) -> _Side:
    """The records of a run, or of a baseline where `path` is, or looks like, a file."""
    if os.path.isfile(path) or path.suffix == ".json":
        from bench.baseline import read

        baseline = read(path)
        return _Side(baseline.records, baseline.curves, packed=True)
    store = Store(path).open()
    records = store.records()
    report_damaged(store)
    return _Side(records, store.curves, packed=False)


def exit_code(found: "Comparison", fail_on: list[str], *, strict: bool) -> int:
    """What the command line answers: any quantity that decides counts, not only the gravest of its row."""
    verdicts = {quantity.verdict for row in found.rows for quantity in row.quantities if not quantity.advisory}
    if verdicts & set(fail_on):
        return REGRESSED
    # Not the rows' own verdicts: what is worse or missing beside it hides a score that is unclear.
    unclear = any(row.quantities[0].verdict == "unclear" for row in found.rows)
    return INCONCLUSIVE if strict and unclear else 0


def _write(
    found: "Comparison", base: Path, head: Path, *, markdown: str | None, as_json: str | None, junit: str | None
) -> None:
    from rich.console import Console

    from bench.report.comparison import comparison_object, markdown_comparison, print_comparison
    from bench.report.junit import junit as as_junit

    if found.common and STDOUT not in (markdown, as_json):
        print_comparison(found, Console())
    if markdown:
        _put("--markdown", markdown, markdown_comparison(found, str(base), str(head)).encode())
    if as_json:
        about = {"base": str(base), "head": str(head), **comparison_object(found)}
        _put("--json", as_json, json.dumps(about, indent=1, allow_nan=False).encode() + b"\n")
    if junit:
        _put("--junit", junit, as_junit(found))


def _put(flag: str, place: str, content: bytes) -> None:
    if place == STDOUT:
        click.echo(content.decode(), nl=False)
        return
    try:
        write_atomic(Path(place), content)
    except OSError as error:
        raise StoreError(
            f"{flag}: cannot write {place}: {error.strerror}; name a file in a folder that is there"
        ) from None

"""`archbench regress`."""

import os
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.options import Checked, plugin_option
from bench.errors import StoreError, UsageError, shown
from bench.report.text import plain
from bench.setting import Setting

if TYPE_CHECKING:
    from bench.regress.report import Report

    _ShareType = click.ParamType[float]
else:  # generic in newer versions only
    _ShareType = click.ParamType

_BUDGET = Setting(1.0, "minutes", minimum=0.0, maximum=1e5)
_SEED = Setting(0, "seed", minimum=0, maximum=2**32 - 1)


class _Share(_ShareType):
    """A flag such as 5% or 0.05."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """`value` as a share above the margin. Raises UsageError."""
        from bench.regress.detector import MARGIN

        text = str(value)
        number = float(text.rstrip("%")) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?%?", text) else -1.0
        share = number / 100 if text.endswith("%") else number
        if not MARGIN < share <= 1:
            flag = param.opts[-1] if param else self.name
            raise UsageError(f"{flag}: expected a share above {MARGIN:.0%}, such as 5%, received {shown(value)}")
        return share


_out = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
_STDOUT = Path("-")
_FILES = ("json", "junit", "markdown")


@click.command("regress")
@click.argument("suite", default="sentinel")
@click.option("--base", metavar="REF", help="A git ref or a folder.")
@click.option("--head", metavar="REF", help="A git ref or a folder; default: the current folder, as it is.")
@click.option("--base-python", metavar="PYTHON", help="The base's own environment, such as venv/bin/python.")
@click.option("--head-python", metavar="PYTHON", help="The head's.")
@click.option("--budget", type=Checked(_BUDGET), metavar="MINUTES", help="What is left over is INCONCLUSIVE.")
@click.option("--slo", type=_Share(), default="5%", show_default=True, help="What is slower by less is OK.")
@click.option("--strict", is_flag=True, help="Exit with 3 where something is INCONCLUSIVE.")
@click.option("--train", is_flag=True, help="Train over seeds also where fingerprints agree.")
@click.option("--seed", type=Checked(_SEED), default=None, help="Of the order of turns; default: a new one.")
@click.option("--json", "json_file", type=_out, metavar="FILE", help="All numbers; - prints them alone.")
@click.option("--junit", "junit_file", type=_out, metavar="FILE", help="A test case for each gate of each cell.")
@click.option("--markdown", "markdown_file", type=_out, metavar="FILE",
              help="The table, for a comment; - prints it alone.")  # fmt: skip
@click.option("--render", type=click.Path(path_type=Path), metavar="FILE",
              help="Show a file of --json, which is checked, and measure nothing; exit with 0.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="No progress, only the result.")
@click.option("--head-faults", hidden=True, default="", help="Faults that head commits, for tests.")
@plugin_option
def regress_command(**given: Any) -> int:
    """Measure two versions of the code in one job: did training become slower, larger, or another?

    SUITE: a shipped suite or a TOML file; default sentinel. Base and head are trained in turns, a few steps each, in
    fresh processes with their own code; what looks slower is measured anew before it is called a REGRESSION. Where
    their first steps differ, both are trained over seeds and their scores and gradients compared.
    """
    alone = [name for name in _FILES if given[f"{name}_file"] == _STDOUT]
    if len(alone) > 1:
        raise UsageError(f"--{alone[0]} and --{alone[1]}: expected one of them to be -, received both")
    _check_folders(given)
    report = _measured(given) if given["render"] is None else _rendered(given)
    try:
        if not alone:
            _print(report, quiet=given["quiet"])
    finally:  # what was measured is kept, also where it cannot be printed
        _write(report, given)
    return report.exit_code if given["render"] is None else 0


def _check_folders(given: dict[str, Any]) -> None:
    """Raises UsageError now, rather than StoreError after all was measured."""
    for name in _FILES:
        path = given[f"{name}_file"]
        if path in (None, _STDOUT):
            continue
        if not (path.parent.is_dir() and os.access(path.parent, os.W_OK | os.X_OK)):
            raise UsageError(f"--{name}: expected a file in a folder that can be written to, received {path}")


def _rendered(given: dict[str, Any]) -> "Report":
    from bench.regress.report import read

    for flag in ("base", "head", "base_python", "head_python"):
        if given[flag] is not None:
            raise UsageError(f"--render: measures nothing, so leave out --{flag.replace('_', '-')}")
    return read(given["render"])


def _measured(given: dict[str, Any]) -> "Report":
    from bench.regress.faults import check
    from bench.regress.live import subjects
    from bench.regress.sides import checked_out
    from bench.suite import read_suite

    cells = subjects(read_suite(given["suite"]))
    faults = check(given["head_faults"])
    if given["base"] is None and given["base_python"] is None:
        raise UsageError("--base: expected a git ref or a folder, or --base-python; received neither")
    head = "." if given["head"] is None and given["head_python"] is None else given["head"]
    asked = [("base", given["base"], given["base_python"], ""), ("head", head, given["head_python"], faults)]
    with checked_out(asked, given["plugins"]) as (base, other), tempfile.TemporaryDirectory() as logs:
        return _measure(given, cells, base, other, Path(logs))


def _measure(given: dict[str, Any], cells: list[Any], base: Any, head: Any, logs: Path) -> "Report":
    import numpy as np

    from bench.regress.job import exit_code, run
    from bench.regress.live import Live
    from bench.regress.report import Report

    rng = np.random.default_rng(given["seed"])
    start = time.monotonic()
    end = float("inf") if given["budget"] is None else start + 60 * given["budget"]

    def progress(line: str) -> None:
        if not given["quiet"]:
            click.echo(f"{(time.monotonic() - start) / 60:6.1f} min  {_harmless(plain(line))}", err=True)

    found = run(
        cells,
        Live(base, head, logs, rng),
        rng,
        slo=given["slo"],
        more=lambda: time.monotonic() < end,
        progress=progress,
        always=given["train"],
    )
    code = exit_code(found, strict=given["strict"])
    minutes = (time.monotonic() - start) / 60
    return Report(base.label, head.label, given["suite"], given["slo"], code, minutes, found)


def _write(report: "Report", given: dict[str, Any]) -> None:
    from bench.regress.output import COMMENT_BYTES, SUMMARY_BYTES, to_junit, to_markdown
    from bench.regress.report import to_json
    from bench.store import write_atomic

    texts = (
        (given["json_file"], to_json(report)),
        (given["junit_file"], to_junit(report, strict=given["strict"])),
        (given["markdown_file"], to_markdown(report, COMMENT_BYTES)),
    )
    try:
        for path, text in sorted(texts, key=lambda each: each[0] != _STDOUT):  # no file can lose what is printed
            if path == _STDOUT:
                click.echo(text, nl=False)
            elif path is not None:
                write_atomic(path, text.encode())
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            room = SUMMARY_BYTES - (os.path.getsize(summary) if os.path.exists(summary) else 0)
            with open(summary, "a", encoding="utf-8") as file:
                file.write(to_markdown(report, room) if room > 2_000 else "")
    except OSError as error:
        raise StoreError(f"cannot write {error.filename}: {error.strerror}") from None


def _print(report: "Report", *, quiet: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bench.regress.output import COLUMNS, annotations, quiet_gates, remarks, row

    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        grid.add_column(name, justify="left" if name in ("cell", "speed") else "right", overflow="fold")
    for result in report.cells:
        grid.add_row(*(Text(_harmless(text)) for text in row(result)))
    console = Console()
    console.print(grid)
    for result in report.cells:
        for line in remarks(result):
            console.print(Text(_harmless(f"{plain(result.cell)}: {line}")), overflow="fold")
    if fine := quiet_gates(report.cells):
        console.print(Text(fine))
    console.print(Text(_harmless(plain(report.headline)), style="bold"))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in annotations(report.cells):
            click.echo(line)


def _harmless(text: str) -> str:
    """GitHub takes a line that starts with :: for a command, as a wrapped name may, and ##[ in any place of a line."""
    return re.sub(r":(?=:)|#(?=#\[)", r"\g<0> ", text)

"""`archbench show` and `archbench report`."""

import json
import webbrowser
from pathlib import Path
from textwrap import indent

import click

from bench.cli.options import names, report_damaged
from bench.errors import StoreError, UsageError, unknown
from bench.garbage import uncollected
from bench.report.output import FORMATS, write_report
from bench.report.text import plain
from bench.runs import read_runs, unfinished
from bench.store import Store

_run = click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.command("show")
@_run
@click.option("--json", "as_json", is_flag=True, help="One JSON array, an object a cell.")
def show_command(runs: tuple[Path, ...], as_json: bool) -> int:
    """The summary table of runs in the terminal. RUN: a folder that `archbench run` wrote."""
    stores = [Store(run).open() for run in runs]
    code = 0
    if as_json:
        code = _print_json(stores)
    else:
        with uncollected():
            _print_table(stores)
    for store in stores:
        report_damaged(store)
    return code


def _print_json(stores: list[Store]) -> int:
    """An object at a time: thousands of gradient profiles need not fit in memory. 4 where curves cannot be read."""
    from bench.report.objects import cell_object

    opening, code = "[", 0
    for store in stores:
        for record in store.timed(store.each()):
            try:
                curves = store.curves(record) if record.gradient else {}
            except StoreError as error:
                click.echo(plain(f"archbench: {error}"), err=True)
                curves, code = {}, StoreError.exit_code
            cell = cell_object(record, curves)
            click.echo(f"{opening}\n{indent(json.dumps(cell, indent=1, allow_nan=False), ' ')}", nl=False)
            opening = ","
    click.echo("[]" if opening == "[" else "\n]")
    return code


def _print_table(stores: list[Store]) -> None:
    from rich.console import Console

    from bench.report.terminal import print_summary

    records = [record for store in stores for record in store.records(flow=False)]
    if records:
        print_summary(records, Console())
    else:
        click.echo(f"{', '.join(str(store.folder) for store in stores)}: no records yet")
    ended = {record.cell_id for record in records}
    for store in stores:
        if (said := unfinished(str(store.folder), store, ended)) is not None:
            click.echo(plain(f"archbench: {said}"), err=True)


@click.command("report")
@_run
@click.option(
    "--format", "formats", multiple=True, callback=names, metavar="NAME", help=f"{', '.join(FORMATS)}; default html."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Default: report/ in the first run.")
@click.option("--open", "opened", is_flag=True, help="Show the page in a browser.")
def report_command(runs: tuple[Path, ...], formats: list[str], out: Path | None, opened: bool) -> int:
    """A report on runs, as one page or in other formats; several runs are merged. RUN: as `archbench run` wrote it.

    html: report.html. md: report.md, for a comment on a pull request. latex: table.tex. csv: summary.csv, cells.csv.
    json: report.json. figures: figures/, SVG and PNG.
    """
    for name in formats:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
    formats = formats or ["html"]
    if opened and "html" not in formats:
        raise UsageError(f"--open: expected html among --format, received {', '.join(formats)}")
    stores = [Store(run).open() for run in runs]
    found = read_runs(stores)
    for store in stores:
        report_damaged(store)  # first: they may be all there are
    title = ", ".join(dict.fromkeys(run.resolve().name for run in runs))
    paths = write_report(found, out or runs[0] / "report", formats=formats, title=title)
    for note in found.notes:
        click.echo(plain(f"archbench: {note}"), err=True)
    for path in paths:
        click.echo(str(path))
    if opened:
        _open(next(path for path in paths if path.suffix == ".html"))
    return 0


def _open(page: Path) -> None:
    if not webbrowser.open(page.resolve().as_uri()):
        click.echo(plain(f"archbench: --open: no browser found; open {page} in one"), err=True)

"""`archbench show` and `archbench report`."""

import json
from pathlib import Path
from textwrap import indent

import click

from bench.cli.options import report_damaged
from bench.store import Store, read_runs

_run = click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.command("show")
@_run
@click.option("--json", "as_json", is_flag=True, help="One JSON array, an object a cell.")
def show_command(runs: tuple[Path, ...], as_json: bool) -> int:
    """The summary table of runs in the terminal. RUN: a folder that `archbench run` wrote."""
    stores = [Store(run).open() for run in runs]
    if as_json:
        _print_json(stores)
    else:
        _print_table(stores)
    for store in stores:
        report_damaged(store)
    return 0


def _print_json(stores: list[Store]) -> None:
    """An object at a time: thousands of gradient profiles need not fit in memory."""
    from bench.report.objects import cell_object

    opening = "["
    for store in stores:
        for record in store.each():
            cell = cell_object(record, store.curves(record) if record.gradient else {})
            click.echo(f"{opening}\n{indent(json.dumps(cell, indent=1, allow_nan=False), ' ')}", nl=False)
            opening = ","
    click.echo("[]" if opening == "[" else "\n]")


def _print_table(stores: list[Store]) -> None:
    from rich.console import Console

    from bench.report.terminal import print_summary

    records = [record for store in stores for record in store.records(flow=False)]
    if not records:
        click.echo(f"{', '.join(str(store.folder) for store in stores)}: no records yet")
    print_summary(records, Console())


@click.command("report")
@_run
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Default: report/ in the first run.")
def report_command(runs: tuple[Path, ...], out: Path | None) -> int:
    """A Markdown report with tables and figures from runs."""
    stores = [Store(run).open() for run in runs]
    from bench.report.markdown import write_report

    records, curves = read_runs(stores)
    for store in stores:
        report_damaged(store)  # first: they may be all there are
    title = ", ".join(run.resolve().name for run in runs)
    path = write_report(records, curves, out or runs[0] / "report", title=title)
    click.echo(str(path))
    return 0

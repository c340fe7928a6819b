"""`archbench show` and `archbench report`."""

import json
from pathlib import Path

import click

from bench.store import Store, read_runs

_run = click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.command("show")
@_run
@click.option("--json", "as_json", is_flag=True, help="One JSON array, an object a cell.")
def show_command(runs: tuple[Path, ...], as_json: bool) -> int:
    """The summary table of runs in the terminal. RUN: a folder that `archbench run` wrote."""
    found = [(store, record) for store in [Store(run).open() for run in runs] for record in store.records()]
    if as_json:
        from bench.report.objects import cell_object

        cells = [cell_object(record, store.curves(record) if record.gradient else {}) for store, record in found]
        click.echo(json.dumps(cells, indent=1, allow_nan=False))
        return 0
    records = [record for _, record in found]
    from rich.console import Console

    from bench.report.terminal import print_summary

    if not records:
        click.echo(f"{', '.join(map(str, runs))}: no records yet")
    print_summary(records, Console())
    return 0


@click.command("report")
@_run
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Default: report/ in the first run.")
def report_command(runs: tuple[Path, ...], out: Path | None) -> int:
    """A Markdown report with tables and figures from runs."""
    stores = [Store(run).open() for run in runs]
    from bench.report.markdown import write_report

    records, curves = read_runs(stores)
    title = ", ".join(run.resolve().name for run in runs)
    path = write_report(records, curves, out or runs[0] / "report", title=title)
    click.echo(str(path))
    return 0

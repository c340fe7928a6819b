"""`archbench export`."""

import tempfile
from pathlib import Path

import click

from bench.cli.options import report_damaged
from bench.errors import UsageError
from bench.export._format import Format, Request, format_names, load_format, write_export
from bench.report.text import plain, trim
from bench.runs import read_runs
from bench.store import Store

STDOUT = "-"
NOTHING_MEASURED = 5
_LINE = 400
_MOST = 20
"""Lines on what is left out, before 'n more'."""


@click.command("export")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--to", "name", required=True, metavar="FORMAT", help=f"{', '.join(format_names())}.")
@click.option("--out", metavar="PATH", help="File or folder; default export/FORMAT in the first run; - prints a file.")
@click.option("--commit", metavar="HASH", help="The commit that was measured, for asv and pytest-benchmark.")
def export_command(runs: tuple[Path, ...], name: str, out: str | None, commit: str | None) -> int:
    """Runs in the format of another tool; several runs are read as one. RUN: as `archbench run` wrote it.

    Tools that take lower for better are given errors (1 - accuracy), times and memory. What a format cannot hold, such
    as the error of cells that failed, is named on standard error.
    """
    form = load_format(name)
    stores = [Store(run).open() for run in runs]
    place = runs[0] / "export" / (form.file or name) if out is None else Path(out)
    if out == STDOUT and form.file is None:
        raise UsageError(f"--out: expected a folder, as {name} is several files; received -")
    found = read_runs(stores)
    for store in stores:
        report_damaged(store)
    request = Request(found, place, commit)
    paths, lines = _printed(form, request) if out == STDOUT else write_export(form, request)
    for note in found.notes:
        click.echo(plain(f"archbench: {note}"), err=True)
    _report_left_out(lines)
    if not paths:
        click.echo(f"archbench: nothing to export to {name}: no cell has what it holds", err=True)
        return NOTHING_MEASURED
    if out != STDOUT:
        click.echo(str(place))
    return 0


def _printed(form: Format, request: Request) -> tuple[list[Path], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        paths, lines = write_export(form, request._replace(place=Path(folder) / STDOUT))
        for path in paths:
            click.echo(path.read_bytes(), nl=False)
    return paths, lines


def _report_left_out(lines: list[str]) -> None:
    for line in lines[:_MOST]:
        click.echo(trim(plain(f"archbench: left out: {line}"), _LINE), err=True)
    if len(lines) > _MOST:
        click.echo(f"archbench: left out: {len(lines) - _MOST} more", err=True)

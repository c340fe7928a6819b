"""`archbench data`."""

from pathlib import Path

import click

from bench.catalogue import Catalogue, discover
from bench.cli.options import plugin_option
from bench.cli.terminal import fold
from bench.errors import DataError, unknown
from bench.files import DataFile
from bench.report.text import plain


@click.command("data")
@click.argument("action", type=click.Choice(("status", "fetch")), default="status")
@click.argument("tasks", nargs=-1)
@plugin_option
def data_command(action: str, tasks: tuple[str, ...], plugins: tuple[Path, ...]) -> int:
    """Fetch and verify data sets ahead of time; say where they lie. TASKS: all that have files."""
    missing = 0
    for name, files in _files(discover(plugins), tasks).items():
        if not files:
            click.echo(fold(f"{name}: needs no download"))
        for file in files:
            try:
                path = file.fetch() if action == "fetch" else file.verified()
                click.echo(fold(plain(f"{name}: {path} is there and verified")))
            except DataError as error:
                missing += 1
                line = plain(f"{name}: {error}")
                click.echo(line if action == "fetch" else fold(line), err=action == "fetch")
    return DataError.exit_code if missing and action == "fetch" else 0


def _files(catalogue: Catalogue, wanted: tuple[str, ...]) -> dict[str, tuple[DataFile, ...]]:
    for name in wanted:
        if name not in catalogue.tasks:
            raise unknown("task", name, catalogue.tasks)
    chosen = {name: entry.value.files for name, entry in catalogue.tasks.items() if name in wanted or not wanted}
    return {name: files for name, files in chosen.items() if files or name in wanted}

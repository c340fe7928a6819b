"""`archbench baseline`."""

import json
import os
from pathlib import Path

import click

from bench.cli.options import report_damaged
from bench.errors import BenchError
from bench.report.text import plain
from bench.store import Store

NOTHING_MEASURED = 5


@click.group("baseline", invoke_without_command=True)
@click.pass_context
def baseline_command(ctx: click.Context) -> None:
    """Pack a run into one file to commit, for `compare` and `history`, and show such files."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@baseline_command.command("save")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", "folder", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Where to; default results/reference/baselines.")  # fmt: skip
@click.option("--commit", metavar="REF", help="What was measured: a git ref, or hex digits; default: HEAD.")
def save_command(run: Path, folder: Path | None, commit: str | None) -> int:
    """Write the results of a run into one file, named by machine, commit and environment, and print its path.

    A file is never overwritten. RUN: a folder that `archbench run` wrote.
    """
    from bench.baseline import FOLDER, pack, save
    from bench.commit import commit_of

    store = Store(run).open()
    of = commit_of(commit)
    records = store.records()
    report_damaged(store)
    packed = pack(records, store.curves, of)
    for note in packed.doubts(store.planned()):
        click.echo(plain(f"archbench: {note}"), err=True)
    click.echo(str(save(packed, folder or FOLDER)))
    return 0


@baseline_command.command("show")
@click.argument("path", metavar="FILE|FOLDER", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="All numbers, for a program.")
def show_command(path: Path | None, as_json: bool) -> int:
    """What a baseline holds, or a line for each in a folder; default results/reference/baselines."""
    from rich.console import Console

    from bench.baseline import FOLDER, read, read_folder
    from bench.report.baselines import baseline_object, line_object, print_baseline, print_baselines

    path = path or FOLDER
    if not os.path.isdir(path):
        baseline = read(path)
        if as_json:
            click.echo(json.dumps(baseline_object(path, baseline), indent=1, allow_nan=False))
        else:
            print_baseline(path, baseline, Console())
        return 0
    found, damaged = read_folder(path)
    report_unread(damaged)
    if as_json:
        click.echo(json.dumps([line_object(*each) for each in found.items()], indent=1, allow_nan=False))
    elif found:
        print_baselines(found, Console())
    return answer(path, bool(found), damaged)


def report_unread(damaged: list[BenchError]) -> None:
    """A line on standard error for each baseline that was left out."""
    for error in damaged:
        click.echo(plain(f"archbench: left out: {error}"), err=True)


def answer(folder: Path, found: bool, damaged: list[BenchError]) -> int:
    """The exit code of a folder: what cannot be read is not passed over, and nothing there is nothing measured."""
    if damaged:
        return damaged[0].exit_code
    if not found:
        click.echo(plain(f"archbench: no baseline in {folder}; `archbench baseline save RUN` writes one"), err=True)
        return NOTHING_MEASURED
    return 0

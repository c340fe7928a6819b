"""`archbench history`."""

import json
from pathlib import Path

import click

from bench.cli.baseline import answer, report_unread
from bench.cli.options import names
from bench.errors import UsageError, shown
from bench.report.text import plain

CHANGED = 1


def _directions(_: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> list[str]:
    from bench.history import DIRECTIONS

    found = names(_, parameter, given)
    for name in found:
        if name not in DIRECTIONS:
            raise UsageError(f"--fail-on: expected {', '.join(DIRECTIONS)}, received {shown(name)}")
    return found


@click.command("history")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="All numbers, for a program.")
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Write a page with a chart of every number.")  # fmt: skip
@click.option("--fail-on", multiple=True, metavar="LIST", callback=_directions,
              help="Exit with 1 where a change that nobody acknowledged is worse, better, changed.")  # fmt: skip
def history_command(folder: Path | None, as_json: bool, html: Path | None, fail_on: list[str]) -> int:
    """Where the numbers of committed baselines changed, by commit.

    FOLDER: one that `archbench baseline save` wrote into, with an ack.toml for the changes that are known; default
    results/reference/baselines.
    """
    from bench.acknowledged import FILE, read_acknowledged
    from bench.baseline import FOLDER, read_folder
    from bench.history import history

    folder = folder or FOLDER
    baselines, damaged = read_folder(folder)
    known = read_acknowledged(folder)
    report_unread(damaged)
    if not baselines:
        return answer(folder, False, damaged)
    found = history(baselines, known)
    for each in found.unmatched:
        line = f"{FILE}: no change of {each.quantity} of {each.cell} at commit {each.commit}; take it out"
        click.echo(plain(f"archbench: {line}"), err=True)
    if as_json:
        from bench.report.history import history_object

        click.echo(json.dumps(history_object(found), indent=1, allow_nan=False))
    else:
        from rich.console import Console

        from bench.report.history import print_history

        print_history(found, Console())
    if html:
        from bench.report.html.history import write_history

        click.echo(str(write_history(found, html, title=folder.resolve().name)), err=as_json)
    regressed = any(change.direction in fail_on for _, change in found.alerts)
    return answer(folder, True, damaged) or CHANGED * regressed

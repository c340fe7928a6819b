"""`archbench plan` and `archbench run`."""

import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from shutil import which
from typing import Any

import click

from bench.catalogue import Catalogue, discover
from bench.cli.options import Checked, Size, names, plugin_option, report_broken, report_damaged
from bench.cli.terminal import columns, fold
from bench.errors import BenchError, UsageError
from bench.execute.request import Request
from bench.plan import Cell, Flags
from bench.report.text import plain
from bench.resume import FINISHED
from bench.runs import read_runs
from bench.setting import Setting, Value
from bench.suite import CELL, TRAINING

_FAILED, _NOTHING_MEASURED = 4, 5
_WORKERS = Setting(1, "worker processes", minimum=1, maximum=1024)
_TIMEOUT = Setting(1.0, "seconds a cell may take", minimum=1e-3, maximum=1e9)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags that `plan` and `run` share."""
    options = [
        click.argument("suite", required=False),
        click.option("--task", "tasks", multiple=True, callback=names, metavar="NAME", help="Repeatable; or a,b."),
        click.option("--arch", "archs", multiple=True, callback=names, metavar="NAME", help="Repeatable; or a,b."),
        click.option("--set", "settings", multiple=True, metavar="NAME.KEY=VALUE", help="A task's or arm's setting."),
        click.option("--units", type=Checked(CELL["units"]), help="Width of every architecture."),
        click.option("--params", type=Checked(CELL["params"]), help="Match N trainable parameters, embedding apart."),
        click.option("--steps", type=Checked(TRAINING["steps"]), help="Training steps."),
        click.option("--epochs", type=Checked(TRAINING["epochs"]), help="Passes over the training set."),
        click.option("--batch-size", type=Checked(TRAINING["batch_size"])),
        click.option("--optimizer", type=Checked(TRAINING["optimizer"])),
        click.option("--lr", type=Checked(TRAINING["lr"]), help="Learning rate."),
        click.option("--clip", type=Checked(TRAINING["clip"], none=True), help="Bound on the global gradient norm."),
        click.option("--evaluations", type=Checked(TRAINING["evaluations"]), help="Validations over the training."),
        click.option("--stop-solved/--no-stop-solved", default=None, help="End a cell once it solves its task."),
        click.option(
            "--probe-every", type=Checked(TRAINING["probe_every"]), help="Steps between gradient probes; 0: none."
        ),
        click.option(
            "--probe-at", type=Checked(TRAINING["probe_at"]), help="Probe this step's loss, where there is one a step."
        ),
        click.option("--spectrum/--no-spectrum", default=None, help="Also take Jacobians of the state."),
        click.option("--train-size", type=Checked(TRAINING["train_size"]), help="Training samples used."),
        click.option("--seeds", type=Checked(CELL["seeds"]), help="Seeds 0..N-1; default 1, or the suite's."),
        click.option("--seed", "seed", multiple=True, callback=names, metavar="LIST", help="These seeds: 0,3,7."),
        click.option("--backend", type=Checked(CELL["backend"]), help="Keras backend."),
        click.option("--threads", type=Checked(CELL["threads"]), help="Threads a worker computes with."),
        click.option("--workers", type=Checked(_WORKERS), help="Worker processes; default: cores / threads."),
        click.option(
            "--out", type=click.Path(path_type=Path), metavar="DIR", help="Default: results/SUITE, or results/custom."
        ),
        click.option("--fresh", is_flag=True, help="Train finished cells again."),
        click.option("--speed/--no-speed", default=None, help="Time cells alone on the machine after the training."),
        plugin_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _request(given: dict[str, Any]) -> Request:
    catalogue = discover(given["plugins"])
    try:
        request = _asked(given, catalogue)
    except BenchError as error:
        report_broken(catalogue, but=error)
        raise
    report_broken(catalogue)
    return request


def _asked(given: dict[str, Any], catalogue: Catalogue) -> Request:
    if given["seeds"] is not None and given["seed"]:
        raise UsageError("--seeds and --seed: expected one of them, received both")
    if given["units"] is not None and given["params"] is not None:
        raise UsageError("--units and --params: expected one of them, received both")
    training: dict[str, Value | None] = {key: given[key] for key in TRAINING if given[key] is not None}
    seeds = [int(CELL["seed"].parse("--seed", seed)) for seed in given["seed"]]
    flags = Flags(
        tasks=given["tasks"],
        architectures=given["archs"],
        settings=given["settings"],
        seeds=seeds or (None if given["seeds"] is None else range(given["seeds"])),
        training=training,
        units=given["units"],
        params=given["params"],
        backend=given["backend"],
        threads=given["threads"],
    )
    return Request(
        catalogue,
        suite=given["suite"],
        flags=flags,
        out=given["out"],
        workers=given["workers"],
        fresh=given["fresh"],
        speed=given["speed"],
        plugins=given["plugins"],
    )


def _say(lines: str) -> None:
    for line in lines.splitlines():
        click.echo(fold(plain(line)))


def _list(states: Iterable[tuple[Cell, str, str]]) -> None:
    """A line a cell; in a terminal each task with its settings, which are long, above its cells."""
    people, above = columns() is not None, ""
    for cell, state, note in states:
        settings = ",".join(f"{key}={value}" for key, value in cell.task_settings.items())
        task = plain(f"{cell.task}[{settings}]")
        if people and task != above:
            click.echo(fold(task))
        above = task
        start = f"  {state:<5} {cell.id}" if people else f"{state:<5} {cell.id} {task}"
        rest = plain(f"{cell.architecture} seed {cell.seed}") + (f": {plain(note)}" if note else "")
        click.echo(fold(f"{start} {rest}"))


@click.command("plan")
@_options
def plan_command(**given: Any) -> None:
    """The cells that `run` would train, with skips, reuse and estimated time. Trains nothing.

    SUITE: a shipped suite (`archbench list suites`) or a TOML file; default quick.
    """
    request = _request(given)
    _list(request.states())
    _say(request.summary())
    report_damaged(request.store)
    if tasks := ", ".join(request.missing()):
        what = f"no data yet for {tasks}: `run` downloads it; without a network see `archbench data status`"
        click.echo(plain(f"archbench: {what}"), err=True)


@click.command("run")
@_options
@click.option("--timeout", type=Checked(_TIMEOUT), help="Seconds a cell may take.")
@click.option("--memory", type=Size(), metavar="SIZE", help="Memory a worker may hold, such as 2GB.")
@click.option("--quiet", is_flag=True, help="No progress, only the result.")
def run_command(**given: Any) -> int:
    """Train every architecture on every task over several seeds and print a comparison.

    SUITE: a shipped suite (`archbench list suites`) or a TOML file; default quick, which needs no download.
    """
    request = _request(given)
    with request.store.create().lock():
        return _run(request, timeout=given["timeout"], memory=given["memory"], quiet=given["quiet"])


def _run(request: Request, *, timeout: float | None, memory: int | None, quiet: bool) -> int:
    from bench.cli.progress import observer, timing

    for path, why in request.set_aside():
        click.echo(plain(f"archbench: set aside: record {path}: {why}"), err=True)
    if not quiet:
        _say(request.summary())
    before = len(request.records)
    try:
        for error in request.fetch():
            click.echo(plain(f"archbench: {error}"), err=True)
        with observer(len(request.to_train), quiet=quiet) as shown:
            request.run(shown, timeout=timeout, memory=memory)
        untimed: list[str] = []
        if cells := request.to_time():
            with timing(len(cells), quiet=quiet) as share:
                untimed = request.time(cells, share, timeout=timeout)
    except KeyboardInterrupt:
        kept = sum(record.status in FINISHED for record in request.records)
        click.echo(f"\nstopped: {kept} of {len(request.cells)} cells are finished and kept; resume with", err=True)
        again = [argument for argument in sys.argv[1:] if argument != "--fresh"]  # it would train the finished ones too
        click.echo(f"  {shlex.join([_program(), *again])}", err=True)
        if request.fresh:
            click.echo("which takes what is not trained anew yet from earlier runs, where it was trained", err=True)
        raise
    return _conclude(request, untimed, drawn=len(request.records) > before or bool(cells))


def _program() -> str:
    """What this program is called by: its name, or its path where a shell would not find the name."""
    called = sys.argv[0]
    return called if Path(called).name == "archbench" and which("archbench") is None else "archbench"


def _conclude(request: Request, untimed: list[str], *, drawn: bool) -> int:
    """Print the table and where everything is; the exit code. `untimed`: what could not be timed, and why."""
    from rich.console import Console

    from bench.report.output import write_report
    from bench.report.terminal import print_summary

    print_summary(request.records, Console())
    folder = request.store.folder
    report = folder / "report" / "report.html"
    if drawn or not report.exists():  # of all that lies in the folder, also from earlier commands
        click.echo("writing the report ...", err=True)
        try:
            (report,) = write_report(read_runs([request.store]), report.parent, title=folder.resolve().name)
        except KeyboardInterrupt:
            click.echo(f"\nstopped; all records are kept, write the report with\n  archbench report {folder}", err=True)
            raise
    click.echo(f"report   {report}\nrecords  {folder}")
    for line in untimed:
        click.echo(plain(f"archbench: speed not measured, {line}"), err=True)
    unfinished = [record for record in request.records if record.status not in ("ok", "skipped")]
    if unfinished:
        click.echo(f"archbench: {len(unfinished)} of {len(request.records)} cells did not end ok:", err=True)
    before = ""
    for record in unfinished:
        where = f"{record.cell_id} {record.task} {record.architecture} seed {record.seed}"
        why = f"{record.status}: {record.reason}"
        click.echo("  " + plain(f"{where}: {f'{record.status}, as above' if why == before else why}"), err=True)
        before = why
    if not any(record.status == "ok" for record in request.records):
        click.echo("archbench: nothing was measured", err=True)
        return _FAILED if unfinished else _NOTHING_MEASURED
    return _FAILED if unfinished or untimed or request.broken else 0

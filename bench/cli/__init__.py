"""The command line: parses, calls one function, prints. Commands are imported when they are called."""

import atexit
import gc
import os
import signal
import sys
import traceback
from importlib import import_module

import click

import bench
from bench.cli.pipes import outlive_readers
from bench.errors import BenchError, unknown
from bench.report.text import plain

_COMMANDS = {
    "list": ("catalogue", "The catalogue, a line each."),
    "info": ("catalogue", "One task, architecture, suite or claim: definition and settings."),
    "data": ("data", "Fetch and verify data sets; say where they lie."),
    "plan": ("run", "The cells that `run` would train; trains nothing."),
    "run": ("run", "Train every architecture on every task and compare."),
    "show": ("results", "The summary table of runs in the terminal."),
    "report": ("results", "A report as one page, or in other formats."),
    "compare": ("compare", "Two runs, matched cell by cell: better, worse, equivalent, unclear, missing."),
    "baseline": ("baseline", "Pack a run into one file to commit, and show such files."),
    "history": ("history", "Where the numbers of committed baselines changed."),
    "export": ("export", "Runs in the formats of other tools: pytest-benchmark, asv, Parquet, MLflow, ..."),
    "doctor": ("doctor", "What works here, how steady timings are, and what to mend."),
    "claims": ("claims", "A verdict on each textbook claim, with its evidence."),
    "regress": ("regress", "Measure two versions of the code in one job: the gate of a CI."),
}
"""Command -> its module in this folder, and a line for the help page, which imports none of them."""

INTERRUPTED = 130


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command = getattr(import_module(f"{__name__}.{_COMMANDS[name][0]}"), f"{name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS:
            raise unknown("command", args[0], _COMMANDS)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Lazy,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(bench.__version__, prog_name="archbench")
@click.pass_context
def archbench(ctx: click.Context) -> None:
    """A test bench for neural architectures in Keras: accuracy, speed and gradient flow under equal conditions.

    Start with `archbench run`: it trains the suite `quick` and prints a comparison.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _usage(ctx: click.Context | None) -> str:
    if ctx is None:
        return ""
    path = ctx.command_path
    return f"; usage: {path} {' '.join(ctx.command.collect_usage_pieces(ctx))}, more by {path} --help"


def main() -> None:
    """Run the command line. A user's mistake is one line on standard error; the exit code says what happened."""
    if "_ARCHBENCH_COMPLETE" in os.environ:
        archbench.main(prog_name="archbench")
    outlive_readers()
    atexit.register(gc.freeze)  # else Python ends by searching all it imported for garbage: 0.6 s after a report
    try:
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # not where the caller has it ignored
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # who is told to end says how to go on
        # Not archbench.main(): its answer to a broken pipe is exit code 1, which here says that something regressed.
        with archbench.make_context("archbench", sys.argv[1:]) as context:
            code = archbench.invoke(context)
    except click.exceptions.Exit as error:  # --help and --version
        code = error.exit_code
    except BenchError as error:
        click.echo(plain(f"archbench: {error}"), err=True)
        code = error.exit_code
    except click.MissingParameter as error:
        click.echo(plain(f"archbench: {error.format_message().rstrip('.')}{_usage(error.ctx)}"), err=True)
        code = 2
    except click.ClickException as error:
        click.echo(plain(f"archbench: {error.format_message()}"), err=True)
        code = 2
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except Exception:  # a mistake in here, with its traceback; Python's exit code 1 says that something regressed
        traceback.print_exc()
        code = BenchError.exit_code
    sys.exit(code)

"""`archbench claims`."""

import json
from pathlib import Path

import click

from bench.catalogue import claim_names, discover
from bench.cli.options import Checked, names, report_damaged
from bench.errors import UsageError
from bench.runs import read_runs
from bench.setting import Setting
from bench.store import Store

REFERENCE = Path("results") / "reference"
FAILED, INCONCLUSIVE = 1, 3


@click.command("claims")
@click.argument("runs", metavar="[RUN]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--claim", "chosen", multiple=True, metavar="NAME", callback=names, help="This claim; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, an object a claim.")
@click.option(
    "--fail-on",
    type=Checked(Setting("refuted", "verdict", choices=("refuted", "unclear"))),
    multiple=True,
    help="Exit with 1 where a claim is refuted, or unclear; repeatable.",
)
@click.option("--strict", is_flag=True, help="Exit with 3 where a claim is unclear.")
def claims_command(
    runs: tuple[Path, ...], chosen: list[str], as_json: bool, fail_on: tuple[str, ...], strict: bool
) -> int:
    """A verdict on each textbook claim, with its evidence.

    RUN: a folder that `archbench run` wrote, or one that holds such folders; default results/reference.
    """
    stores = [store for run in runs or (REFERENCE,) for store in _stores(run)]
    from bench.report.verdicts import print_verdicts, verdict_objects
    from bench.verdicts import assess, load_claim

    claims = [load_claim(name) for name in chosen or claim_names()]
    found = read_runs(stores)
    for store in stores:
        report_damaged(store)
    catalogue = discover()
    verdicts = {claim.name: assess(claim, found.records, found.curves, catalogue) for claim in claims}
    if as_json:
        click.echo(json.dumps(verdict_objects(claims, verdicts), indent=1, allow_nan=False))
    else:
        from rich.console import Console

        print_verdicts(claims, verdicts, Console(), detail=bool(chosen))
    return exit_code({verdict.outcome for verdict in verdicts.values()}, fail_on, strict=strict)


def exit_code(outcomes: set[str], fail_on: tuple[str, ...], *, strict: bool) -> int:
    """What the command line answers to these verdicts."""
    if outcomes & set(fail_on):
        return FAILED
    return INCONCLUSIVE if strict and "unclear" in outcomes else 0


def _stores(folder: Path) -> list[Store]:
    """The run in a folder, or the runs in the folders within. UsageError where there is none."""
    if folder.is_dir() and not Store(folder).is_run():
        inner = [Store(path) for path in sorted(folder.iterdir()) if Store(path).is_run()]
        if inner:
            return inner
    if folder == REFERENCE and not Store(folder).is_run():
        raise UsageError(
            f"no run in {folder}; name one that `archbench run` wrote, or make one:"
            f" archbench run vanishing --out {folder / 'vanishing'}"
        )
    return [Store(folder).open()]

"""`archbench doctor`."""

import json
import textwrap
from dataclasses import asdict
from pathlib import Path

import click

from bench.catalogue import discover
from bench.cli.options import Checked, report_broken
from bench.errors import BenchError
from bench.execute.doctor import Finding, findings, run_checkup
from bench.report.text import plain
from bench.suite import CELL

_INDENT = 20
_WIDTH = 80


@click.command("doctor")
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), metavar="DIR", help="Results folder.")
@click.option("--backend", type=Checked(CELL["backend"]), default="tensorflow", help="Keras backend to run.")
@click.option("--threads", type=Checked(CELL["threads"]), default=1, help="Threads to compute with.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array of {name, level, value, advice}.")
def doctor_command(out: Path, backend: str, threads: int, as_json: bool) -> int:
    """Versions, backends, devices, data and the noise of this machine; what to mend."""
    catalogue = discover()
    report_broken(catalogue)
    found = []
    for finding in findings(catalogue, out, backend=backend, threads=threads, checkup=run_checkup):
        found.append(finding)
        if not as_json:
            click.echo(lines(finding))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=1))
    return BenchError.exit_code if any(finding.level == "problem" for finding in found) else 0


def lines(finding: Finding) -> str:
    """A finding in at most 80 columns, what to do beneath it."""
    start = f"{finding.level:<8}{finding.name:<{_INDENT - 9}} "
    texts = [(start, finding.value), *([(" " * _INDENT, f"-> {finding.advice}")] if finding.advice else [])]
    return "\n".join(
        textwrap.fill(plain(text), _WIDTH, initial_indent=first, subsequent_indent=" " * _INDENT)
        for first, text in texts
    )

"""`archbench list` and `archbench info`."""

import json
from pathlib import Path

import click

from bench.catalogue import discover
from bench.cli.options import plugin_option, report_broken
from bench.cli.terminal import cut
from bench.describe import catalogue_lines, describe
from bench.report.text import plain

_KINDS = ("tasks", "architectures", "suites", "claims")


@click.command("list")
@click.argument("kind", type=click.Choice(_KINDS), required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON array of {kind, name, summary}.")
@plugin_option
def list_command(kind: str | None, as_json: bool, plugins: tuple[Path, ...]) -> None:
    """The catalogue, a line each."""
    catalogue = discover(plugins)
    items = [item for item in catalogue_lines(catalogue) if kind in (None, item["kind"])]
    if as_json:
        click.echo(json.dumps(items, indent=1))
    else:
        width = max(len(item["name"]) for item in items)
        shown = ""
        for item in items:
            if item["kind"] != shown:
                click.echo(("\n" if shown else "") + f"{item['kind']}:")
                shown = item["kind"]
            click.echo(cut(f"  {item['name']:<{width}}  {plain(item['summary'])}"))
    report_broken(catalogue)


@click.command("info")
@click.argument("name")
@plugin_option
def info_command(name: str, plugins: tuple[Path, ...]) -> None:
    """One task, architecture, suite or claim: definition, shapes, chance level, settings, source."""
    catalogue = discover(plugins)
    report_broken(catalogue)
    click.echo(describe(catalogue, name))

import shlex
from dataclasses import replace

import pytest
from click.testing import CliRunner

from bench.catalogue import discover
from bench.cli import run as cli
from bench.plan import Flags, blank, plan
from bench.report.html.command import command
from bench.suite import adhoc_suite, read_suite

CATALOGUE = discover()


def planned(text: str) -> list[str]:
    """What `archbench plan` makes of the command's flags."""
    _, _, *arguments = shlex.split(text)
    result = CliRunner().invoke(cli.plan_command, arguments, standalone_mode=False)
    assert result.exception is None, result.exception
    return [line.split()[1] for line in result.output.splitlines() if " seed " in line]


@pytest.mark.parametrize(
    ("tasks", "architectures", "given"),
    [
        (["adding"], ["lstm"], {"training": {"clip": 1.0, "steps": 50, "stop_solved": True}}),
        (["adding"], ["gru"], {"training": {"clip": "none", "optimizer": "sgd", "probe_every": 0}, "threads": 2}),
        (["copy"], ["rnn"], {"training": {"spectrum": True, "probe_at": 3}, "settings": ["copy.length=7"]}),
        (["digits"], ["cnn"], {"training": {"epochs": 2, "train_size": 100}}),
        (["digits"], ["mlp"], {"params": 5000}),
    ],
)
def test_the_command_plans_the_very_same_cells(
    tasks: list[str], architectures: list[str], given: dict[str, object]
) -> None:
    cells = plan(CATALOGUE, adhoc_suite(tasks, architectures), Flags(seeds=[0, 3], **given))  # type: ignore[arg-type]
    records = [blank(cell, CATALOGUE.task(cell.task).value, status="ok") for cell in cells]
    assert planned(command(records)) == [cell.id for cell in cells]


def test_so_it_does_for_every_cell_of_the_shipped_suite_quick() -> None:
    cells = plan(CATALOGUE, read_suite("quick"))
    for cell in {cell.group: cell for cell in cells}.values():
        record = blank(cell, CATALOGUE.task(cell.task).value, status="ok")
        assert planned(command([record])) == [cell.id]


def test_no_name_leaves_its_word_in_a_shell() -> None:
    cell = plan(CATALOGUE, adhoc_suite(["adding"], ["rnn"]))[0]
    record = blank(replace(cell, task="a; rm -rf $HOME `x`"), CATALOGUE.task("adding").value, status="ok")
    assert shlex.split(command([record]))[3] == "a; rm -rf $HOME `x`"

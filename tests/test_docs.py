"""What the documentation shows works, from outside the repository."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from cells import EXAMPLES

from bench import record
from bench.cli import _COMMANDS, archbench
from bench.execute.process import environment
from bench.record import CURVES

ROOT = EXAMPLES.parents[1]


def _archbench(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "bench", *arguments],
        cwd=folder,
        env=environment("tensorflow", 1),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_example_task_and_architecture_run_together_from_outside_the_repository(tmp_path):
    for name in ("first_value.py", "leaky.py"):
        (tmp_path / name).write_bytes((EXAMPLES / name).read_bytes())
    (tmp_path / "tasks.py").write_text("raise RuntimeError('a file of the user, never ours')\n")
    plugins = ["--plugin", "first_value.py", "--plugin", "leaky.py"]
    small = ["--task", "first-value", "--arch", "leaky,rnn", "--steps", "120", "--seeds", "1"]
    ran = _archbench(tmp_path, "run", *plugins, *small, "--set", "first-value.test_size=200")
    assert ran.returncode == 0, ran.stderr
    assert "leaky" in ran.stdout
    assert (tmp_path / "results" / "custom" / "report" / "report.html").is_file()
    shown = _archbench(tmp_path, "show", "results/custom", "--json")
    cells = {cell["architecture"]: cell for cell in json.loads(shown.stdout)}
    assert cells.keys() == {"leaky", "rnn"}
    assert all(cell["status"] == "ok" and 0 < cell["value"] < 0.2 for cell in cells.values())


@pytest.mark.parametrize("command", sorted(_COMMANDS))
def test_every_command_is_documented(command):
    assert f"| `{command}" in (ROOT / "docs" / "cli.md").read_text()


@pytest.mark.parametrize("command", ["run", "claims", "compare", "history"])
def test_every_flag_of_the_larger_commands_is_explained(command):
    text = (ROOT / "docs" / "cli.md").read_text()
    flags = set(re.findall(r"^\s+(?:-\w, )?(--[a-z-]+)", _archbench(ROOT, command, "--help").stdout, re.MULTILINE))
    missing = {flag for flag in flags - {"--help"} if f"`{flag}" not in text and f"{flag}`" not in text}
    assert len(flags) >= 4
    assert not missing


def test_the_page_of_commands_has_every_command_and_flag_of_the_click_tree():
    text = _reference().commands()
    context = archbench.make_context("archbench", [], resilient_parsing=True)
    for name in archbench.list_commands(context):
        command = archbench.get_command(context, name)
        section = text.partition(f"## archbench {name}\n")[2].partition("\n## ")[0]
        assert command.help.splitlines()[0] in section
        for option in (param for param in command.params if isinstance(param, click.Option) and not param.hidden):
            assert [flag for flag in (*option.opts, *option.secondary_opts) if flag not in section] == []
            assert option.help is None or option.help.replace("|", "\\|") in section


def test_the_page_of_commands_has_the_commands_of_a_group_with_their_flags():
    text = _reference().commands()
    section = text.partition("## archbench baseline save\n")[2].partition("\n## ")[0]
    assert "`--to FOLDER`" in section
    assert "archbench baseline save [OPTIONS] RUN" in section
    assert "## archbench baseline show\n" in text


def test_the_page_of_the_schema_has_every_field_with_its_meaning():
    text = _reference().schema()
    parts = [part for part in vars(record).values() if isinstance(part, type) and issubclass(part, record._Part)]
    for part in parts:
        section = text.partition(f"## {part.__name__}\n")[2].partition("\n## ")[0]
        if part is not record._Part:
            assert [field for field in part.model_fields if f"| `{field}` |" not in section] == []
    assert "| `peak_bytes` | integer or null | The most memory that training steps take: on a GPU" in text
    assert [name for name in CURVES if f"| `{name}` |" not in text] == []


def _reference():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_array_is_documented():
    text = (ROOT / "docs" / "results.md").read_text()
    assert [name for name in CURVES if f"`{name}`" not in text] == []


def test_every_fault_names_tests_that_are_there():
    text = (ROOT / "docs" / "faults.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    there = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        files = re.findall(r"`(tests/\S+)`", row)
        assert named or files, row
        assert [name for name in named if f"def {name}(" not in there] == []
        assert [name for name in files if not (ROOT / name).is_file()] == []
    assert len(rows) > 15


def test_the_commands_of_the_readme_plan_without_error(tmp_path):
    lines = re.findall(r"^archbench run ([^#\n]*)", (ROOT / "README.md").read_text(), re.MULTILINE)
    commands = [line.split() for line in lines if "my_task" not in line]
    assert len(commands) >= 3
    for command in commands:
        planned = _archbench(tmp_path, "plan", *command)
        assert planned.returncode == 0, planned.stderr

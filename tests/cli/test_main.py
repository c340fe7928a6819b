"""The command line as a whole: help, exit codes, one line for every mistake, no framework where none is needed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from baselines import history_of, written
from sides import record, side

import bench
from bench.cli import _COMMANDS
from bench.cli import archbench as group
from bench.execute.process import environment
from bench.store import Store

Archbench = Callable[..., Any]


def commands() -> list[str]:
    return group.list_commands(click.Context(group))


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_without_a_command_the_help_is_shown(archbench: Archbench, arguments: list[str]) -> None:
    called = archbench(*arguments)
    assert (called.code, called.err) == (0, "")
    for command in _COMMANDS:
        assert f"\n  {command} " in called.out


def test_the_version_is_told(archbench: Archbench) -> None:
    assert bench.__version__ in archbench("--version").out


def test_a_mistake_of_archbench_itself_is_a_traceback_and_exit_code_4_which_no_regression_has(
    archbench: Archbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr("bench.suite.read_suite", broken)
    called = archbench("regress", "--base", ".")
    assert (called.code, called.out) == (4, "")
    assert called.err.startswith("Traceback (most recent call last):")
    assert called.err.endswith("ZeroDivisionError: a mistake\n")


@pytest.mark.parametrize("command", commands())
def test_every_command_has_help_of_its_own(archbench: Archbench, command: str) -> None:
    called = archbench(command, "--help")
    assert (called.code, called.err) == (0, "")
    assert f" {command} " in called.out.splitlines()[0]
    found = group.get_command(click.Context(group), command)
    assert found is not None
    assert found.help
    assert found.get_short_help_str()


PLAN = [
    (["--task", "addin"], "unknown task 'addin'; did you mean adding"),
    (["--arch", "lsmt"], "unknown architecture 'lsmt'; did you mean lstm"),
    (["--task", "adding", "--arch", "rnn,lsmt"], "unknown architecture 'lsmt'"),
    (["quik"], "unknown suite 'quik'; did you mean quick?"),
    (["nowhere.toml"], "cannot read suite nowhere.toml: No such file or directory; expected a TOML file"),
    (["--backend", "jaxx"], "--backend: expected one of jax, tensorflow, torch, received 'jaxx'"),
    (["--set", "addin.length=5"], "unknown task or architecture 'addin'; did you mean adding"),
    (["--set", "adding.lenth=5"], "unknown setting 'adding.lenth'; did you mean adding.length"),
    (["--set", "adding.length=abc"], "adding.length: expected an integer >= 2 and <= 100000, received 'abc'"),
    (["--set", "adding.length=1"], "adding.length: expected an integer >= 2 and <= 100000, received '1'"),
    (["--set", "a\nb"], r"--set: expected TASK.KEY=VALUE or ARCH.KEY=VALUE, received 'a\nb'"),
    (["--steps", "-1"], "--steps: expected an integer >= 1 and <= 1000000000, received '-1'"),
    (["--steps", "1e3"], "--steps: expected an integer >= 1 and <= 1000000000, received '1e3'"),
    (["--steps", "٣"], "--steps: expected an integer"),
    (["--steps", "9" * 9000], "--steps: expected an integer"),
    (["--epochs", "0"], "--epochs: expected an integer >= 1"),
    (["--steps", "5", "--epochs", "5"], "steps and epochs: expected one of them, received both"),
    (["--task", "adding", "--epochs", "5"], "epochs: adding draws fresh samples at every step"),
    (["--params", "10"], "--params: expected an integer >= 100 and <= 10000000000, received '10'"),
    (["--units", "0"], "--units: expected an integer >= 1"),
    (["--units", "5", "--params", "1000"], "--units and --params: expected one of them, received both"),
    (["--seeds", "0"], "--seeds: expected an integer >= 1 and <= 10000, received '0'"),
    (["--seeds", "a"], "--seeds: expected an integer"),
    (["--seed", "a"], "--seed: expected an integer >= 0 and <= 4294967295, received 'a'"),
    (["--seed", "1,-1"], "--seed: expected an integer >= 0 and <= 4294967295, received '-1'"),
    (["--seeds", "2", "--seed", "1"], "--seeds and --seed: expected one of them, received both"),
    (["--lr", "nan"], "--lr: expected a number >= 1e-09 and <= 1000, received 'nan'"),
    (["--lr", "0,1"], "--lr: expected a number"),
    (["--clip", "None"], "--clip: expected a number"),
    (["--optimizer", "adm"], "--optimizer: expected one of adam, adamw, nadam, rmsprop, sgd, received 'adm'"),
    (["--threads", "0"], "--threads: expected an integer >= 1"),
    (["--workers", "0"], "--workers: expected an integer >= 1"),
    (["--task", ","], "--task: expected at least one name or number, received ','"),
    (["--arch", ""], "--arch: expected at least one name or number, received ''"),
    (["--seed", " "], "--seed: expected at least one name or number, received ' '"),
    (["--plugin", "nowhere.py"], "--plugin nowhere.py: no such file; expected a Python file"),
    (["--plugin", "no\nwhere\x1b[31m.py"], "no such file; expected a Python file"),
    (["--plugin", "."], "--plugin .: no such file; expected a Python file"),
    (["--stepz", "3"], "No such option"),
    (["--steps"], "requires an argument"),
    (["quick", "images"], "unexpected extra argument"),
    (["--stop-solved=yes"], "does not take a value"),
    (["--task", "digits", "--set", "adding.length=5"], "--set adding: expected a name of the plan's cells"),
    (["--task", "\x1b[31m\u202e"], r"unknown task '\x1b[31m\u202e'"),
]


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize(("arguments", "message"), PLAN)
def test_a_wrong_plan_is_one_line_and_exit_code_2(
    archbench: Archbench, elsewhere: Path, command: str, arguments: list[str], message: str
) -> None:
    called = archbench(command, *arguments)
    assert called.code == 2
    assert message in called.complaint
    assert called.complaint.isprintable()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_backend_that_is_not_installed_is_one_line_and_exit_code_2(
    archbench: Archbench, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("bench.backends.find_spec", lambda name: None)
    called = archbench(command, "--backend", "jax")
    assert called.code == 2
    assert "backend jax is not installed: pip install 'archbench[jax]'" in called.complaint
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "unknown command 'rnu'; did you mean run?"),
        ([""], "unknown command ''"),
        (["--nope"], "No such option"),
        (["list", "taks"], "'taks' is not one of 'tasks', 'architectures', 'suites'"),
        (["info"], "Missing argument"),
        (["info", "lsmt"], "unknown name 'lsmt'; did you mean lstm"),
        (["info", ""], "unknown name ''"),
        (["data", "fetchh"], "'fetchh' is not one of 'status', 'fetch'"),
        (["data", "status", "mnsit"], "unknown task 'mnsit'; did you mean mnist"),
        (["data", "fetch", "mnsit"], "unknown task 'mnsit'"),
        (["show"], "Missing argument 'RUN...'; usage: archbench show [OPTIONS] RUN..., more by archbench show --help"),
        (["baseline", "save"], "usage: archbench baseline save [OPTIONS] RUN, more by"),
        (["show", "nowhere"], "nowhere: no archbench run; expected a folder written by `archbench run --out`"),
        (["show", ".", "--json"], ".: no archbench run"),
        (["show", "x" * 5000], "no archbench run"),
        (["report", "nowhere"], "nowhere: no archbench run"),
        (["run", "--timeout", "0"], "--timeout: expected a number >= 0.001"),
        (["run", "--memory", "0"], "--memory: expected a size of at least 1MB, such as 2GB or 500MB, received '0'"),
        (["run", "--memory", "2"], "--memory: expected a size of at least 1MB"),
        (["run", "--memory", "2gb"], "--memory: expected a size of at least 1MB"),
        (["run", "--memory", "-2GB"], "--memory: expected a size of at least 1MB"),
        (["run", "--memory", "999kB"], "--memory: expected a size of at least 1MB"),
        (["run", "--memory", "9" * 9000 + "GB"], "--memory: expected a size of at least 1MB"),
        (["run", "--memory", "٣GB"], "--memory: expected a size of at least 1MB"),
        (["run", "--workers", "1000"], "--workers: expected at most "),
        (["run", "--timeout", "nan"], "--timeout: expected a number >= 0.001 and <= 1000000000, received 'nan'"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_code_2(archbench: Archbench, arguments: list[str], message: str) -> None:
    called = archbench(*arguments)
    assert called.code == 2
    assert message in called.complaint
    assert called.complaint.isprintable()


def test_a_folder_that_holds_something_else_is_said_before_any_training(archbench: Archbench, elsewhere: Path) -> None:
    (elsewhere / "thesis.tex").write_text("mine")
    called = archbench("run", "--task", "adding", "--arch", "lstm", "--out", ".")
    assert called.code == 2
    assert "--out .: holds files that are no archbench run; name an empty folder" in called.complaint
    assert [path.name for path in elsewhere.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("out", ["file", "file/run", "x" * 5000])
def test_a_folder_that_cannot_be_written_is_said_before_any_training(
    archbench: Archbench, elsewhere: Path, out: str
) -> None:
    (elsewhere / "file").write_text("mine")
    called = archbench("run", "--task", "adding", "--arch", "lstm", "--out", out)
    assert called.code == 4
    assert called.complaint.startswith("archbench: cannot write results to ")


def test_ctrl_c_has_an_exit_code_of_its_own(archbench: Archbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(group, "invoke", interrupted)
    assert archbench("list").code == 130


@pytest.fixture
def closed() -> Iterator[int]:
    """The end of a pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def _called(*arguments: str, **streams: int) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, **streams, env=environment("tensorflow", 1), check=False)


def test_a_closed_pipe_is_no_error(closed: int) -> None:
    listed = _called("list", stdout=closed, stderr=subprocess.PIPE)
    assert (listed.returncode, listed.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["compare", "base", "head", "--fail-on", "worse", "--junit", "out.xml"], 1),
        (["compare", "base", "head", "--fail-on", "worse", "--json", "-", "--junit", "out.xml"], 1),
        (["history", "baselines", "--fail-on", "worse"], 1),
        (["claims", "base", "--strict"], 3),
        (["regress", "--base", "."], 2),
        (["run", "nosuite"], 2),
    ],
)
def test_a_closed_pipe_hides_no_verdict_and_keeps_no_file_from_being_written(
    elsewhere: Path, closed: int, arguments: list[str], code: int
) -> None:
    for folder, values in (("base", [0.91, 0.93, 0.92, 0.90, 0.94]), ("head", [0.80, 0.83, 0.815, 0.80, 0.83])):
        store = Store(elsewhere / folder).create()
        for one in side(values):
            store.write(one)
    grown = history_of([1000, 1001], lambda count: [record(parameters=int(count))])
    written([*grown.values()], elsewhere / "baselines")
    assert _called(*arguments, stdout=closed, stderr=closed).returncode == code
    assert (elsewhere / "out.xml").exists() == ("out.xml" in arguments)


CODE = """
import contextlib, io, os, sys, warnings
from bench.catalogue import discover
from bench.cli import main
from bench.catalogue import suite_names
catalogue = discover()
names = [*catalogue.tasks, *catalogue.architectures, *suite_names()]
lines = [[], ["--help"], ["list"], ["list", "--json"], *(["info", name] for name in names)]
lines += [["plan"], *(["plan", name] for name in suite_names()), ["data"], ["run", "--help"]]
for line in lines:
    sys.argv = ["archbench", *line]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            main()
        except SystemExit as end:
            assert not end.code, (line, end.code)
    assert out.getvalue().strip(), line
loaded = {name.partition(".")[0] for name in sys.modules}
print({"tensorflow", "keras", "jax", "torch", "sklearn", "pandas", "matplotlib"} & loaded)
"""


def test_help_list_info_plan_and_data_import_no_framework(elsewhere: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=environment, cwd=elsewhere)
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr  # `plan` may miss data there

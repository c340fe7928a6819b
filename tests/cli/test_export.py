"""What `archbench export` answers: where files land, what is printed, and one line for what cannot be."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from timings import timing

from bench.execute.process import environment
from bench.export._format import format_names
from bench.record import Record
from bench.store import Store

Archbench = Callable[..., Any]
Make = Callable[..., Record]


@pytest.fixture
def run(elsewhere: Path, make_record: Make) -> Path:
    store = Store(elsewhere / "run").create()
    for seed in range(3):
        store.write(make_record(f"{seed:016x}", seed=seed, value=0.9 + 0.01 * seed))
    store.write_timing(timing(make_record()))
    failed = {"architecture": "rnn", "identity": {"architecture": "rnn"}}
    store.write(make_record("b" * 16, status="failed", reason="a\nreason", **failed))
    return Path("run")


def test_a_file_lands_where_it_is_told_and_what_is_left_out_is_named(archbench: Archbench, run: Path) -> None:
    called = archbench("export", run, "--to", "bencher", "--out", "there/bmf.json")
    assert (called.code, called.out) == (0, "there/bmf.json\n")
    lines = called.err.splitlines()
    assert lines[0] == "archbench: left out: adding[length=100] rnn[units=32] tensorflow: no test-error: 1 failed"
    assert lines[1].endswith("rnn[units=32] tensorflow: no times were measured")
    (measures,) = json.loads(Path("there/bmf.json").read_text()).values()
    assert measures["test-error"]["value"] == pytest.approx(0.09)


def test_without_a_place_it_lands_in_the_run_which_reads_as_before(archbench: Archbench, run: Path) -> None:
    before = archbench("show", run, "--json").out
    assert archbench("export", run, "--to", "github-action-benchmark").out == (
        "run/export/github-action-benchmark.json\n"
    )
    assert archbench("export", run, "--to", "csv").out == "run/export/csv\n"
    assert archbench("show", run, "--json").out == before


def test_the_csv_is_that_of_the_report(archbench: Archbench, run: Path) -> None:
    archbench("export", run, "--to", "csv", "--out", "tables")
    archbench("report", run, "--format", "csv", "--out", "report")
    for name in ("summary.csv", "cells.csv"):
        assert Path("tables", name).read_bytes() == Path("report", name).read_bytes()


def test_a_file_is_printed_alone(archbench: Archbench, run: Path) -> None:
    called = archbench("export", run, "--to", "pytest-benchmark", "--out", "-", "--commit", "abc")
    assert json.loads(called.out)["commit_info"]["id"] == "abc"
    assert not Path("-").exists()


def test_a_folder_is_not_printed(archbench: Archbench, run: Path) -> None:
    called = archbench("export", run, "--to", "csv", "--out", "-")
    assert called.code == 2
    assert "--out: expected a folder, as csv is several files; received -" in called.complaint


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run"], 2, "--to"),
        (["run", "--to", "bencer"], 2, "unknown format 'bencer'; did you mean bencher?"),
        (["run", "--to", "asv"], 2, "--commit: expected the 40 hex digits of the commit measured, received ''"),
        (["nowhere", "--to", "csv"], 2, "nowhere: no archbench run"),
        (["empty", "--to", "csv"], 4, "cannot export: there are no records"),
        (["run", "--to", "csv", "--out", "run/archbench.json"], 4, "cannot write run/archbench.json/summary.csv"),
        (["run", "--to", "bencher", "--out", "run"], 4, "cannot write run: "),
    ],
)
def test_what_cannot_be_is_one_line(
    archbench: Archbench, run: Path, arguments: list[str], code: int, said: str
) -> None:
    Store(Path("empty")).create()
    called = archbench("export", *arguments)
    assert called.code == code
    assert said in called.complaint


def test_where_nothing_was_measured_it_says_so(archbench: Archbench, elsewhere: Path, make_record: Make) -> None:
    Store(elsewhere / "run").create().write(make_record(status="timeout", reason="slow"))
    called = archbench("export", "run", "--to", "bencher")
    assert (called.code, called.out) == (5, "")
    assert called.err.splitlines() == [
        "archbench: left out: adding[length=100] lstm[units=32] tensorflow: no test-error: 1 timeout",
        "archbench: nothing to export to bencher: no cell has what it holds",
    ]
    assert not Path("run/export").exists()


def test_many_lines_on_what_is_left_out_are_counted(archbench: Archbench, elsewhere: Path, make_record: Make) -> None:
    store = Store(elsewhere / "run").create()
    for number in range(25):
        store.write(make_record(f"{number:016x}", architecture=f"a{number}", status="failed"))
    called = archbench("export", "run", "--to", "bencher")
    assert called.err.splitlines()[20:] == [
        "archbench: left out: 5 more",
        "archbench: nothing to export to bencher: no cell has what it holds",
    ]


def test_help_names_every_format(archbench: Archbench) -> None:
    text = " ".join(archbench("export", "--help").out.split())
    assert ", ".join(format_names()) in text


def test_no_export_imports_a_framework(run: Path) -> None:
    code = (
        "import sys\nfrom bench.cli import main\n"
        "sys.argv = ['archbench', 'export', 'run', '--to', sys.argv[1], '--out', 'out-' + sys.argv[1]]\n"
        "sys.argv += ['--commit', 40 * 'a']\n"
        "try:\n    main()\nexcept SystemExit as error:\n    assert error.code in (0, 2, 5), error.code\n"
        "found = {'keras', 'tensorflow', 'jax', 'torch'} & {name.partition('.')[0] for name in sys.modules}\n"
        "sys.exit(' '.join(found) or 0)"
    )
    required = os.environ.get("ARCHBENCH_REQUIRE_EXPORTS") == "1"
    for name in format_names() if required else ("asv", "csv"):
        command = [sys.executable, "-P", "-c", code, name]
        done = subprocess.run(
            command, cwd=run.parent.resolve(), env=environment("tensorflow", 1), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr

"""What `archbench report` answers: where files land, what is printed, and one line for what cannot be."""

import json
import math
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.execute.process import environment
from bench.record import Record
from bench.store import Store

Archbench = Callable[..., Any]
Make = Callable[..., Record]
TEXTS = "md,latex,csv,json"
SLOW = {"tensorflow", "keras", "jax", "torch", "seaborn", "pandas", "matplotlib.pyplot", "scipy.stats"}
"""What takes seconds to import."""


@pytest.fixture
def run(elsewhere: Path, make_record: Make) -> Path:
    store = Store(elsewhere / "run").create()
    for seed in range(3):
        store.write(make_record(f"{seed:016x}", seed=seed, value=0.9 + 0.01 * seed))
    store.write(make_record("b" * 16, architecture="rnn", status="failed", reason="a\nreason"))
    return Path("run")


def test_formats_land_in_the_run_and_a_path_a_line_is_printed(archbench: Archbench, run: Path) -> None:
    called = archbench("report", run, "--format", "md,latex", "--format", "csv,json,md")
    assert (called.code, called.err) == (0, "")
    names = ["report.md", "table.tex", "summary.csv", "cells.csv", "report.json"]
    assert called.out.splitlines() == [f"run/report/{name}" for name in names]
    assert sorted(path.name for path in (run / "report").iterdir()) == sorted(names)


def test_the_page_is_what_is_written_unless_asked_for_others(archbench: Archbench, run: Path) -> None:
    called = archbench("report", run, "--out", "there")
    assert (called.code, called.out, called.err) == (0, "there/report.html\n", "")
    assert "0.910" in Path("there/report.html").read_text()


def test_runs_are_merged_and_what_contradicts_is_said_on_the_screen_and_in_the_report(
    archbench: Archbench, run: Path, make_record: Make
) -> None:
    other = Store(Path("other")).create()
    other.write(make_record(f"{0:016x}", value=0.5, measured_at="2025-01-01T00:00:00Z"))
    called = archbench("report", run, "other", "--format", TEXTS)
    (line,) = called.err.splitlines()
    assert line.startswith("archbench: run and other contradict each other in 1 cell")
    found = json.loads(Path("run/report/report.json").read_text())
    assert (found["title"], found["notes"]) == ("run, other", [line.removeprefix("archbench: ")])
    assert found["tasks"][0]["architectures"][0]["mean"] == pytest.approx(0.91)


def test_a_run_half_way_through_says_how_many_cells_ended(archbench: Archbench, run: Path) -> None:
    Store(run).write_plan([f"{seed:016x}" for seed in range(10)])
    called = archbench("report", run, "--format", "md,html")
    assert (called.code, called.err.count("3 of 10 planned cells ended")) == (0, 1)
    text, page = (Path(f"run/report/report.{ending}").read_text() for ending in ("md", "html"))
    assert "3 of 10 planned cells ended" in text
    assert "3 of 11 planned runs finished with a score" in text
    assert "3 of 11 planned runs finished with a score" in page
    assert "7 missing here" in page


def test_an_empty_run_is_one_line(archbench: Archbench, elsewhere: Path) -> None:
    Store(elsewhere / "run").create().write_plan(["0" * 16])
    called = archbench("report", "run", "--format", "md")
    assert called.code == 4
    assert "there are no records; run: 0 of 1 planned cell ended" in called.complaint


def test_a_run_of_a_newer_schema_is_one_line(archbench: Archbench, run: Path) -> None:
    (run / "archbench.json").write_text('{"schema_version": 2}')
    called = archbench("report", run, "--format", TEXTS)
    assert called.code == 4
    assert "expected schema 1, received 2; update archbench" in called.complaint


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--format", "mdd"], "unknown format 'mdd'; did you mean md?"),
        (["--format", ""], "--format: expected at least one name or number, received ''"),
        (["--format", "md", "--open"], "--open: expected html among --format, received md"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(archbench: Archbench, run: Path, arguments: list[str], line: str) -> None:
    called = archbench("report", run, *arguments)
    assert called.code == 2
    assert line in called.complaint
    assert not (run / "report").exists()


@pytest.mark.parametrize("there", [True, False])
def test_open_shows_the_page_or_says_that_there_is_no_browser(
    archbench: Archbench, run: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: asked.append(address) or there)
    called = archbench("report", run, "--format", "md,html", "--open")
    page = Path("run/report/report.html")
    assert (called.code, called.out.splitlines()[-1]) == (0, str(page))
    assert asked == [page.resolve().as_uri()]
    assert ("no browser found" in called.err) is not there


def test_nan_alone_is_a_report(archbench: Archbench, elsewhere: Path, make_record: Make) -> None:
    Store(elsewhere / "run").create().write(make_record(value=math.nan))
    called = archbench("report", "run", "--format", TEXTS)
    assert (called.code, called.err) == (0, "")


def test_nothing_slow_is_imported_and_no_hash_seed_shows(run: Path, elsewhere: Path) -> None:
    code = f"import sys; from bench.cli import main\ntry: main()\nfinally: print({SLOW} & set(sys.modules))"
    found = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, "report", str(run), "--format", f"{TEXTS},html", "--out", seed],
            cwd=elsewhere, env=environment("tensorflow", 1) | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "set()"
        found.append({path.name: path.read_bytes() for path in (elsewhere / seed).iterdir()})
    assert found[0] == found[1]
    assert len(found[0]) == 6

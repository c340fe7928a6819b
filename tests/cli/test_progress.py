"""What a run shows while it works: bars in a terminal, a line a cell elsewhere, nothing when quiet."""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from bench.catalogue import discover
from bench.cli import progress
from bench.plan import Flags, blank, plan
from bench.suite import adhoc_suite

CATALOGUE = discover()
CELL = plan(CATALOGUE, adhoc_suite(["adding"], ["lstm"]), Flags())[0]
TASK = CATALOGUE.tasks["adding"].value


def record(status: str = "ok", **known: Any) -> Any:
    return blank(CELL, TASK, status=status, wall_seconds=12.4, **known)


def watch(seen: Any) -> None:
    seen.started(0, CELL)
    seen.progressed(0, CELL, 5, 10, 0.123456)
    seen.finished(0, CELL, record(solved=True, steps_to_target=5))
    seen.started(0, CELL)
    seen.finished(0, CELL, record("failed", reason="one\nreason"))


def test_without_a_terminal_there_is_a_line_a_cell(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.observer(2, quiet=False) as seen:
        watch(seen)
    assert capsys.readouterr().err.splitlines() == [
        "[1/2] adding lstm seed 0: mse nan in 12 s, solved at step 5",
        "[2/2] adding lstm seed 0: failed: one reason",
    ]


def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.observer(2, quiet=True) as seen:
        watch(seen)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_in_a_terminal_bars_fit_eighty_columns_and_names_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, color_system=None, legacy_windows=False)
    monkeypatch.setattr("rich.console.Console", lambda **_: console)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    odd = replace(CELL, architecture="[bold]" + 60 * "x")
    with progress.observer(1, quiet=False) as seen:
        seen.started(0, odd)
        seen.progressed(0, odd, 5, 10, 0.123456)
        seen.finished(0, odd, record())
    shown = stream.getvalue()
    assert "[bold]xxx" in shown
    assert "1 of 1 cells" in shown


def test_the_time_left_of_a_cell_is_not_that_of_the_cell_before(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    monkeypatch.setattr("rich.console.Console", lambda **_: console)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    with progress.observer(2, quiet=False) as seen:
        seen.started(0, CELL)
        seen.progressed(0, CELL, 10, 10, 0.1)
        seen.finished(0, CELL, record())
        seen.started(0, CELL)
        (line,) = seen.lines.values()
        (task,) = (task for task in seen.progress.tasks if task.id == line)
        assert not task.finished
        assert task.time_remaining is None  # not known yet

"""What is folded in a terminal, and whole in a pipe."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cli import terminal
from bench.cli.terminal import cut, fold

Archbench = Callable[..., Any]
URL = "https://example.org/a-long-name/" + "x" * 60


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make standard output a terminal of so many columns."""

    def make(width: int) -> None:
        monkeypatch.setattr(terminal.sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(terminal.shutil, "get_terminal_size", lambda: os.terminal_size((width, 24)))

    return make


def test_a_line_is_folded_between_words_and_further_in(wide: Callable[[int], None]) -> None:
    wide(24)
    assert fold("  train rnn: re-used as it was before") == "  train rnn: re-used as\n      it was before"
    assert fold("x" * 24) == "x" * 24
    assert fold(f"mnist: no file at {URL} yet") == f"mnist: no file at\n    {URL}\n    yet"
    assert fold("") == ""


@pytest.mark.parametrize("width", [0, 1, 3])
def test_a_terminal_that_is_too_narrow_loses_no_word(wide: Callable[[int], None], width: int) -> None:
    wide(width)
    assert fold("  one two three " * 9).split() == ["one", "two", "three"] * 9


def test_a_line_is_cut_where_the_terminal_ends(wide: Callable[[int], None]) -> None:
    assert cut("a long line") == "a long line"
    wide(6)
    assert (cut("a long line"), cut("a long")) == ("a lon…", "a long")


def test_without_a_terminal_a_line_stays_whole() -> None:
    assert fold("word " * 200) == "word " * 200


def test_a_plan_in_a_terminal_has_the_settings_of_a_task_above_its_cells_and_says_all_that_a_pipe_is_told(
    archbench: Archbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("plan", "--task", "adding,copy", "--arch", "rnn,cnn", "--seeds", 2, "--out", tmp_path)
    piped = archbench(*command).out
    monkeypatch.setattr("bench.cli.run.columns", lambda: 80)
    monkeypatch.setattr(terminal, "columns", lambda: 80)
    shown = archbench(*command).out
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert max(map(len, piped.splitlines())) > 80
    assert [line for line in lines if line.startswith(("adding[", "copy["))] == [lines[0], lines[7]]
    assert set(shown.split()) == set(piped.split())
    assert [line.split()[1] for line in piped.splitlines()[:8]] == [
        line.split()[1] for line in lines if line.startswith(("  train", "  skip"))
    ]

"""`--speed`: when cells are timed, and what is said where they could not be. Nothing is trained or timed here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from timings import lost, timing

from bench.execute.request import Request
from bench.execute.speed import Phase
from bench.plan import blank
from bench.record import Timing
from bench.report import html

Archbench = Callable[..., Any]
ADDING = ("run", "--task", "adding", "--arch", "rnn", "--out", "out", "--seeds", 2)


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The seeds of the cells that each phase was asked to time; every cell ends ok at once."""
    asked: list[list[int]] = []

    def run(self: Request, *_: Any, **__: Any) -> None:
        for cell in self.to_train:
            record = blank(cell, self.catalogue.task(cell.task).value, status="ok")
            self.records.append(self.store.write(record))

    def phase(self: Phase, cells: Any) -> list[Timing]:
        asked.append([cell.seed for cell in cells])
        records = [record for record in self.store.records() if record.cell_id in {cell.id for cell in cells}]
        found = [timing(record) if self.timeout is None else lost(record, "no\nanswer") for record in records]
        for each in found:
            self.store.write_timing(each)
        return found

    monkeypatch.setattr(Request, "run", run)
    monkeypatch.setattr(Phase, "run", phase)
    monkeypatch.setattr(html, "write_page", lambda runs, folder, title: [folder / "report.html"])
    return asked


def test_cells_are_timed_where_it_is_asked_for_one_seed_once(archbench: Archbench, timed: list[list[int]]) -> None:
    assert archbench(*ADDING).code == 0
    assert timed == []
    first = archbench(*ADDING, "--speed")
    assert (first.code, timed) == (0, [[0]])
    assert "nothing to train; then 1 timed alone, a seed of each" in first.out
    assert "timing 1 cell, alone on the machine ..." in first.err
    assert " 10.0 " in first.out
    again = archbench(*ADDING, "--speed")
    assert (again.code, timed) == (0, [[0]])
    assert "timed" not in again.out + again.err
    assert archbench(*ADDING, "--speed", "--fresh").code == 0
    assert timed == [[0], [0]]


def test_a_suite_may_ask_for_it_and_the_flag_goes_before(
    archbench: Archbench, elsewhere: Path, timed: list[list[int]]
) -> None:
    grid = '[[grid]]\ntasks = ["adding"]\narchitectures = ["rnn"]\n'
    (elsewhere / "mine.toml").write_text(f'summary = "x"\nspeed = true\n{grid}')
    assert "then 1 timed alone" in archbench("plan", "mine.toml").out
    assert "timed alone" not in archbench("plan", "mine.toml", "--no-speed").out
    assert archbench("run", "mine.toml", "--no-speed").code == 0
    assert timed == []
    assert archbench("run", "mine.toml").code == 0
    assert timed == [[0]]


def test_what_could_not_be_timed_is_a_line_and_a_failure(archbench: Archbench, timed: list[list[int]]) -> None:
    called = archbench(*ADDING, "--speed", "--quiet", "--timeout", 5)
    assert (called.code, timed) == (4, [[0]])
    assert "archbench: speed not measured, rnn on adding: no answer" in called.err.splitlines()
    assert "timing" not in called.err
    assert archbench(*ADDING, "--speed").code == 0
    assert timed == [[0], [0]]
    assert archbench(*ADDING, "--speed", "--fresh", "--timeout", 5).code == 4  # though an older timing is still there

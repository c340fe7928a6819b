"""What is measured of a cell, with workers that only answer."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.regress import live
from bench.regress.detector import PAIRS
from bench.regress.live import Live, Subject
from bench.regress.sides import Side

CELL = Subject("cell", {}, "tensorflow", 1)


class Child:
    """Answers at once; a turn of head takes twice as long as one of base."""

    asked: list[tuple[str, dict[str, Any]]]
    started: list[tuple[str, list[int]]]

    def __init__(self, side: Side, log: Path, *, cpus: Sequence[int], **_: Any) -> None:
        self.side = side
        self.started.append((side.name, list(cpus)))

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def tell(self, **command: Any) -> None:
        self.asked.append((self.side.name, command))

    def hear(self) -> dict[str, Any]:
        return {"seconds": 2.0 if self.side.name == "head" else 1.0, "peak_bytes": 5 if self.side.name == "head" else 3}

    def ask(self, **command: Any) -> dict[str, Any]:
        self.tell(**command)
        return self.hear()


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> type[Child]:
    monkeypatch.setattr(live, "Child", Child)
    monkeypatch.setattr(live, "cpus_of", lambda index, threads: [index])
    Child.asked, Child.started = [], []
    return Child


def sides(tmp_path: Path) -> Live:
    base, head = (Side(name, name, None) for name in ("base", "head"))
    return Live(base, head, tmp_path, np.random.default_rng(0))


def test_a_generation_puts_down_to_each_side_what_it_took(workers: type[Child], tmp_path: Path) -> None:
    measured = sides(tmp_path)
    for _ in range(8):
        found = measured.generation(CELL)
        assert (found.ratio, found.spread, found.pairs) == (pytest.approx(math.log(2)), 0.0, PAIRS)
    assert measured.peaks[CELL] == [(3, 5)] * 8
    assert measured.pairs[CELL] == [([1.0] * PAIRS, [2.0] * PAIRS)] * 8


def test_which_side_starts_first_and_warms_up_where_it_is_measured_is_drawn(
    workers: type[Child], tmp_path: Path
) -> None:
    measured = sides(tmp_path)
    for _ in range(200):
        measured.generation(CELL)
    firsts, seconds = workers.started[::2], workers.started[1::2]
    assert {tuple(cpus) for _, cpus in firsts} == {(0,)}
    assert {tuple(cpus) for _, cpus in seconds} == {(1,)}
    assert all({first, second} == {"base", "head"} for (first, _), (second, _) in zip(firsts, seconds, strict=True))
    pinned = [name for name, command in workers.asked if command["do"] == "pin"]
    for names in ([name for name, _ in firsts], pinned[::2]):
        assert 70 < names.count("base") < 130  # 4 standard deviations


def test_turns_are_in_pairs_whose_order_is_drawn(workers: type[Child], tmp_path: Path) -> None:
    sides(tmp_path).generation(CELL)
    turns = [name for name, command in workers.asked if command["do"] == "turn"]
    pairs = list(zip(turns[::2], turns[1::2], strict=True))
    assert {frozenset(pair) for pair in pairs} == {frozenset(("base", "head"))}
    assert PAIRS / 4 < pairs.count(("base", "head")) < 3 * PAIRS / 4

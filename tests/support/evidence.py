"""Made-up records of the cells that a claim needs: nothing is trained here."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from bench.catalogue import discover
from bench.claims._claim import Verdict
from bench.plan import Cell, blank, plan
from bench.record import Decay, Gate, GradientFlow, Record, Score
from bench.suite import read_suite
from bench.verdicts import assess, load_claim

CATALOGUE = discover()
Arrays = Mapping[str, np.ndarray]


@cache
def _cells(suite: str) -> tuple[Cell, ...]:
    return tuple(plan(CATALOGUE, read_suite(suite)))


def cells(claim: str) -> list[Cell]:
    """The cells that a claim needs."""
    return [
        cell for suite, names in load_claim(claim).needs.items() for cell in _cells(suite) if cell.architecture in names
    ]


def record(
    cell: Cell, *, value: float | None = None, solved: bool = False, status: str = "ok", **fields: Any
) -> Record:
    """A record of `cell` with a test score, by default the target where it is solved and chance where not."""
    task = CATALOGUE.task(cell.task).value
    chance = task.chance(**cell.task_settings)
    value = value if value is not None else task.solved.threshold if solved else chance
    score = Score(step=1, validation=value, validation_loss=0.1, test=value, test_loss=0.1) if status == "ok" else None
    return blank(cell, task, status=status, solved=solved, best=score, final=score, **fields)


def flow(half_life: float = 10.0, *, c: float | None = None, **gates: Mapping[str, float]) -> GradientFlow:
    """A probe with a half-life of h, and of c."""

    def decay(life: float) -> Decay:
        return Decay(rate=-0.1, r2=1.0, first=5, last=10, half_life=life, horizon=9, censored=False)

    kept = {name: Gate(**{"mean": 0.5, "above_90": 0, "below_10": 0, **values}) for name, values in gates.items()}
    states = {"h": decay(half_life)} | ({} if c is None else {"c": decay(c)})
    return GradientFlow(step=0, loss=0.1, samples=256, not_finite=0, decay=states, gates=kept)


def verdict(
    claim: str,
    make: Callable[[Cell], Record | None],
    curves: Callable[[Record], Arrays] = lambda record: {},
    *,
    keep: Callable[[Cell], bool] = lambda cell: True,
) -> Verdict:
    """The verdict on the records that `make` gives for the cells of `claim` that `keep` keeps."""
    records = [made for cell in cells(claim) if keep(cell) and (made := make(cell)) is not None]
    return assess(load_claim(claim), records, curves, CATALOGUE)


def jitter(cell: Cell) -> float:
    """A small number that differs between the five seeds of a suite, which follow one another."""
    return (cell.seed % 5 - 2) * 0.001

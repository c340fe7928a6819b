"""What trainings over seeds settle, how often they cry wolf, and what is said of seeds that failed."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from sides import record

from bench.regress import signflip
from bench.regress.detector import LostError
from bench.regress.trainings import LOOKS, SPENDING, Pair, Series, Trainings, accuracy

TEMPLATE = record()
Scores = Callable[[np.random.Generator], np.ndarray]
SHAPES: dict[str, Scores] = {
    "normal": lambda rng: 0.8 + rng.normal(0, 0.015, LOOKS[-1]),
    "skewed": lambda rng: 0.9 - rng.exponential(0.01, LOOKS[-1]),
    "learned on half of the seeds": lambda rng: np.where(rng.random(LOOKS[-1]) < 0.5, 0.95, 0.5),
}


def _scored(value: float, seed: int) -> Any:
    best = TEMPLATE.best.model_copy(update={"test": float(value)})
    return TEMPLATE.model_copy(update={"seed": seed, "best": best})


def _job(seed: int, scores: Scores, drops: Sequence[float]) -> list[str]:
    """The outcomes of a job with as many cells as `drops`, of head."""
    rng = np.random.default_rng([seed, 0])
    cells = [(scores(rng), scores(rng) - drop) for drop in drops]

    def train(cell: int, seeds: Sequence[int]) -> Iterator[Pair]:
        for at in seeds:
            yield Pair(_scored(cells[cell][0][at], at), _scored(cells[cell][1][at], at))

    found = Trainings(train, np.random.default_rng([seed, 1])).run(range(len(cells)))
    return [str(accuracy(one).outcome) for one in found]


def _alarms(jobs: int, scores: Scores, drops: Sequence[float]) -> int:
    return sum("REGRESSION" in _job(seed, scores, drops) for seed in range(jobs))


@pytest.fixture
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signflip, "DRAWS", 1999)


@pytest.mark.usefixtures("_coarse")
def test_a_thousand_jobs_with_equal_sides_raise_18_alarms_at_most():
    assert _alarms(1000, SHAPES["skewed"], [0.0]) <= 18


@pytest.mark.slow
@pytest.mark.usefixtures("_coarse")
@pytest.mark.parametrize("cells", [1, 2, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_so_they_do_whatever_scores_look_like_and_however_many_cells_there_are(shape, cells):
    assert _alarms(1000, SHAPES[shape], [0.0] * cells) <= 18


@pytest.mark.slow
@pytest.mark.usefixtures("_coarse")
def test_the_level_is_that_of_a_head_that_is_worse_by_all_that_is_allowed():
    # Of a wide spread, so that few pass before the last look.
    assert 1 <= _alarms(1000, lambda rng: 0.8 + rng.normal(0, 0.1, LOOKS[-1]), [0.002]) <= 18


@pytest.mark.usefixtures("_coarse")
def test_a_drop_of_three_points_is_found_in_95_of_100_jobs_and_blamed_on_its_cell():
    found = [_job(seed, SHAPES["normal"], [0.0, 0.03]) for seed in range(100)]
    assert sum(outcomes[1] == "REGRESSION" for outcomes in found) >= 95
    assert sum(outcomes[0] == "REGRESSION" for outcomes in found) <= 3


@pytest.mark.slow
@pytest.mark.usefixtures("_coarse")
def test_a_head_that_is_worse_by_the_margin_passes_at_any_look_once_in_fourteen_jobs_at_most():
    # 2.5 % at each of three looks, which see much the same; Bonferroni's bound is 7.5 %.
    assert sum(_job(seed, SHAPES["normal"], [0.01]) == ["OK"] for seed in range(1000)) <= 71


def _run(
    base: Sequence[float | None], head: Sequence[float | None], *, cells: int = 1, budget: int = 10**6, **fields: Any
) -> list[Series]:
    """Trainings with these scores, over and over; None is a seed that diverged."""
    asked = iter(range(budget))

    def one(values: Sequence[float | None], seed: int) -> Any:
        value = values[seed % len(values)]
        if value is None:
            return record(seed=seed, status="diverged", reason="the training loss became nan at step 7", **fields)
        return record(value, seed, **fields)

    def train(_: int, seeds: Sequence[int]) -> Iterator[Pair]:
        for seed in seeds:
            yield Pair(one(base, seed), one(head, seed))

    more = lambda: next(asked, None) is not None  # noqa: E731
    return Trainings(train, np.random.default_rng(0), more).run(range(cells))


STEADY = [0.95, 0.951, 0.949, 0.952, 0.948, 0.9505, 0.9495]


@pytest.mark.parametrize(
    ("gain", "seeds", "outcome"),
    [(0.0, 5, "OK"), (-0.005, 5, "OK"), (-0.03, 8, "REGRESSION"), (0.03, 5, "IMPROVED"), (0.0001, 5, "OK")],
)
def test_clear_cases_are_settled_as_early_as_they_can_be(gain, seeds, outcome):
    jitter = [0.0005, -0.0004, 0.0003, -0.0002, 0.0001, -0.0003, 0.0002]
    (one,) = _run(STEADY, [value + gain + more for value, more in zip(STEADY, jitter, strict=True)])
    gate = accuracy(one)
    assert (gate.outcome, len(one.pairs)) == (outcome, seeds)
    assert f"over {seeds} seeds, margin 0.01" in gate.note
    if outcome == "REGRESSION":
        assert one.p == 2**-8
        assert ", p 0.0039" in gate.note


def test_errors_are_worse_when_they_rise_and_their_margin_is_a_share_of_the_way_to_the_target():
    fields: dict[str, Any] = {"accuracy": False, "task": "adding", "target": 0.01, "chance": 1 / 6}
    (worse,) = _run([0.01, 0.011, 0.012, 0.013], [0.05, 0.052, 0.051, 0.049], **fields)
    (better,) = _run([0.05, 0.052, 0.051, 0.049], [0.01, 0.011, 0.012, 0.013], **fields)
    assert (accuracy(worse).outcome, accuracy(better).outcome) == ("REGRESSION", "IMPROVED")
    assert "margin 0.00157" in accuracy(worse).note


def test_mnist_has_a_margin_of_its_own():
    drop = [value - 0.005 for value in STEADY]
    drop[0] -= 0.0001
    assert accuracy(_run(STEADY, drop)[0]).outcome == "OK"
    (one,) = _run(STEADY, drop, task="mnist")
    assert accuracy(one).outcome == "REGRESSION"
    assert "margin 0.003" in accuracy(one).note


def test_five_seeds_that_are_all_worse_are_no_regression_yet_and_neither_are_eight_of_two_cells():
    worse = [value - 0.03 - 0.001 * at for at, value in enumerate(STEADY)]
    (one,) = _run(STEADY, worse)
    assert len(one.pairs) == 8
    first, second = _run(STEADY, worse, cells=2)  # 1/256 for each of two is above the .004 of the second look
    assert (accuracy(first).outcome, len(first.pairs), len(second.pairs)) == ("REGRESSION", 16, 16)


def test_what_no_look_could_spend_is_left_to_the_next(monkeypatch):
    monkeypatch.setattr(signflip, "EXACT", 16)  # the same p for every cell
    assert sum(SPENDING) == pytest.approx(0.01)
    # All but one of 16 signs point down, that one least: p is 17 / 2^16 at most where it is the smallest difference,
    # and 38 of such cells are within .01 by Bonferroni's bound, though not within the last look's own .006.
    down = [-0.03 - 0.0001 * at for at in range(16)]
    down[3] = 0.021
    (one,) = _run([0.9] * 16, [0.9 + gain for gain in down])
    assert one.p is not None
    cells = int(0.008 / one.p)
    assert cells * one.p > SPENDING[-1]
    found = _run([0.9] * 16, [0.9 + gain for gain in down], cells=cells)
    assert {accuracy(each).outcome for each in found} == {"REGRESSION"}
    many = _run([0.9] * 16, [0.9 + gain for gain in down], cells=int(0.012 / one.p) + 1)
    assert {accuracy(each).outcome for each in many} == {"INCONCLUSIVE"}  # Holm's level is divided over all of them


def test_what_is_neither_is_trained_to_the_end_and_inconclusive():
    (one,) = _run([0.9, 0.5, 0.8, 0.6, 0.7], [0.5, 0.9, 0.6, 0.8])
    assert (accuracy(one).outcome, len(one.pairs)) == ("INCONCLUSIVE", 16)
    assert "16 seeds settle nothing" in accuracy(one).note


def test_a_seed_that_fails_on_head_alone_is_a_regression_with_its_reason():
    (one,) = _run(STEADY, [*STEADY[:3], None, *STEADY[4:]])
    gate = accuracy(one)
    assert (gate.outcome, len(one.pairs)) == ("REGRESSION", 5)
    assert "head: seed 3 diverged (the training loss became nan at step 7)" in gate.note
    (all_lost,) = _run(STEADY, [None])
    assert (accuracy(all_lost).outcome, accuracy(all_lost).head) == ("REGRESSION", "no score")


def test_a_score_that_is_no_number_is_a_failure_though_the_training_ended():
    (one,) = _run(STEADY, [math.nan, *STEADY[1:]])
    assert accuracy(one).outcome == "REGRESSION"
    assert "head: seed 0 no finite score" in accuracy(one).note


def test_what_fails_on_both_sides_is_not_heads_fault_and_never_green():
    (some,) = _run([None, *STEADY[1:]], [None, *STEADY[1:]])
    assert accuracy(some).outcome == "INCONCLUSIVE"
    assert "base: seed 0, 7, 14 diverged" in accuracy(some).note
    assert "head: seed 0, 7, 14 diverged" in accuracy(some).note
    (every,) = _run([None], [None])
    assert (accuracy(every).outcome, len(every.pairs)) == ("INCONCLUSIVE", 5)
    (worse,) = _run([None, *STEADY[1:]], [None, *(value - 0.05 - value / 50 for value in STEADY[1:])])
    assert accuracy(worse).outcome == "REGRESSION"


def test_what_fails_on_base_alone_is_said_and_the_rest_compared():
    (one,) = _run([STEADY[0], None, *STEADY[2:]], STEADY)
    assert accuracy(one).outcome == "OK"
    assert "base: seed 1 diverged" in accuracy(one).note
    assert "head" not in accuracy(one).note


@pytest.mark.parametrize(("budget", "seeds"), [(0, 0), (1, 1), (3, 3), (6, 6)])
def test_a_budget_that_ends_leaves_the_cell_inconclusive_with_the_seeds_it_had(budget, seeds):
    (one,) = _run([0.9, 0.5, 0.8, 0.6, 0.7], [0.5, 0.9, 0.6, 0.8], budget=budget)
    gate = accuracy(one)
    assert (gate.outcome, len(one.pairs)) == ("INCONCLUSIVE", seeds)
    assert f"the budget ended after {seeds} seed{'s' * (seeds != 1)} a side" in gate.note


def test_seeds_that_head_alone_loses_are_a_regression_also_where_the_budget_ends_before_a_look():
    (one,) = _run(STEADY, [None], budget=4)
    gate = accuracy(one)
    assert (gate.outcome, len(one.pairs), one.looked) == ("REGRESSION", 4, 0)
    assert "head: seed 0, 1, 2, 3 diverged" in gate.note
    assert gate.head == "no score"


def test_so_they_are_after_a_look_that_settled_nothing():
    scores: list[float | None] = [0.9, 0.5, 0.8, 0.6, 0.7, 0.9, 0.5]
    (one,) = _run(scores, [0.5, 0.9, 0.6, 0.8, 0.6, 0.7, None], budget=7)
    assert (accuracy(one).outcome, len(one.pairs), one.looked) == ("REGRESSION", 7, 5)
    assert "head: seed 6 diverged" in accuracy(one).note


def test_seeds_that_both_lose_before_the_budget_ends_are_named_and_nobodys_fault():
    (one,) = _run([None, 0.9], [None, 0.9], budget=3)
    gate = accuracy(one)
    assert gate.outcome == "INCONCLUSIVE"
    assert "head: seed 0, 2 diverged" in gate.note
    assert "the budget ended after 3 seeds a side" in gate.note


def test_a_worker_that_is_lost_is_failed_and_the_other_cells_go_on():
    def train(cell: str, seeds: Sequence[int]) -> Iterator[Pair]:
        for seed in seeds:
            if cell == "a" and seed == 3:
                raise LostError("head 'x': the worker ended with -9")
            yield Pair(_scored(STEADY[seed], seed), _scored(STEADY[seed], seed))

    lost, fine = Trainings(train, np.random.default_rng(0)).run(["a", "b"])
    assert (accuracy(lost).outcome, accuracy(lost).note) == ("FAILED", "head 'x': the worker ended with -9")
    assert accuracy(fine).outcome == "OK"


def test_a_task_without_a_margin_passes_on_identical_scores_alone_and_fails_when_it_is_worse():
    fields: dict[str, Any] = {"accuracy": False, "target": math.inf}
    (same,) = _run(STEADY, STEADY, **fields)
    (worse,) = _run(STEADY, [value + 0.1 + value / 50 for value in STEADY], **fields)
    assert accuracy(same).outcome == "OK"
    assert "margin none" in accuracy(same).note
    assert accuracy(worse).outcome == "REGRESSION"

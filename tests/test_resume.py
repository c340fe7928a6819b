"""Which finished cells are reused, and why others are trained."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.catalogue import discover
from bench.plan import Cell, blank, plan
from bench.record import Record
from bench.resume import FINISHED, Cost, Costs, estimate, resume
from bench.suite import adhoc_suite

CATALOGUE = discover()
(CELL,) = plan(CATALOGUE, adhoc_suite(["adding"], ["lstm"]))


def record(cell: Cell = CELL, status: str = "ok", **known: Any) -> Record:
    made = blank(cell, CATALOGUE.task(cell.task).value, status=status, **known)
    return Record.model_validate_json(made.model_dump_json())  # as a store would give it back


@pytest.mark.parametrize("status", ["ok", "diverged", "skipped"])
def test_a_finished_cell_is_reused(status: str) -> None:
    reused, todo = resume([CELL], [record(status=status)])
    assert [found.status for found in reused] == [status]
    assert todo == []


@pytest.mark.parametrize("status", ["failed", "timeout", "out-of-memory"])
def test_a_failed_cell_is_tried_again_and_says_why(status: str) -> None:
    reused, (todo,) = resume([CELL], [record(status=status)])
    assert (reused, todo.cell, todo.why) == ([], CELL, f"the last attempt ended as {status}")
    assert status not in FINISHED


def test_a_cell_without_records_was_not_run_before() -> None:
    assert [todo.why for todo in resume([CELL], [], {"another"})[1]] == ["not run before"]


def test_a_cell_whose_record_is_damaged_says_so() -> None:
    for others in ([], [record(status="failed")]):
        assert [todo.why for todo in resume([CELL], others, {CELL.id})[1]] == ["a record of it is damaged"]
    assert resume([CELL], [record(status="ok")], {CELL.id})[1] == []


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"task": "copy"}, {"architecture": "gru"}], ids=["seed", "task", "architecture"]
)
def test_another_seed_task_or_arm_is_no_change_of_the_cell(change: dict[str, Any]) -> None:
    other = replace(CELL, **change)
    found = record(CELL).model_copy(update={"cell_id": CELL.id})
    assert [todo.why for todo in resume([other], [found])[1]] == ["not run before"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"threads": 2}, "changed: threads 1 -> 2"),
        ({"params": 1000}, "changed: params None -> 1000"),
        ({"training": replace(CELL.training, lr=0.25)}, "changed: training.lr 0.005 -> 0.25"),
        (
            {"task_settings": {**CELL.task_settings, "length": 7}, "threads": 2},
            "changed: task_settings.length 100 -> 7, threads 1 -> 2",
        ),
        ({"sources": {**CELL.sources, "keras": "99.0"}}, f"changed: sources.keras {CELL.sources['keras']} -> 99.0"),
        ({"architecture_settings": {"units": 64}}, "changed: architecture_settings.dropout 0.0 -> None"),
    ],
)
def test_a_changed_cell_says_what_changed(change: dict[str, Any], why: str) -> None:
    ((todo,),) = (resume([replace(CELL, **change)], [record()])[1],)
    assert todo.why.startswith(why)


def test_the_nearest_of_the_stored_cells_is_compared() -> None:
    far = replace(CELL, threads=2, params=1000, training=replace(CELL.training, lr=0.25))
    near = replace(CELL, threads=2)
    (todo,) = resume([CELL], [record(far), record(near)])[1]
    assert todo.why == "changed: threads 2 -> 1"


def test_reused_and_left_cells_keep_the_order_of_the_plan() -> None:
    cells = [replace(CELL, seed=seed) for seed in range(4)]
    reused, todo = resume(cells, [record(cells[3]), record(cells[1]), record(cells[0], "failed")])
    assert [found.seed for found in reused] == [1, 3]
    assert [left.cell.seed for left in todo] == [0, 2]


def test_time_is_estimated_from_the_mean_of_the_same_pair() -> None:
    known = [record(wall_seconds=10.0), record(replace(CELL, seed=1), wall_seconds=20.0)]
    cells = [replace(CELL, seed=seed) for seed in (2, 3, 4, 5)]
    assert estimate(cells, known, workers=1) == (pytest.approx(60), 0)
    assert estimate(cells, known, workers=2) == (pytest.approx(30), 0)
    assert estimate(cells[:1], known, workers=8) == (pytest.approx(15), 0)
    assert estimate([], known, workers=2) == (0, 0)


def test_a_run_takes_as_long_as_its_longest_cell_at_least() -> None:
    long = replace(CELL, architecture="gru")
    known = [record(wall_seconds=10.0), record(long, wall_seconds=104.0, compile_seconds=4.0)]
    assert estimate([CELL, replace(CELL, seed=1), long], known, workers=2) == (pytest.approx(104), 0)
    assert estimate([long, replace(long, seed=1)], known, workers=2) == (pytest.approx(104), 0)  # both compile


@pytest.mark.parametrize(
    "other",
    [
        lambda: record(status="failed", wall_seconds=1.0),
        lambda: record(),
        lambda: record(replace(CELL, task_settings={"length": 3}), wall_seconds=1.0),
        lambda: record(replace(CELL, training=replace(CELL.training, steps=1)), wall_seconds=1.0),
    ],
    ids=["failed", "untimed", "other settings", "other training"],
)
def test_time_is_unknown_where_no_like_cell_was_measured(other: Callable[[], Record]) -> None:
    assert estimate([CELL], [other()], workers=1) == (0, 1)


@pytest.mark.parametrize(
    ("walls", "cost"),
    [
        ([(10.0, 4.0)], Cost(6.0, 4.0)),
        ([(10.0, 4.0), (14.0, 4.0)], Cost(8.0, 4.0)),
        ([(5.0, None)], Cost(5.0, 0.0)),
        ([(12.0, 4.0), (5.0, None), (7.0, None)], Cost(6.0, 6.0)),  # building data and model counts too
        ([(4.0, 3.0), (6.0, None)], Cost(6.0, 0.0)),
    ],
    ids=["first", "firsts", "later", "both", "later is slower"],
)
def test_what_compiling_costs_is_told_from_what_a_seed_costs(
    walls: list[tuple[float, float | None]], cost: Cost
) -> None:
    costs = Costs(record(wall_seconds=wall, compile_seconds=compiling) for wall, compiling in walls)
    assert costs.of(replace(CELL, seed=99)) == cost


@pytest.mark.parametrize(
    ("trained", "cost"),
    [(2.0, Cost(8.0, 7.0)), (11.0, Cost(11.0, 4.0))],
    ids=["of other groups", "no more than was not training"],
)
def test_what_is_built_beside_the_first_step_is_known_from_other_groups(trained: float, cost: Cost) -> None:
    other = replace(CELL, architecture="rnn")
    known = [record(other, wall_seconds=10.0, compile_seconds=2.0), record(other, wall_seconds=3.0)]
    costs = Costs([*known, record(wall_seconds=15.0, compile_seconds=3.0, train_seconds=trained)])
    assert costs.of(replace(CELL, seed=99)) == cost


def test_what_is_built_on_another_backend_tells_nothing() -> None:
    other = replace(CELL, architecture="rnn", backend="torch")
    known = [record(other, wall_seconds=90.0, compile_seconds=2.0), record(other, wall_seconds=1.0)]
    costs = Costs([*known, record(wall_seconds=15.0, compile_seconds=3.0, train_seconds=2.0)])
    assert costs.of(replace(CELL, seed=99)) == Cost(12.0, 3.0)


def test_a_group_of_its_own_settings_is_preferred_to_the_pair() -> None:
    wide = replace(CELL, architecture_settings={**CELL.architecture_settings, "units": 512})
    costs = Costs([record(wall_seconds=10.0)])
    assert costs.of(wide) == Cost(10.0, 0.0)
    costs.learn(record(wide, wall_seconds=90.0))
    assert costs.of(wide) == Cost(90.0, 0.0)
    assert costs.of(CELL) == Cost(10.0, 0.0)


def test_nothing_is_learned_from_what_did_not_end_well() -> None:
    costs = Costs([record(status="timeout", wall_seconds=3.0), record()])
    assert costs.of(CELL) is None


def test_compiling_is_estimated_once_a_group() -> None:
    known = [record(wall_seconds=14.0, compile_seconds=4.0), record(wall_seconds=10.0)]
    cells = [replace(CELL, seed=seed) for seed in range(3)]
    assert estimate(cells, known, workers=1) == (pytest.approx(34), 0)


def test_arms_that_share_a_program_are_compiled_once() -> None:
    first, second = plan(CATALOGUE, adhoc_suite(["adding"], ["rnn", "rnn-uniform"]))
    assert first.program == second.program
    assert first.group != second.group
    costs = Costs(known := [record(first, wall_seconds=14.0, compile_seconds=4.0), record(second, wall_seconds=8.0)])
    assert costs.of(first) == Cost(10.0, 4.0)
    assert costs.of(second) == Cost(8.0, 0.0)  # it only ever came second
    cells = [replace(arm, seed=seed) for seed in (1, 2) for arm in (second, first)]
    assert estimate(cells, known, workers=1) == (pytest.approx(2 * 10 + 2 * 8 + 4), 0)
    assert estimate([second], known, workers=1) == (pytest.approx(8), 0)
    known.append(record(second, wall_seconds=11.0, compile_seconds=3.0))  # it came first in another run
    assert estimate(cells, known, workers=1) == (pytest.approx(2 * 10 + 2 * 8 + 4), 0)

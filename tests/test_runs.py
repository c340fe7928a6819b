"""Several runs are read as one, and what was decided about it is said."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from timings import timing

from bench.record import Conditions, Record
from bench.runs import latest, read_runs
from bench.store import Store

Make = Callable[..., Record]
EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def runs(tmp_path: Path) -> Callable[..., list[Store]]:
    """`runs("a", "b")` makes runs without records."""
    return lambda *names: [Store(tmp_path / name).create() for name in names]


def test_cells_of_all_runs_come_by_cell_id_with_the_curves_of_their_own_run(runs, make_record: Make) -> None:
    first, second = runs("a", "b")
    first.write(make_record("2" * 16), {"train_loss": np.array([2.0])})
    second.write(make_record("1" * 16, seed=1), {"train_loss": np.array([1.0])})
    records, curves, notes, _ = read_runs([first, second])
    assert [record.cell_id[0] for record in records] == ["1", "2"]
    assert [curves(record)["train_loss"].tolist() for record in records] == [[1.0], [2.0]]
    assert notes == []


def test_speed_is_joined_to_the_records(runs, make_record: Make) -> None:
    (store,) = runs("a")
    store.write_timing(timing(store.write(make_record())))
    (record,) = read_runs([store]).records
    assert record.step_seconds is not None


def test_a_run_that_was_copied_counts_once_and_that_is_said(runs, make_record: Make, tmp_path: Path) -> None:
    (store,) = runs("a")
    for seed in range(2):
        store.write(make_record(f"{seed:016x}", seed=seed))
    shutil.copytree(store.folder, tmp_path / "b")
    records, _, notes, _ = read_runs([store, Store(tmp_path / "b").open()])
    assert len(records) == 2
    assert notes == ["2 cells of a and b with the same result count once."]


def test_a_run_named_twice_is_read_once(runs, make_record: Make) -> None:
    (store,) = runs("a")
    store.write(make_record())
    records, _, notes, _ = read_runs([store, Store(store.folder / ".." / "a")])
    assert (len(records), notes) == (1, [])


def test_records_that_contradict_each_other_are_named_and_the_newer_counts_in_any_order(
    runs, make_record: Make
) -> None:
    a, b = runs("a", "b")
    a.write(make_record(value=0.5, measured_at=EARLY))
    b.write(make_record(value=0.75, measured_at=LATE))
    found = [read_runs(order) for order in ([a, b], [b, a])]
    for records, _, notes, _ in found:
        assert [record.value for record in records] == [0.75]
        assert notes == [
            "b and a contradict each other in 1 cell of the same settings, seed and code; b counts, as it ended ok or "
            "is newer: adding lstm seed 0: 0.75 and 0.5."
        ]


def test_only_what_the_id_decides_can_contradict(runs, make_record: Make) -> None:
    a, b = runs("a", "b")
    a.write(make_record(value=float("nan"), wall_seconds=1.0, measured_at=EARLY))
    b.write(make_record(value=float("nan"), wall_seconds=2.0, measured_at=LATE))
    assert read_runs([a, b]).notes == ["1 cell of b and a with the same result count once."]


def test_a_finished_cell_counts_before_a_newer_failure(runs, make_record: Make) -> None:
    a, b = runs("a", "b")
    a.write(make_record(value=0.5, measured_at=EARLY))
    b.write(make_record(status="failed", reason="x", measured_at=LATE))
    records, _, (note,), _ = read_runs([a, b])
    assert [record.status for record in records] == ["ok"]
    assert note.endswith("adding lstm seed 0: 0.5 and failed.")


def test_of_many_contradictions_a_few_are_named(runs, make_record: Make) -> None:
    a, b = runs("a", "b")
    for seed in range(9):
        a.write(make_record(f"{seed:016x}", seed=seed, value=0.5, measured_at=EARLY))
        b.write(make_record(f"{seed:016x}", seed=seed, value=0.6, measured_at=LATE))
    (note,) = read_runs([a, b]).notes
    assert "in 9 cells" in note
    assert note.endswith("seed 2: 0.6 and 0.5; and 6 more.")


def test_runs_of_one_name_are_told_apart_by_their_path(tmp_path: Path, make_record: Make) -> None:
    stores = []
    for machine, value in (("x", 0.5), ("y", 0.6)):
        (tmp_path / machine).mkdir()
        stores.append(Store(tmp_path / machine / "quick").create())
        stores[-1].write(make_record(value=value))
    (note,) = read_runs(stores).notes
    assert all(str(store.folder) in note for store in stores)


def test_of_equal_dates_the_same_record_counts_in_any_order(make_record: Make) -> None:
    made = [make_record(value=value) for value in (0.1, 0.2, 0.3)]
    assert len({latest(order)[0].value for order in permutations(made)}) == 1


def test_several_machines_are_said(runs, make_record: Make) -> None:
    (store,) = runs("a")
    for seed, processor in enumerate(("fast", "slow", "slow")):
        conditions = Conditions(
            code="1", libraries={}, machine={"processor": processor, "cores": 2}, device="cpu", threads=1, affinity=[],
            data_hash="", train_samples=None, validation_samples=1, test_samples=1,
        )  # fmt: skip
        store.write(make_record(f"{seed:016x}", seed=seed, conditions=conditions))
    assert read_runs([store]).notes == [
        "Measured on 2 machines, whose times do not compare: fast, 2 cores, cpu: 1 cell; slow, 2 cores, cpu: 2 cells."
    ]


def test_a_run_half_way_through_says_how_many_cells_ended(runs, make_record: Make) -> None:
    a, b = runs("a", "b")
    a.write_plan(f"{seed:016x}" for seed in range(3))
    a.write(make_record(f"{0:016x}"))
    assert read_runs([a]).notes == [
        "a: 1 of 3 planned cells ended; the others are missing here, as the run is under way or was stopped."
    ]
    assert read_runs([a]).missing == 2
    b.write(make_record(f"{1:016x}"))
    b.write(make_record(f"{2:016x}"))
    assert (read_runs([a, b]).notes, read_runs([a, b]).missing) == ([], 0)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"cells": 3}', b"\xff", b"{}"])
def test_a_plan_that_cannot_be_read_is_said(runs, make_record: Make, content: bytes) -> None:
    (store,) = runs("a")
    store.write(make_record())
    (store.folder / "plan.json").write_bytes(content)
    records, _, notes, missing = read_runs([store])
    assert (len(records), missing, notes) == (
        1,
        None,
        ["a: its plan.json cannot be read: whether cells are missing here is not known."],
    )


def test_damaged_records_are_counted(runs, make_record: Make) -> None:
    (store,) = runs("a")
    store.write(make_record())
    (store.folder / ("0" * 16)).mkdir()
    (store.folder / ("0" * 16) / "1.json").write_text("{")
    assert read_runs([store]).notes == ["a: 1 damaged record left out."]
    assert read_runs([store]).missing is None
    store.write_plan(["0" * 16])
    assert read_runs([store]).notes[0] == (
        "a: 0 of 1 planned cell ended; the others are missing here, as their records are damaged, or the run is under"
        " way or was stopped."
    )
    assert read_runs([store]).missing == 1

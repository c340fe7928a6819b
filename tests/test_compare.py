"""Which cells belong together, and what a row of them comes to."""

import math
import random
from datetime import UTC, datetime

import pytest
from sides import conditions, flow, record, side, timed

from bench.compare import apart, compare, margin_of
from bench.task import Training

BASE = [0.91, 0.93, 0.92, 0.90, 0.94]
WORSE = [0.80, 0.83, 0.815, 0.80, 0.83]


def test_cells_match_across_versions_of_the_code_though_their_ids_differ():
    base, head = side(BASE, version="one"), side(BASE, version="two")
    assert not {r.cell_id for r in base} & {r.cell_id for r in head}
    (row,) = compare(base, head).rows
    assert (len(row.base), len(row.head), row.verdict) == (5, 5, "equivalent")


@pytest.mark.parametrize(
    "other",
    [
        {"task": "mnist"},
        {"task_settings": {"length": 9}},
        {"architecture": "cnn"},
        {"architecture_settings": {"units": 64}},
        {"training": Training(steps=2000)},
        {"training": Training(steps=1000, lr=0.1)},
        {"backend": "jax"},
        {"identity": {"params": 5000}},
        {"identity": {"threads": 2}},
    ],
)
def test_cells_that_were_asked_for_otherwise_do_not_match(other):
    found = compare(side(BASE), side(BASE, **other))
    assert found.common == 0
    assert sorted(row.verdict for row in found.rows) == ["missing", "new"]


def test_what_is_only_watched_keeps_no_cells_apart():
    watched = side(BASE, training=Training(steps=1000, probe_every=50, spectrum=True))
    assert compare(side(BASE), watched).common == 1


def test_equal_settings_of_a_task_and_an_architecture_are_not_mixed_up():
    one = side(BASE, task="same", architecture="same", task_settings={"n": 1}, architecture_settings={"n": 2})
    two = side(BASE, task="same", architecture="same", task_settings={"n": 2}, architecture_settings={"n": 2})
    assert compare(one, two).common == 0


def test_what_keeps_the_nearest_cells_apart_is_named():
    assert apart(side(BASE), side(BASE, backend="jax")) == "backend tensorflow and jax"
    assert apart(side(BASE), side(BASE, task="mnist")) == ""


def test_rows_come_by_task_and_settings_in_order_of_the_numbers():
    lengths = [200, 20, 100]
    records = [r for n in lengths for r in side([0.9], task_settings={"length": n})]
    assert [row.any.task_settings["length"] for row in compare(records, records).rows] == [20, 100, 200]


def test_the_order_of_the_records_does_not_matter():
    base = [*side(BASE), *side(BASE, architecture="cnn"), *side(BASE, version="older")]
    head = [*side(WORSE), *side(WORSE, architecture="cnn")]
    first = compare(base, head)
    for seed in range(5):
        mixed = random.Random(seed)
        assert compare(mixed.sample(base, len(base)), mixed.sample(head, len(head))) == first


def test_the_newest_of_several_records_of_a_cell_counts_and_that_is_said():
    later = datetime(2026, 2, 3, tzinfo=UTC)
    both = [*side(BASE, version="two", measured_at=later), *side(WORSE, version="one")]
    found = compare(side(BASE), both)
    assert found.rows[0].verdict == "equivalent"
    assert found.notes == ("HEAD: 5 records left out for newer ones of the same cell",)


@pytest.mark.parametrize("status", ["failed", "diverged", "timeout", "out-of-memory"])
def test_a_row_with_a_seed_that_did_not_end_ok_is_never_green(status):
    broken = [*side(BASE[:4]), record(0.94, 4, status=status)]
    (row,) = compare(side(BASE), broken).rows
    assert row.verdict == "failed"
    (row,) = compare(broken, side(BASE)).rows
    assert row.verdict == "unclear"
    assert compare(broken, broken).rows[0].verdict == "failed"


def test_a_failed_seed_that_base_does_not_have_fails_too():
    (row,) = compare(side(BASE), [*side(BASE), record(seed=9, status="failed")]).rows
    assert row.verdict == "failed"


@pytest.mark.parametrize("values", [[], BASE[:4]], ids=["all", "one of five"])
def test_a_pair_of_head_alone_with_a_seed_that_failed_is_failed_and_not_new(values):
    lost = [record(seed=seed, architecture="cnn", status="failed") for seed in range(len(values), 5)]
    rows = compare(side(BASE), [*side(BASE), *side(values, architecture="cnn"), *lost]).rows
    assert [row.verdict for row in rows] == ["failed", "equivalent"]


def test_skipped_cells_were_never_planned():
    skipped = side(BASE, status="skipped")
    assert [row.verdict for row in compare(side(BASE), skipped).rows] == ["missing"]
    assert compare(skipped, skipped).rows == ()


def test_a_seed_that_head_lacks_is_missing_and_one_that_it_adds_is_not():
    (row,) = compare(side(BASE), side(BASE[:3])).rows
    assert row.verdict == "missing"
    assert row.quantities[0].note == "identical"
    (row,) = compare(side(BASE[:3]), side(BASE)).rows
    assert row.verdict == "equivalent"


def test_the_gravest_quantity_decides_unless_it_is_advisory():
    (row,) = compare(side(BASE, parameters=100), side(BASE, parameters=101)).rows
    assert row.verdict == "worse"
    (row,) = compare(side(BASE), side(BASE, gradient=flow(3))).rows
    assert row.verdict == "equivalent"


def test_half_lives_are_held_against_those_of_the_same_seeds():
    lives = [10, 10, 10, 90, 90, 90]
    base = [record(0.9, seed, gradient=flow(life)) for seed, life in enumerate(lives)]
    (row,) = compare(base, base[:2]).rows
    assert row.warnings == ()
    (row,) = compare(base, [record(0.9, seed, gradient=flow(90)) for seed in range(2)]).rows
    assert row.warnings == ("half-life of h at end 10 -> 90 steps (9 times)",)


def test_conditions_that_differ_are_named_with_both_values():
    head = side(BASE, conditions=conditions(libraries={"python": "3.11.7", "keras": "3.13.0"}, data_hash="e" * 64))
    found = {difference.name: difference[1:] for difference in compare(side(BASE), head).differences}
    assert found == {"keras": (("3.12.0",), ("3.13.0",)), "data of digits": (("d" * 12,), ("e" * 12,))}


def test_margins_are_a_point_of_accuracy_and_a_share_of_the_way_for_other_metrics():
    assert margin_of(record(), {}) == 0.01
    assert margin_of(record(task="mnist"), {}) == 0.003
    assert margin_of(record(accuracy=False), {}) == pytest.approx(0.01 * (1 / 6 - 0.01))
    assert margin_of(record(task="mnist"), {"": 0.02}) == 0.02
    assert margin_of(record(task="mnist"), {"": 0.02, "mnist": 0.5}) == 0.5
    assert margin_of(record(accuracy=False, chance=math.nan), {}) is None
    assert margin_of(record(accuracy=False, target=1 / 6), {}) is None


def test_the_family_is_all_that_was_tested_in_all_rows():
    base = [r for n in range(30) for r in side(BASE, task_settings={"n": n})]
    near = [0.900, 0.918, 0.905, 0.893, 0.921]
    alone = compare(side(BASE, task_settings={"n": 0}), side(near, task_settings={"n": 0})).rows[0]
    among = compare(base, [r for n in range(30) for r in side(near if n == 0 else BASE[::-1], task_settings={"n": n})])
    assert among.tested == 30
    assert alone.verdict == "worse"
    assert among.rows[0].verdict == "unclear"
    assert among.rows[0].quantities[0].p == alone.quantities[0].p


def test_times_that_are_left_out_are_said():
    other = timed(0.02, machine={"processor": "another", "cores": 64})
    (note,) = compare(timed(0.01), other).notes
    assert note.startswith("Times are not compared")
    assert compare(timed(0.01), other, speed=True).notes == compare(timed(0.01), timed(0.01)).notes == ()

"""Success against length: what counts, what does not, and what stands apart."""

from datetime import UTC, datetime

import pytest

from bench.ladder import ladders
from bench.stats import binomial_interval
from bench.task import Training


@pytest.fixture
def rung(make_record):
    def make(length=10, seed=0, *, solved=True, task="adding", architecture="lstm", **fields):
        own = {
            "task_settings": {"length": length, "test_size": 10 * length},
            "training": Training(steps=length),
            "identity": {},
        }
        return make_record(task=task, architecture=architecture, seed=seed, solved=solved, **{**own, **fields})

    return make


def test_every_length_has_its_share_and_every_seed_its_longest_length(rung):
    solved = {10: (True, True, True), 20: (True, False, True), 40: (False, False, True)}
    (ladder,) = ladders(rung(length, s, solved=one) for length, row in solved.items() for s, one in enumerate(row))
    assert (ladder.task, ladder.architecture) == ("adding", "lstm")
    assert [(r.length, r.solved, r.seeds) for r in ladder.rungs] == [(10, 3, 3), (20, 2, 3), (40, 1, 3)]
    assert ladder.rungs[1].interval == binomial_interval(2, 3)
    assert ladder.longest == {0: 20, 1: 10, 2: 40}
    assert ladder.fails_from == 40
    assert [record.seed for record in ladder.records] == [0, 1, 2] * 3


def test_a_longer_length_counts_whatever_happened_at_a_shorter_one(rung):
    (ladder,) = ladders([rung(10, solved=False), rung(20), rung(40, solved=False)])
    assert ladder.longest == {0: 20}
    assert ladder.fails_from == 10


def test_a_seed_that_solves_nothing_has_no_longest_length(rung):
    (ladder,) = ladders([rung(10, 0, solved=False), rung(10, 1)])
    assert ladder.longest == {0: None, 1: 10}
    assert ladder.fails_from is None  # one of two is no majority


@pytest.mark.parametrize("status", ["failed", "diverged", "timeout", "out-of-memory"])
def test_a_cell_that_did_not_end_ok_is_unsolved_and_counts(rung, status):
    (ladder,) = ladders([rung(seed=0), rung(seed=1, solved=False, status=status, reason="x")])
    assert (ladder.rungs[0].solved, ladder.rungs[0].seeds) == (1, 2)
    assert ladder.longest[1] is None


def test_what_has_no_length_and_what_was_skipped_is_in_no_ladder(rung):
    assert (
        ladders([rung(status="skipped", reason="x"), rung(task_settings={}), rung(task_settings={"length": True})])
        == []
    )


@pytest.mark.parametrize(
    "other",
    [
        {"task": "copy"},
        {"architecture": "rnn"},
        {"architecture_settings": {"units": 8}},
        {"training": Training(steps=10, lr=0.5)},
        {"backend": "jax"},
        {"identity": {"params": 1000}},
        {"task_settings": {"length": 10, "bits": 3}},
    ],
)
def test_cells_under_other_conditions_are_a_ladder_of_their_own(rung, other):
    found = ladders([rung(), rung(solved=False, **other)])
    assert sorted(ladder.rungs[0].solved for ladder in found) == [0, 1]


def test_the_newer_of_two_records_stands(rung):
    old, new = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2))
    (ladder,) = ladders([rung(measured_at=new), rung(solved=False, measured_at=old)])
    assert (ladder.rungs[0].solved, ladder.rungs[0].seeds) == (1, 1)

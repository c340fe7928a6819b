"""Which cell a free worker takes: longest first, and a share of another's group where that ends the run sooner."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from cells import cell, with_seed

from bench.catalogue import discover
from bench.execute.schedule import Busy, choose
from bench.plan import Cell, blank
from bench.record import Record
from bench.resume import Costs

CATALOGUE = discover()
ARMS = ("rnn", "lstm", "gru", "bilstm", "irnn", "tcn")
GROUPS = {arm: cell(architecture=arm) for arm in ARMS}


def seeds(arm: str, count: int) -> list[Cell]:
    return seeds_of(GROUPS[arm], count)


def seeds_of(one: Cell, count: int) -> list[Cell]:
    return [with_seed(one, seed) for seed in range(count)]


def records(arm: str, seconds: float, setup: float) -> list[Record]:
    task = CATALOGUE.task("adding").value
    first = blank(GROUPS[arm], task, status="ok", wall_seconds=seconds + setup, compile_seconds=setup)
    return [first, first.model_copy(update={"wall_seconds": seconds, "compile_seconds": None})]


def costs(**known: tuple[float, float]) -> Costs:
    return Costs(record for arm, (seconds, setup) in known.items() for record in records(arm, seconds, setup))


def arm(found: Cell | None) -> tuple[str, int] | None:
    return None if found is None else (found.architecture, found.seed)


def test_a_worker_goes_on_with_the_group_that_it_has_compiled() -> None:
    pending = [*seeds("lstm", 3), *seeds("rnn", 2)]
    found = choose(GROUPS["rnn"].program, pending, [], costs(lstm=(90, 9), rnn=(1, 1)))
    assert arm(found) == ("rnn", 0)


def test_a_worker_goes_on_with_an_arm_that_shares_what_it_has_compiled() -> None:
    pending = [*seeds("lstm", 3), cell(architecture="rnn-uniform")]
    assert arm(choose(GROUPS["rnn"].program, pending, [], costs(lstm=(90, 9)))) == ("rnn-uniform", 0)
    busy = [Busy(GROUPS["rnn"], 0.0, compiled=True)]
    assert arm(choose("", pending, busy, costs(lstm=(1, 1)))) == ("lstm", 0)


def test_the_group_that_takes_longest_is_first() -> None:
    pending = [*seeds("rnn", 4), *seeds("lstm", 2), *seeds("gru", 1)]
    known = costs(rnn=(2, 1), lstm=(5, 1), gru=(10, 0))
    assert arm(choose("", pending, [], known)) == ("lstm", 0)  # 11 seconds, against 9 and 10


def test_groups_never_timed_come_first_in_the_order_of_the_plan() -> None:
    pending = [*seeds("rnn", 1), *seeds("gru", 1), *seeds("lstm", 1)]
    assert arm(choose("", pending, [], costs(rnn=(100, 0)))) == ("gru", 0)


def test_of_groups_never_timed_the_one_that_reads_most_is_first() -> None:
    short, long = (seeds_of(cell(length=length), 2) for length in (10, 20))
    assert long[0].reads == 6 * 8 * 20 * 2  # steps, batch, and 20 time steps of two numbers
    assert choose("", [*short, *long], [], Costs()) == long[0]
    assert choose("", [*short, *seeds_of(short[0], 3), *long], [], Costs()) == short[0]
    epochs = cell("digits", "mlp", training={"steps": None, "epochs": 1})  # how many steps, only the data tell
    assert choose("", [*short, *long, epochs], [], Costs()) == epochs


def test_a_group_that_somebody_is_at_waits_for_those_that_nobody_is_at() -> None:
    pending = [*seeds("lstm", 5), *seeds("rnn", 1)]
    busy = [Busy(with_seed(GROUPS["lstm"], 9), 0.0, compiled=True)]
    assert arm(choose("", pending, busy, costs(lstm=(100, 1), rnn=(1, 1)))) == ("rnn", 0)


@pytest.mark.parametrize(
    ("left", "setup", "elapsed", "taken"),
    [
        (3, 2.0, 0.0, True),
        (1, 2.0, 0.0, True),  # ends at 12 with, at 20 without
        (1, 10.0, 0.0, False),  # ends at 20 either way
        (1, 12.0, 0.0, False),
        (2, 12.0, 0.0, True),
        (1, 2.0, 9.0, False),  # the owner takes it in 1 second, compiled as it is
        (1, 0.5, 9.0, True),
    ],
)
def test_a_share_is_taken_where_the_group_ends_sooner_compiling_included(
    left: int, setup: float, elapsed: float, taken: bool
) -> None:
    pending = seeds("lstm", left)
    busy = [Busy(with_seed(GROUPS["lstm"], 9), elapsed, compiled=True)]
    found = choose("", pending, busy, costs(lstm=(10.0, setup)))
    assert arm(found) == (("lstm", left - 1) if taken else None)


def test_an_owner_that_is_still_compiling_counts_as_such() -> None:
    pending = seeds("lstm", 1)
    known = costs(lstm=(10.0, 12.0))
    at = with_seed(GROUPS["lstm"], 9)
    assert choose("", pending, [Busy(at, 0.0, compiled=True)], known) is None
    assert choose("", pending, [Busy(at, 0.0, compiled=False)], known) == pending[0]  # 22 against 32


@pytest.mark.parametrize(
    ("compiled", "loads", "taken"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_share_costs_less_where_what_another_has_compiled_is_loaded(compiled: bool, loads: bool, taken: bool) -> None:
    pending = seeds("lstm", 1)
    elapsed = 0.0 if compiled else 11.0
    busy = [Busy(with_seed(GROUPS["lstm"], 9), elapsed, compiled=compiled)]
    # With: 10 s and 12 s, or what is left of them, here; without: 10 s more on the owner's, 20 s or 21 s in all.
    found = choose("", pending, busy, costs(lstm=(10.0, 12.0)), loads=loads)
    assert (found is not None) is taken


def test_the_share_is_of_the_group_that_ends_last() -> None:
    pending = [*seeds("rnn", 6), *seeds("lstm", 2)]
    busy = [Busy(with_seed(GROUPS[name], 9), 0.0, compiled=True) for name in ("rnn", "lstm")]
    assert arm(choose("", pending, busy, costs(rnn=(1, 1), lstm=(10, 1)))) == ("lstm", 1)


def test_a_group_never_timed_is_shared() -> None:
    pending = seeds("lstm", 1)
    busy = [Busy(with_seed(GROUPS["lstm"], 9), 500.0, compiled=True)]
    assert choose("", pending, busy, Costs()) == pending[0]


def test_a_group_known_by_its_first_cell_alone_is_not_shared_at_a_loss() -> None:
    task = CATALOGUE.task("adding").value
    first = blank(GROUPS["lstm"], task, status="ok", wall_seconds=15.4, compile_seconds=2.3, train_seconds=5.5)
    pending = seeds("lstm", 1)
    busy = [Busy(with_seed(GROUPS["lstm"], 9), 6.9, compiled=True)]
    # As the compiling of its first step alone has it, 13.1 s are left after those of the owner, against 15.4 s here.
    assert choose("", pending, busy, Costs([first])) == pending[0]
    assert choose("", pending, busy, Costs([first, *records("rnn", 2.4, 7.4)])) is None


def test_nothing_is_left_to_choose() -> None:
    assert choose("", [], [Busy(GROUPS["rnn"], 0.0, compiled=False)], Costs()) is None


Truth = Mapping[str, tuple[float, float]]


def simulate(cells: Sequence[Cell], workers: int, truth: Truth, known: Costs, *, share: bool = True) -> float:
    """When the last cell ends; every cell is run once."""
    pending = list(cells)
    free = dict.fromkeys(range(workers), ("", 0.0))  # its group, and since when it is free
    at: dict[int, tuple[Cell, float, float, bool]] = {}  # cell, start, end, compiled
    done: list[str] = []
    now = 0.0
    while pending or at:
        for worker, (group, _) in list(free.items()):
            busy = [Busy(one, now - start, compiled=compiled) for one, start, _, compiled in at.values()]
            found = choose(group, pending, busy, known)
            shared = found and found.program != group and found.program in {one.program for one, *_ in at.values()}
            del free[worker]
            if found is None or (shared and not share):
                continue
            pending.remove(found)
            seconds, setup = truth[found.architecture]
            compiled = found.program == group
            at[worker] = found, now, now + seconds + (0.0 if compiled else setup), compiled
        worker = min(at, key=lambda one: at[one][2])
        one, _, now, _ = at.pop(worker)
        done.append(one.id)
        free = {worker: (one.program, now)}
    assert sorted(done) == sorted(one.id for one in cells)
    return now


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_sharing_never_ends_a_run_later_and_often_ends_it_sooner(workers: int) -> None:
    rng = np.random.default_rng(workers)
    sooner = 0
    for _ in range(60):
        truth = {name: (rng.uniform(1, 20), rng.uniform(0, 20)) for name in ARMS}
        known = costs(**truth)
        cells = [one for name in ARMS[: rng.integers(1, 7)] for one in seeds(name, int(rng.integers(1, 7)))]
        with_, without = (simulate(cells, workers, truth, known, share=share) for share in (True, False))
        assert with_ <= without + 1e-9
        sooner += with_ < without - 1e-9
    assert sooner > 10


def test_longest_first_ends_sooner_than_the_order_of_the_plan() -> None:
    truth = {"rnn": (1.0, 0.0), "gru": (1.0, 0.0), "irnn": (1.0, 0.0), "lstm": (3.0, 100.0)}
    cells = [replace(GROUPS[name]) for name in truth]
    assert simulate(cells, 2, truth, costs(**truth)) == 103.0
    assert simulate(cells, 2, truth, Costs()) == 104.0  # knowing nothing, in the order of the plan


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_run_that_knows_nothing_still_runs_every_cell_once(workers: int) -> None:
    truth = dict.fromkeys(ARMS, (2.0, 1.0))
    simulate([one for name in ARMS for one in seeds(name, 3)], workers, truth, Costs())

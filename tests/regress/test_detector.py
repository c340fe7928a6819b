"""Screen and confirm: what alarms, what does not, and how often, on machines that drift."""

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
from drifting import Machine, measured

from bench.regress import detector
from bench.regress.detector import Detector, Generation, LostError, Speed, generation

CELLS = range(6)


def _alarms(jobs: int, slower: dict[int, float], **machine: Any) -> Iterator[set[int]]:
    """The cells that are a regression, job by job."""
    for seed in range(jobs):
        measure = measured(Machine(np.random.default_rng([seed, 0]), **machine), slower)
        speeds = Detector(measure, np.random.default_rng([seed, 1])).run(CELLS)
        yield {cell for cell, speed in zip(CELLS, speeds, strict=True) if speed.outcome == "REGRESSION"}


@pytest.mark.parametrize("memory", [60.0, pytest.param(1.0, marks=pytest.mark.slow)])
def test_a_thousand_jobs_that_compare_a_thing_with_itself_raise_18_alarms_at_most(memory):
    assert sum(map(bool, _alarms(1000, {}, memory=memory))) <= 18


@pytest.mark.slow
def test_so_do_a_thousand_jobs_where_every_cell_is_slower_by_the_whole_margin():
    alarms = sum(map(bool, _alarms(1000, dict.fromkeys(CELLS, detector.MARGIN))))
    assert 1 <= alarms <= 18  # the level is spent, and not exceeded


@pytest.mark.parametrize("memory", [60.0, 1.0])
def test_of_two_hundred_jobs_with_one_cell_slower_by_5_percent_182_find_it(memory):
    found = list(_alarms(200, {2: 0.05}, memory=memory))
    assert sum(2 in cells for cells in found) >= 182
    assert sum(bool(cells - {2}) for cells in found) <= 6


def test_the_same_test_on_blocks_of_base_and_head_cries_wolf_and_misses():
    alarms = filter(None, _alarms(1000, {}, blocks=True))
    assert len(list(islice(alarms, 19))) == 19  # of how many jobs need not be waited for
    misses = (cells for cells in _alarms(200, {2: 0.05}, blocks=True) if 2 not in cells)
    assert len(list(islice(misses, 19))) == 19


def _fixed(ratio: dict[Any, float], asked: list[Any] | None = None) -> Callable[[Any], Generation]:
    """Generations around ln(ratio), with a spread of 0.2 % that is symmetric and never twice the same."""
    rng = np.random.default_rng(0)

    def measure(cell: Any) -> Generation:
        if asked is not None:
            asked.append(cell)
        return Generation(math.log(ratio[cell]) + rng.normal(0, 0.002), 0.01, 60)

    return measure


def _run(measure: Callable[[Any], Generation], cells: list[Any], **given: Any) -> list[Speed]:
    return Detector(measure, np.random.default_rng(0), **given).run(cells)


def test_every_cell_is_screened_in_turn_and_only_those_that_look_slower_are_measured_anew():
    asked: list[str] = []
    same, slow, fast = _run(_fixed({"same": 1.0, "slow": 1.05, "fast": 0.9}, asked), ["same", "slow", "fast"])
    assert [sorted(asked[at : at + 3]) for at in range(0, 30, 3)] == [["fast", "same", "slow"]] * 10
    assert asked[:30] != ["same", "slow", "fast"] * 10
    assert asked[30:] == ["slow"] * 10
    assert (same.outcome, slow.outcome, fast.outcome) == ("OK", "REGRESSION", "IMPROVED")
    assert (same.flagged, slow.flagged, fast.flagged) == (False, True, False)
    assert slow.ratio == pytest.approx(1.05, abs=0.003)
    assert slow.low < 1.05 < slow.high
    assert slow.p == 2**-10
    assert same.excluded == pytest.approx(0.0, abs=0.005)


def test_an_alarm_is_of_fresh_data_alone():
    calls = iter(range(1000))

    def measure(cell: str) -> Generation:
        late = next(calls) >= 10
        return Generation(math.log(1.0 if late else 1.3) + (0.001 if late else 0.0), 0.01, 60)

    (speed,) = _run(measure, ["one"])
    assert (speed.outcome, speed.flagged) == ("OK", True)
    assert speed.ratio == pytest.approx(1.001, abs=1e-6)


def test_holm_asks_more_of_each_cell_where_many_are_flagged_and_counts_those_that_are_found():
    # 2^-10 is below .002 / 2, but not below .002 / 3: three cells have to wait for the second look, two do not.
    for many, expected in ((2, 10), (3, 20)):
        speeds = _run(_fixed(dict.fromkeys(range(many), 1.05)), list(range(many)))
        assert [(speed.outcome, speed.generations) for speed in speeds] == [("REGRESSION", expected)] * many


def test_what_is_neither_found_nor_excluded_is_measured_to_the_end_and_says_how_small_an_effect_is_excluded():
    rng = np.random.default_rng(4)

    def wild(_: str) -> Generation:
        return Generation(rng.normal(0.0, 0.25), 0.3, 60)

    (speed,) = _run(wild, ["one"])
    assert (speed.outcome, speed.generations) == ("INCONCLUSIVE", 30)
    assert speed.reason == "30 generations settle nothing"
    assert 0.05 < speed.excluded < 0.5


def test_a_slo_that_is_wider_is_met_where_a_narrow_one_is_not():
    assert _run(_fixed({"a": 1.04}), ["a"], slo=0.1)[0].outcome == "REGRESSION"  # known to be slower by the margin
    assert _run(_fixed({"a": 1.008}), ["a"], slo=0.05)[0].outcome == "OK"
    assert _run(_fixed({"a": 1.008}), ["a"], slo=0.0075)[0].outcome == "INCONCLUSIVE"


@pytest.mark.parametrize("left", [0, 5, 25, 31])
def test_a_budget_that_ends_leaves_what_is_unsettled_inconclusive_and_says_so(left):
    budget = iter([True] * left + [False] * 100)
    speeds = _run(_fixed({"same": 1.0, "slow": 1.05, "fast": 0.9}), ["same", "slow", "fast"], more=lambda: next(budget))
    slow = speeds[1]
    assert slow.outcome == "INCONCLUSIVE"
    if left < 30:  # no cell has been screened to the end, so that none is flagged
        assert not slow.flagged
        assert slow.reason == f"the budget ended after {slow.generations} generations"
    else:
        assert slow.flagged
        assert slow.reason == "the budget ended after 1 fresh generations"
    assert sum(speed.generations for speed in speeds) == (left if left < 30 else 21)


def test_a_cell_that_is_lost_is_failed_and_the_others_go_on():
    healthy = _fixed({"a": 1.0})
    asked = []

    def measure(cell: str) -> Generation:
        asked.append(cell)
        if cell == "b" and asked.count("b") == 3:
            raise LostError("the worker of head ended with -9")
        return healthy("a")

    a, b = _run(measure, ["a", "b"])
    assert a.outcome == "OK"
    assert (b.outcome, b.reason, b.generations) == ("FAILED", "the worker of head ended with -9", 2)
    assert asked.count("b") == 3


def test_a_cell_that_is_lost_while_it_is_confirmed_is_failed_and_no_alarm():
    healthy, asked = _fixed({"a": 1.2}), []

    def measure(cell: str) -> Generation:
        asked.append(cell)
        if len(asked) > 12:
            raise LostError("gone")
        return healthy("a")

    (speed,) = _run(measure, ["a"])
    assert (speed.outcome, speed.flagged, speed.reason) == ("FAILED", True, "gone")


def test_no_cell_has_no_verdict():
    assert _run(_fixed({}), []) == []


def test_the_same_generator_gives_the_same_verdicts():
    rng = np.random.default_rng(1)
    drawn = [Generation(rng.normal(0.02, 0.02), 0.05, 60) for _ in range(40)]
    first, second = iter(drawn), iter(drawn)
    assert _run(lambda _: next(first), ["one"]) == _run(lambda _: next(second), ["one"])


def test_a_generation_is_the_median_and_the_quartiles_of_its_log_ratios():
    rng = np.random.default_rng(0)
    base, head = rng.uniform(1, 2, 60), rng.uniform(1, 2, 60)
    found, swapped = generation(base, head), generation(head, base)
    assert found.ratio == pytest.approx(np.median(np.log(head) - np.log(base)))
    assert found.spread == pytest.approx(np.subtract(*np.percentile(np.log(head / base), [75, 25])))
    assert (swapped.ratio, swapped.spread) == (pytest.approx(-found.ratio), pytest.approx(found.spread))
    assert found.pairs == 60
    # The standard error of a median of normal values, sqrt(pi / 2) sigma / sqrt(J), with sigma from the quartiles.
    sigma = found.spread / (2 * 0.674490)
    assert 1 / found.weight == pytest.approx(0.01**2 + math.pi / 2 * sigma**2 / 60, rel=0.01)


@pytest.mark.parametrize("wrong", [0.0, -1e-3, math.nan, math.inf])
def test_a_clock_that_stands_or_runs_backwards_measures_nothing(wrong):
    with pytest.raises(LostError, match="the clock is of no use: expected seconds above 0, received"):
        generation([1.0, 1.0], [1.0, wrong])
    with pytest.raises(LostError, match="received none"):
        generation([], [])


def test_turns_that_all_take_the_same_time_are_no_error():
    found = generation([0.01] * 60, [0.01] * 60)
    assert (found.ratio, found.spread) == (0.0, 0.0)
    (speed,) = _run(lambda _: found, ["one"])
    assert (speed.outcome, speed.excluded) == ("OK", 0.0)

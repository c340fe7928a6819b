"""The logic of timing, with a clock that does as it is told."""

import numpy as np
import pytest

from bench.stopwatch import ROUNDS, Job, calls_a_visit, noise, percentiles, time_calls, turns


class Machine:
    """A clock, and a device that does what it was given only when it is waited for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pending = 0.0
        self.log: list[str] = []

    def clock(self) -> float:
        self.log.append("clock")
        return self.now

    def synchronize(self) -> None:
        self.log.append("wait")
        self.now += self.pending
        self.pending = 0.0

    def job(self, prepare: float = 0.0, call: float = 0.0, device: float = 0.0) -> Job:
        def prepared() -> tuple[float]:
            self.log.append("prepare")
            self.now += prepare
            self.pending += prepare
            return (call,)

        def called(seconds: float) -> None:
            self.log.append("call")
            self.now += seconds
            self.pending += device

        return Job(called, prepared)


def test_the_clock_runs_for_the_call_and_for_what_the_device_still_does_of_it_and_for_nothing_else():
    machine = Machine()
    seconds = time_calls(machine.job(prepare=100.0, call=1.0, device=2.0), 3, machine.synchronize, machine.clock)
    assert seconds == pytest.approx([3.0, 3.0, 3.0])
    once = ["prepare", "wait", "clock", "call", "wait", "clock"]
    assert machine.log == once * 4


def test_the_first_call_of_a_visit_is_not_counted():
    machine, costs = Machine(), iter([50.0, 1.0, 2.0])

    def call() -> None:
        machine.now += next(costs)

    assert time_calls(Job(call), 2, machine.synchronize, machine.clock) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("seconds", "budget", "calls"), [(0.01, 2.0, 10), (10.0, 2.0, 1), (1e-6, 2.0, 50), (0.0, 2.0, 50), (0.004, 0.5, 6)]
)
def test_calls_keep_to_the_budget_but_every_visit_makes_one(seconds, budget, calls):
    assert calls_a_visit(seconds, budget) == calls
    assert calls == 1 or 2 * ROUNDS * calls * seconds <= budget


def test_in_a_round_every_cell_is_visited_twice_in_an_order_that_changes():
    rng = np.random.default_rng(0)
    rounds = [turns(5, rng) for _ in range(4)]
    for visits in rounds:
        assert sorted(visits) == [(cell, half) for cell in range(5) for half in range(2)]
    assert len({tuple(visits) for visits in rounds}) == 4
    again = np.random.default_rng(0)
    assert [turns(5, again) for _ in range(4)] == rounds


def test_percentiles_are_of_all_calls_of_both_halves():
    rng = np.random.default_rng(3)
    halves = [[list(rng.random(4) + 1) for _ in range(10)] for _ in range(2)]
    calls = np.array(halves).ravel()
    found = percentiles(halves, rng)
    assert (found.p50, found.p90, found.p99) == pytest.approx(tuple(np.percentile(calls, [50, 90, 99])))
    assert found.calls == 80
    assert 1 < found.noise < 2


def test_without_noise_two_measurements_do_not_differ():
    same = np.full(ROUNDS, 0.25)
    assert noise(same, same, np.random.default_rng(0)) == 1.0


def test_a_drift_that_hits_both_visits_of_a_round_alike_is_no_noise():
    drift = np.linspace(1.0, 3.0, ROUNDS)
    assert noise(drift, drift, np.random.default_rng(0)) == 1.0


@pytest.mark.parametrize("spread", [0.01, 0.1, 0.3])
def test_the_noise_is_the_ratio_that_independent_measurements_of_the_same_thing_stay_within_19_times_of_20(spread):
    rng = np.random.default_rng(1)

    def medians(times: int) -> np.ndarray:
        return np.median(np.exp(spread * rng.standard_normal((times, ROUNDS))), axis=1)

    ratio = medians(20_000) / medians(20_000)
    truth = np.quantile(np.maximum(ratio, 1 / ratio), 0.95)
    rounds = np.exp(spread * rng.standard_normal((200, 2, ROUNDS)))
    found = [noise(first, second, rng) for first, second in rounds]
    # As a share of the spread: ten rounds tell it within a third, and hardly lean to a side.
    assert np.log(np.median(found)) == pytest.approx(np.log(truth), rel=0.15)
    assert (np.abs(np.log(found) / np.log(truth) - 1) < 0.5).mean() > 0.9

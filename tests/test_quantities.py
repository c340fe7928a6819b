"""One quantity on two sides, against SciPy, by hand, and over many simulated comparisons."""

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from sides import record, side, timed

from bench.quantities import Quantity, exact, judge, score, solved, step_seconds, steps_to_target
from bench.record import Record

BASE = [0.91, 0.93, 0.92, 0.90, 0.94]
HEAD = [0.90, 0.91, 0.92, 0.91, 0.92]


def test_the_same_seeds_are_paired_as_scipy_pairs_them():
    found = score(side(BASE), side(HEAD), 0.01)
    oracle = stats.ttest_rel(HEAD, BASE)
    low, high = oracle.confidence_interval(0.95)
    assert found.paired
    assert found.seeds == 5
    assert found.p == pytest.approx(oracle.pvalue)
    assert found.interval == pytest.approx((low, high))
    assert found.effect == pytest.approx(np.mean(HEAD) - np.mean(BASE))


def test_other_seeds_are_held_apart_as_welch_does():
    found = score(side(BASE), side([*HEAD, 0.97], seeds=range(10, 16)), 0.01)
    oracle = stats.ttest_ind([*HEAD, 0.97], BASE, equal_var=False)
    assert not found.paired
    assert found.p == pytest.approx(oracle.pvalue)
    assert found.interval == pytest.approx(tuple(oracle.confidence_interval(0.95)))


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_equal_numbers_are_identical_however_few(seeds):
    values = BASE[:seeds]
    (found,) = judge([score(side(values), side(values), 0.01)])
    assert (found.verdict, found.note, found.effect, found.interval) == ("equivalent", "identical", 0, (0, 0))
    assert found.p is None


def test_one_seed_is_unclear_and_says_what_an_interval_needs():
    (found,) = judge([score(side([0.9]), side([0.5]), 0.01)])
    assert (found.verdict, found.interval, found.p) == ("unclear", None, None)
    assert found.effect == pytest.approx(-0.4)
    assert found.note == "1 seed to compare, an interval needs 3"


@pytest.mark.parametrize(
    ("accuracy", "by", "verdict"),
    [(True, -0.05, "worse"), (True, 0.05, "better"), (False, 0.05, "worse"), (False, -0.05, "better")],
)
def test_the_direction_is_that_of_the_metric(accuracy, by, verdict):
    head = [value + by + jitter for value, jitter in zip(BASE, (0.001, 0, -0.001, 0.002, 0), strict=True)]
    (found,) = judge([score(side(BASE, accuracy=accuracy), side(head, accuracy=accuracy), 0.01)])
    assert found.verdict == verdict
    assert found.not_worse == (verdict == "better")


def test_a_difference_told_from_nothing_but_within_the_margin_is_equivalent():
    head = [value - 0.002 + jitter for value, jitter in zip(BASE, (1e-4, 0, -1e-4, 2e-4, 0), strict=True)]
    (found,) = judge([score(side(BASE), side(head), 0.01)])
    assert found.p < 1e-4
    assert (found.verdict, found.not_worse) == ("equivalent", True)
    (strict,) = judge([score(side(BASE), side(head), 0.001)])
    assert (strict.verdict, strict.not_worse) == ("worse", False)


def test_what_is_open_says_how_many_seeds_would_tell():
    (found,) = judge([score(side(BASE), side(HEAD), 0.01)])
    assert found.verdict == "unclear"
    half = (found.interval.high - found.interval.low) / 2
    assert found.settles == math.ceil(5 * (half / (0.01 - 0.008)) ** 2)


@pytest.mark.parametrize("fields", [{"status": "failed"}, {"status": "diverged"}, {"value": math.nan}])
def test_a_seed_of_head_without_a_score_fails_and_one_of_base_is_never_green(fields):
    broken = [*side(BASE[:4]), record(**{"value": 0.9, **fields}, seed=4)]
    (failed,) = judge([score(side(BASE), broken, 0.01)])
    assert failed.verdict == "failed"
    assert failed.note.startswith("HEAD: seed 4 ")
    (open_,) = judge([score(broken, side(BASE), 0.01)])
    assert open_.verdict == "unclear"
    (both,) = judge([score(broken, broken, 0.01)])
    assert both.verdict == "failed"


def test_sides_without_any_spread_are_tested_by_the_largest_chance_of_such_a_split():
    (found,) = judge([score(side([1.0] * 5), side([0.125] * 5), 0.01)])
    # Five of one kind against five of the other: no share q makes it likelier than 2 q^5 (1 - q)^5 at a half.
    assert found.p == pytest.approx(2 * 0.25**5)
    assert found.verdict == "worse"
    grid = [2 * q**4 * (1 - q) ** 7 for q in np.linspace(0, 1, 100_001)]
    (other,) = judge([score(side([1.0] * 7), side([0.5] * 4, seeds=range(10, 14)), 0.01)])
    assert other.p == pytest.approx(max(grid), rel=1e-6)


def test_equal_shifts_of_all_pairs_are_held_against_the_spread_of_the_sides():
    head = [value - 0.01 for value in BASE]  # differences equal but for rounding
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = score(side(BASE), side(head), 0.001)
    assert not found.paired
    assert found.p == pytest.approx(stats.ttest_ind(head, BASE, equal_var=False).pvalue)


def test_solved_is_fishers_test_on_all_planned_seeds():
    base, head = side(BASE, steps_to_target=100), side(HEAD)
    found = solved(base, head)
    assert (found.base, found.head, found.effect) == (1, 0, -1)
    assert found.p == pytest.approx(stats.fisher_exact([[0, 5], [5, 0]]).pvalue)
    assert judge([found])[0].verdict == "worse"
    assert solved(head, head) is None
    assert judge([solved(base, base)])[0].verdict == "equivalent"


def test_steps_are_a_ratio_of_geometric_means_with_its_interval():
    before, after = [100, 120, 110, 130, 105], [150, 178, 170, 190, 160]
    base = [record(0.96, seed, steps_to_target=steps) for seed, steps in enumerate(before)]
    head = [record(0.96, seed, steps_to_target=steps) for seed, steps in enumerate(after)]
    (found,) = judge([steps_to_target(base, head)])
    oracle = stats.ttest_rel(np.log(after), np.log(before))
    assert found.interval == pytest.approx(tuple(np.exp(oracle.confidence_interval(0.95))))
    assert found.effect == pytest.approx(np.exp(np.mean(np.log(after)) - np.mean(np.log(before))))
    assert found.verdict == "worse"
    assert judge([steps_to_target(head, base)])[0].verdict == "better"


def test_seeds_that_never_reach_the_target_rank_behind_all_others():
    base = [record(0.96, seed, steps_to_target=100 + seed) for seed in range(6)]
    never = side([0.5] * 6)
    (found,) = judge([steps_to_target(base, never)])
    assert (found.head, found.effect, found.interval) == (math.inf, math.inf, None)
    assert found.p == pytest.approx(2 / math.comb(12, 6))
    assert found.verdict == "worse"
    assert judge([steps_to_target(never, base)])[0].verdict == "better"
    assert steps_to_target(never, never) is None


@pytest.mark.parametrize(("after", "verdict"), [(100, "equivalent"), (101, "worse"), (99, "better")])
def test_counts_without_noise_are_compared_to_the_last_one(after, verdict):
    found = exact("parameters", [record(parameters=100)], [record(parameters=after)])
    assert (found.verdict, found.p) == (verdict, None)
    assert exact("flops_per_sample", [record()], [record(flops_per_sample=3)]) is None


def test_times_of_one_machine_are_compared_and_only_decide_where_asked():
    base = timed(0.010)
    for p50, verdict in ((0.0101, "equivalent"), (0.0125, "worse"), (0.008, "better"), (0.0109, "unclear")):
        found = step_seconds(base, timed(p50), asked=False)
        assert (found.verdict, found.advisory) == (verdict, True)
    assert not step_seconds(base, timed(0.02), asked=True).advisory
    found = step_seconds(base, timed(0.012), asked=False)
    assert found.interval == pytest.approx((1.2 / 1.02, 1.2 * 1.02))  # two noises over the root of 2, in quadrature


def test_times_of_other_machines_are_left_out_unless_asked_for():
    other = timed(0.02, machine={"processor": "another", "cores": 64})
    assert step_seconds(timed(0.01), other, asked=False) is None
    assert "different machines" in step_seconds(timed(0.01), other, asked=True).note
    assert step_seconds(timed(0.01), [record()], asked=True) is None
    assert step_seconds(timed(0.01), timed(0.011, noise=None), asked=False).verdict == "unclear"


Draw = Callable[[np.random.Generator, int], np.ndarray]
DRAWS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(0.9, 0.01, n),
    "skewed": lambda rng, n: 0.9 + 0.02 * rng.lognormal(0, 1, n),
    "two-peaked": lambda rng, n: np.where(rng.random(n) < 0.8, 0.97, 0.3) + rng.normal(0, 0.01, n),
}


PLAIN = record()


def _drawn(values: np.ndarray, first: int = 0) -> list[Record]:
    """As `side`, without validating: there are a hundred thousand of them."""
    assert PLAIN.best is not None
    return [
        PLAIN.model_copy(update={"seed": first + i, "best": PLAIN.best.model_copy(update={"test": float(value)})})
        for i, value in enumerate(values)
    ]


def _comparison(rng: np.random.Generator, draw: Draw, *, rows: int, paired: bool) -> list[Quantity]:
    first = 0 if paired else 100
    return judge([score(_drawn(draw(rng, 5)), _drawn(draw(rng, 5), first), 0.01) for _ in range(rows)])


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("draw", DRAWS)
def test_where_nothing_changed_false_alarms_stay_within_what_is_stated(draw, paired):
    rng = np.random.default_rng(7)
    jobs, rows = 200, 8
    found = [_comparison(rng, DRAWS[draw], rows=rows, paired=paired) for _ in range(jobs)]
    any_worse = sum(any(quantity.verdict == "worse" for quantity in job) for job in found)
    any_called = sum(any(quantity.verdict in ("worse", "better") for quantity in job) for job in found)
    # 2.5 % and 5 % of the jobs, and what 99.9 % of binomial draws at these rates stay within.
    assert any_worse <= stats.binom.ppf(0.999, jobs, 0.025)
    assert any_called <= stats.binom.ppf(0.999, jobs, 0.05)


def test_a_real_drop_among_rows_that_did_not_change_is_found():
    rng = np.random.default_rng(8)
    jobs, found = 60, 0
    for _ in range(jobs):
        quantities = [
            score(_drawn(rng.normal(0.9, 0.01, 8)), _drawn(rng.normal(0.9 - drop, 0.01, 8)), 0.01)
            for drop in (0.05, *[0.0] * 9)
        ]
        found += judge(quantities)[0].verdict == "worse"
    assert found >= 0.95 * jobs

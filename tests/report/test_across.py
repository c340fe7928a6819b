import math

import numpy as np
import pytest

from bench.record import Record
from bench.report.across import THRESHOLDS, across
from bench.report.aggregate import task_tables

from .conftest import HOSTILE, make_record


def made(task: str, arm: str, values: list[float | None], *, accuracy: bool = True) -> list[Record]:
    return [
        make_record(task, arm, seed, value, accuracy=accuracy, status="ok" if value is not None else "failed")
        for seed, value in enumerate(values)
    ]


TABLES = task_tables(
    made("copy", "gru", [0.95] * 5) + made("copy", "rnn", [0.1] * 5)
    + made("adding", "gru", [0.01] * 5, accuracy=False) + made("adding", "rnn", [1 / 6] * 5, accuracy=False)
    + made("images", "cnn", [0.525] * 5) + made("images", "gru", [0.9] * 5)
)  # fmt: skip


def test_chance_is_nothing_and_the_target_is_one_for_accuracies_and_errors() -> None:
    found = across(TABLES, draws=50)
    means = {one.architecture: one.mean.value for one in found.summaries}
    assert means == pytest.approx({"gru": 1.0 - 1e-12, "cnn": 0.5, "rnn": 0}, abs=0.02)
    assert [one.architecture for one in found.summaries] == ["gru", "cnn", "rnn"]


def test_tasks_that_an_arm_did_not_do_are_named() -> None:
    by_name = {one.architecture: one for one in across(TABLES, draws=50).summaries}
    assert by_name["cnn"].missing == ("adding", "copy")
    assert by_name["gru"].missing == ()
    assert by_name["rnn"].tasks == ("adding", "copy")


def test_arms_are_compared_over_the_tasks_that_both_did() -> None:
    found = {(one.a, one.b): one for one in across(TABLES, draws=50).improvements}
    assert len(found) == 6
    assert (found["gru", "rnn"].probability, found["gru", "rnn"].tasks) == (1, ("adding", "copy"))
    assert found["rnn", "gru"].probability == 0
    none = found["cnn", "rnn"]
    assert (none.tasks, none.interval, math.isnan(none.probability)) == ((), None, True)


def test_a_run_without_a_score_counts_as_chance_and_ranks_last() -> None:
    tables = task_tables(made("copy", "a", [0.95, 0.95, 0.95, None, None]) + made("copy", "b", [0.1] * 5))
    found = across(tables, draws=50)
    a = next(one for one in found.summaries if one.architecture == "a")
    assert (a.runs, a.unscored) == (5, 2)
    assert a.profile.share[0] == pytest.approx(0.6)
    assert a.mean.value == pytest.approx((0.75 * 0 + 1 + 0.75 * 1) / 2.5)
    assert found.improvements[0].probability == pytest.approx(0.6)


def test_an_error_that_blew_up_is_no_worse_than_chance_in_the_mean() -> None:
    tables = task_tables(made("adding", "a", [1e30, 1e30, 1e30, 0.01, 0.01], accuracy=False))
    (a,) = across(tables, draws=50).summaries
    assert a.mean.value == pytest.approx((0 + 0 + 0.75) / 2.5)


def test_scores_beyond_the_target_still_differ() -> None:
    tables = task_tables(made("copy", "a", [0.99] * 3) + made("copy", "b", [0.96] * 3))
    first, second = across(tables, draws=50).summaries
    assert first.mean.value > second.mean.value > 1


def test_the_profile_falls_from_chance_to_beyond_the_target() -> None:
    rng = np.random.default_rng(0)
    (one,) = across(task_tables(made("copy", "a", rng.uniform(0.1, 0.95, 9).tolist())), draws=200).summaries
    assert one.profile.thresholds.tolist() == list(THRESHOLDS)
    assert (np.diff(one.profile.share) <= 0).all()
    assert (one.profile.share[0], one.profile.share[-1]) == (1, 0)


def test_a_task_without_a_scale_is_left_out_and_named() -> None:
    records = [make_record("odd", "a", seed, 0.5, chance=0.95) for seed in range(3)]
    found = across(task_tables(records), draws=50)
    assert (found.left_out, found.tasks, found.summaries) == (("odd",), (), ())
    assert across([]).summaries == ()


def test_two_seeds_leave_no_interval_and_labels_may_be_anything() -> None:
    found = across(task_tables([r for name in HOSTILE for r in made("copy", name, [0.5, 0.6])]), draws=50)
    assert {one.architecture for one in found.summaries} == set(HOSTILE)
    assert all(one.mean.interval is None for one in found.summaries)
    assert all(one.interval is None for one in found.improvements)


def test_the_same_records_give_the_same_figures_in_any_order() -> None:
    rng = np.random.default_rng(0)
    records = [r for name in ("a", "b") for task in ("x", "y") for r in made(task, name, rng.random(5).tolist())]
    first, second = across(task_tables(records)), across(task_tables(records[::-1]))
    assert [one.mean for one in first.summaries] == [one.mean for one in second.summaries]
    assert first.improvements == second.improvements

"""What tools that think lower is better are given."""

from collections.abc import Callable
from pathlib import Path

import pytest
from timings import timed

from bench.export._measures import left_out, subjects
from bench.record import Percentiles, Record
from bench.task import Training

Make = Callable[..., Record]


def three(make: Make, *values: float, **known: object) -> list[Record]:
    return [make(f"{seed:016x}", seed=seed, value=value, **known) for seed, value in enumerate(values)]


def test_an_accuracy_becomes_an_error_and_its_interval_is_mirrored(make_record: Make) -> None:
    (subject,) = subjects(three(make_record, 0.96, 0.97, 0.98))
    (error,) = subject.measures
    assert (error.quantity, error.unit, error.samples) == ("test-error", "1", pytest.approx((0.04, 0.03, 0.02)))
    assert error.value == pytest.approx(0.03)
    # Student's t(0.975, 2) = 4.303; the standard error of 0.96, 0.97, 0.98 is 0.01 / sqrt(3).
    assert (error.low, error.high) == (pytest.approx(0.03 - 0.02484, abs=1e-5), pytest.approx(0.03 + 0.02484, abs=1e-5))


def test_where_lower_is_better_the_score_is_the_error(make_record: Make) -> None:
    (subject,) = subjects(three(make_record, 0.1, 0.2, 0.6, metric="mse", higher_is_better=False))
    assert subject.measures[0].value == pytest.approx(0.3)
    assert subject.measures[0].samples == pytest.approx((0.1, 0.2, 0.6))


def test_a_failed_seed_leaves_no_error_and_is_told(make_record: Make) -> None:
    records = [*three(make_record, 0.9, 0.8), make_record("f" * 16, seed=2, status="failed", reason="out")]
    (subject,) = found = subjects(records)
    assert subject.measures == []
    assert left_out(found) == [f"{subject.name}: no test-error: 1 failed"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_as_a_failed_seed(make_record: Make, value: float) -> None:
    found = subjects(three(make_record, 0.9, value))
    assert [each.measures for each in found] == [[]]
    assert "1 without a finite score" in left_out(found)[0]


@pytest.mark.parametrize(("value", "target"), [(3.5, 0.9), (0.5, 200.0)])
def test_of_a_metric_that_may_exceed_1_there_is_no_error(make_record: Make, value: float, target: float) -> None:
    found = subjects([make_record(value=value, target=target, metric="reward")])
    assert [each.measures for each in found] == [[]]
    assert "its reward may exceed 1" in left_out(found)[0]


def test_times_have_the_interval_of_one_median(make_record: Make) -> None:
    (subject,) = subjects([timed(make_record())])
    step = next(each for each in subject.measures if each.quantity == "step-time")
    # The noise 1.02 is of the ratio of two medians: one alone stays within its power of 1 / sqrt(2).
    assert (step.value, step.low, step.high) == pytest.approx((0.01, 0.01 / 1.0141, 0.01 * 1.0141), rel=1e-4)
    assert [each.quantity for each in subject.measures] == ["test-error", "step-time", "inference-time", "peak-memory"]


def test_a_time_that_is_no_number_is_not_there(make_record: Make) -> None:
    record = timed(make_record(), step_seconds=Percentiles(p50=float("nan"), p99=float("nan")))
    (subject,) = subjects([record])
    assert "step-time" not in [each.quantity for each in subject.measures]


def test_times_that_other_rows_have_are_told_where_they_are_missing(make_record: Make) -> None:
    found = subjects([timed(make_record()), make_record("1" * 16, architecture="rnn")])
    assert [line.split(" ", 1)[1] for line in left_out(found)] == ["rnn[units=32] tensorflow: no times were measured"]


def test_a_name_is_the_same_whatever_else_is_in_the_run(make_record: Make) -> None:
    alone = subjects([make_record()])[0].name
    assert alone == "adding[length=100] lstm[units=32] tensorflow"
    others = [make_record("1" * 16, architecture="rnn"), make_record("2" * 16, task_settings={"length": 7})]
    assert alone in [each.name for each in subjects([make_record(), *others])]


def test_rows_of_two_versions_of_the_code_have_names_of_their_own(make_record: Make) -> None:
    records = [make_record(f"{n:016x}", identity={"sources": {"harness": str(n)}}) for n in range(2)]
    names = [each.name for each in subjects(records)]
    assert len(set(names)) == 2
    assert all(name.startswith("adding[length=100] lstm[units=32] tensorflow ") for name in names)


def test_two_trainings_of_a_pair_have_names_that_the_next_commit_does_not_change(make_record: Make) -> None:
    def names(sources: str) -> list[str]:
        records = []
        for place, lr in enumerate((0.1, 0.01)):
            identity = {"training": {"lr": lr}, "sources": {"harness": sources}}
            training = Training(steps=1000, lr=lr)
            records.append(make_record(f"{place:016x}", training=training, identity=identity))
        return [each.name for each in subjects(records)]

    assert names("base") == names("head")
    assert len(set(names("base"))) == 2


def test_the_version_is_that_of_the_settings_and_not_of_seed_and_code(make_record: Make) -> None:
    def version(**identity: object) -> str:
        return subjects([make_record(identity=identity)])[0].version

    assert version(seed=1, sources={"harness": "a"}, threads=1) == version(seed=2, sources={}, threads=1)
    assert version(threads=1) != version(threads=2)


def test_no_export_is_given_an_accuracy_where_lower_is_better() -> None:
    folder = Path(__file__).parents[2] / "bench" / "export"
    for name in ("asv", "bencher", "github_action_benchmark", "pytest_benchmark"):
        assert ".value_" not in (source := (folder / f"{name}.py").read_text())
        assert "record.value" not in source

import math
from datetime import UTC, datetime

import pytest

from bench.record import GradientFlow, GradientNorm, Record
from bench.report import formats
from bench.report.aggregate import task_tables
from bench.report.rows import Row
from bench.task import Training

from .conftest import make_record


def only_row(*records: Record) -> Row:
    (table,) = task_tables(records)
    (row,) = table.rows
    return row


def labels(*records: Record) -> list[str]:
    return [row.architecture for table in task_tables(records) for row in table.rows]


def test_seeds_of_a_cell_share_a_row() -> None:
    row = only_row(*(make_record(seed=seed, value=0.1 * seed) for seed in (3, 1, 2)))
    assert [record.seed for record in row.records] == [1, 2, 3]
    assert (row.mean, row.low, row.high) == pytest.approx((0.2, 0.1, 0.3))


def test_a_failed_seed_stays_in_the_denominator() -> None:
    row = only_row(
        make_record(seed=0, value=0.98, steps_to_target=100),
        make_record(seed=1, value=0.982, steps_to_target=300),
        make_record(seed=2, status="diverged"),
    )
    assert formats.mean(row) == "0.981 (2 of 3)"
    assert (row.solved, len(row.planned)) == (2, 3)
    assert row.steps_to_target == 300
    assert row.failures == "1 diverged"


def test_gradient_flow_that_was_not_measured_is_listed_with_its_reason() -> None:
    flow = GradientFlow(step=0, loss=0.1, samples=4, not_finite=0, decay={}, unprobed={"inner": "lies inside another"})
    row = only_row(
        make_record(seed=0, unmeasured="probe: ValueError: x"),
        make_record(seed=1, unmeasured="probe: ValueError: x"),
        make_record(seed=2, gradient={"init": flow, "end": flow}),
        make_record(seed=3),
    )
    assert row.unfinished == [
        ("0, 1", "gradient flow not measured", "probe: ValueError: x"),
        ("2", "gradient flow not measured", "layer inner: lies inside another"),
    ]
    assert not row.failures


def test_statuses_are_counted_apart() -> None:
    row = only_row(*(make_record(seed=i, status=s) for i, s in enumerate(("failed", "timeout", "failed"))))
    assert row.failures == "2 failed, 1 timeout"
    assert math.isnan(row.mean)


def test_a_nan_score_is_neither_averaged_nor_forgotten() -> None:
    row = only_row(make_record(seed=0, value=0.5), make_record(seed=1, value=math.nan))
    assert formats.mean(row) == "0.500 (1 of 2)"
    assert row.failures == "1 without a finite score"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [((100, 200, 300), "200"), ((100, None, None), "never"), ((100, None), "never"), ((100, 200, None), "200")],
)
def test_a_missed_target_counts_as_never(steps: tuple[int | None, ...], expected: str) -> None:
    row = only_row(*(make_record(seed=i, steps_to_target=s) for i, s in enumerate(steps)))
    assert formats.steps_to_target(row) == expected


def test_time_per_step_is_training_time_over_steps() -> None:
    assert only_row(make_record(seed=0)).step_milliseconds == 20.0


def test_gradient_norms_are_medians_over_seeds() -> None:
    norms = [GradientNorm(first=f, last=f / 10, largest=9, not_finite=1, clipped=None) for f in (1, 2, 9)]
    row = only_row(*(make_record(seed=i, gradient_norm=norm) for i, norm in enumerate(norms)))
    assert (row.gradient_first, row.gradient_last, row.not_finite) == (2, 0.2, 3)


def test_a_skipped_architecture_has_no_planned_seed_and_says_why() -> None:
    row = only_row(make_record(status="skipped", reason="reads images only"))
    assert (len(row.planned), row.skipped, row.failures) == (0, "reads images only", "")


def test_labels_show_no_setting_that_is_the_same_throughout() -> None:
    assert labels(make_record(architecture="gru"), make_record(architecture="lstm")) == ["gru", "lstm"]


def test_labels_show_the_settings_that_vary() -> None:
    found = labels(*(make_record(architecture_settings={"units": u, "depth": 1}) for u in (16, 32)))
    assert found == ["lstm [units=16]", "lstm [units=32]"]


def test_true_and_one_are_different_settings() -> None:
    assert len(labels(*(make_record(architecture_settings={"x": x}) for x in (True, 1)))) == 2


def test_labels_show_the_training_that_varies_within_a_task() -> None:
    found = labels(make_record(training=Training(steps=9, clip=1.0)), make_record(training=Training(steps=9)))
    assert found == ["lstm [clip=1]", "lstm [clip=none]"]
    assert (
        labels(make_record(training=Training(steps=9)), make_record("copy", training=Training(steps=8))) == ["lstm"] * 2
    )


def test_what_a_backend_has_of_its_own_is_told_by_its_name() -> None:
    of = {name: {"sources": {"harness": name}, "libraries": {name: "1"}} for name in ("jax", "torch")}
    assert labels(*(make_record(backend=name, identity=rest) for name, rest in of.items())) == [
        "lstm [backend=jax]",
        "lstm [backend=torch]",
    ]
    newer = make_record(backend="jax", identity=of["jax"] | {"libraries": {"jax": "2"}})
    found = labels(*(make_record(backend=name, identity=rest) for name, rest in of.items()), newer)
    assert len(set(found)) == 3
    assert all("harness" not in label for label in found)


def test_labels_show_the_backend_where_it_varies() -> None:
    found = labels(make_record(backend="jax"), make_record(backend="torch"))
    assert found == ["lstm [backend=jax]", "lstm [backend=torch]"]


def test_what_else_decides_the_numbers_keeps_rows_apart() -> None:
    found = labels(make_record(identity={"params": 1000}), make_record(identity={"params": 2000}))
    assert found == ["lstm [params=1000]", "lstm [params=2000]"]


def test_task_settings_that_vary_make_tables_of_their_own() -> None:
    tables = task_tables(make_record(task_settings={"length": n, "bits": 2}) for n in (50, 100))
    assert [table.label for table in tables] == ["adding [length=50]", "adding [length=100]"]


def test_the_last_attempt_at_a_cell_counts() -> None:
    early = make_record(status="failed", measured_at=datetime(2026, 1, 1, tzinfo=UTC))
    late = make_record(value=0.7, measured_at=datetime(2026, 1, 2, tzinfo=UTC))
    assert only_row(late, early).values == [0.7]


@pytest.mark.parametrize(("accuracy", "order"), [(True, ["b", "a"]), (False, ["a", "b"])])
def test_the_best_mean_comes_first(accuracy: bool, order: list[str]) -> None:
    records = [make_record(architecture=n, value=v, accuracy=accuracy) for n, v in (("a", 0.1), ("b", 0.2))]
    (table,) = task_tables([*records, make_record(architecture="0", status="failed")])
    assert [row.architecture for row in table.rows] == [*order, "0"]
    assert [row.architecture for row in table.best] == order[:1]


def test_equal_means_are_both_best() -> None:
    (table,) = task_tables(make_record(architecture=name) for name in "ab")
    assert len(table.best) == 2


@pytest.mark.parametrize(("values", "stays"), [((0.1, 0.11), True), ((0.1, 0.3), False), ((), False)])
def test_at_chance_means_that_no_seed_left_it(values: tuple[float, ...], stays: bool) -> None:
    records = [make_record(seed=i, value=v) for i, v in enumerate(values)] or [make_record(status="failed")]
    (table,) = task_tables(records)
    assert table.at_chance(table.rows[0]) is stays


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.98123, "0.981"), (0.0, "0"), (1.234e-5, "1.2e-5"), (12345.6, "12346"), (math.nan, "nan"), (None, "–")],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert formats.number(value) == text

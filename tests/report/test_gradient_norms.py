import numpy as np
import pytest

from bench.report.aggregate import task_tables
from bench.report.gradient_norms import Norms, norms_of

from .conftest import make_record

VARIABLES = np.array(["a/kernel", "b/kernel"])


def norms(*seeds: np.ndarray, bins: int = 4, by_variable: bool = True) -> Norms | None:
    """Of seeds with these norms, (steps, variables)."""
    records = [make_record(seed=seed) for seed in range(len(seeds))]
    (table,) = task_tables(records)
    arrays = {record.cell_id: {"gradient_norm": seeds[record.seed], "variables": VARIABLES} for record in records}
    return norms_of(table.rows[0], lambda record: arrays[record.cell_id], bins=bins, by_variable=by_variable)


def test_a_bin_is_the_median_over_its_steps_and_all_seeds() -> None:
    first, second = np.random.default_rng(0).random((2, 12, 2))
    found = norms(first, second)
    assert found is not None
    assert (found.variables, found.step.tolist()) == (VARIABLES.tolist(), [2, 5, 8, 11])
    np.testing.assert_allclose(found.each[1], np.median([*first[3:6], *second[3:6]], axis=0))
    lengths = [np.hypot(*row) for row in [*first[3:6], *second[3:6]]]
    np.testing.assert_allclose(found.whole[1], np.median(lengths))
    alone = norms(first, second, by_variable=False)
    assert alone is not None
    np.testing.assert_allclose(alone.each, found.whole[:, None])


def test_a_short_training_has_a_point_a_step() -> None:
    found = norms(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert found is not None
    assert (found.step.tolist(), found.each.tolist()) == ([1, 2], [[1, 2], [3, 4]])


def test_steps_that_are_not_finite_are_named_and_left_out() -> None:
    values = np.ones((8, 2))
    values[2, 0], values[6:] = np.inf, np.nan
    found = norms(values, np.full((8, 2), 2.0))
    assert found is not None
    assert found.not_finite.tolist() == [3, 7, 8]
    np.testing.assert_allclose(found.each, [[1.5, 1.5], [2, 1.5], [1.5, 1.5], [2, 2]])


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_nothing_above_0_is_nothing_to_show(value: float) -> None:
    assert norms(np.full((8, 2), value)) is None

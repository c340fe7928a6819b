"""Ranks, against SciPy's."""

import numpy as np
import pytest
import scipy.stats

from bench.stats.ranks import mid_ranks

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "values",
    [
        RNG.normal(size=40),
        RNG.integers(0, 5, size=(7, 6)).astype("float64"),
        np.array([2.0, np.inf, -np.inf, np.inf, 2.0, 0.0, -0.0]),
        np.array([3.0]),
        np.zeros(5),
        np.array([]),
    ],
    ids=["distinct", "ties in two axes", "infinities", "one", "equal", "none"],
)
def test_ranks_are_those_of_scipy(values: np.ndarray) -> None:
    expected = scipy.stats.rankdata(values, axis=None).reshape(values.shape)
    np.testing.assert_array_equal(mid_ranks(values), expected)

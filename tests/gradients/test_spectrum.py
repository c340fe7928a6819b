"""Lyapunov exponents and singular values of products against NumPy's, on matrices whose answer is known."""

from itertools import pairwise

import numpy as np
import pytest

from bench.gradients.spectrum import lyapunov, singular_values

RNG = np.random.default_rng(0)


def constant(matrix: np.ndarray, steps: int) -> np.ndarray:
    return np.broadcast_to(matrix, (2, steps, *matrix.shape))


def test_exponents_of_a_diagonal_are_the_logs_of_its_factors() -> None:
    found = lyapunov(constant(np.diag([0.5, 0.9, 1.1]), 200))
    np.testing.assert_allclose(found, np.log([1.1, 0.9, 0.5]), rtol=1e-9)


def test_exponents_of_a_rotation_are_zero() -> None:
    q = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    np.testing.assert_allclose(lyapunov(constant(q, 300)), 0, atol=1e-12)


def test_exponents_of_a_symmetric_matrix_are_the_logs_of_its_eigenvalues() -> None:
    q = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    matrix = q @ np.diag([0.2, 0.6, 1.3]) @ q.T
    np.testing.assert_allclose(lyapunov(constant(matrix, 3000)), np.log([1.3, 0.6, 0.2]), atol=2e-3)


def test_their_sum_is_the_mean_log_volume_of_any_product() -> None:
    jacobians = RNG.normal(size=(3, 50, 4, 4))
    volume = np.log(np.abs(np.linalg.det(jacobians))).mean()
    assert lyapunov(jacobians).sum() == pytest.approx(volume)


def test_singular_values_are_those_of_the_product_of_the_last_steps() -> None:
    jacobians = RNG.normal(size=(3, 12, 4, 4)) / 2
    lags = [1, 2, 5]
    found = singular_values(jacobians, lags)
    for row, lag in enumerate(lags):
        each = []
        for sample in jacobians:
            product = np.eye(4)
            for step in sample[-lag:]:
                product = step @ product
            each.append(np.log10(np.linalg.svd(product, compute_uv=False)))
        np.testing.assert_allclose(found[row], np.mean(each, axis=0), rtol=1e-9)


def test_products_far_below_what_a_float_holds_keep_their_logarithm() -> None:
    found = singular_values(constant(np.diag([1e-5, 0.9e-5]), 100), [100])
    np.testing.assert_allclose(found[0], [-500, -500 + 100 * np.log10(0.9)], rtol=1e-9)


def test_what_is_lost_beside_the_largest_reads_as_nothing() -> None:
    found = singular_values(constant(np.diag([1.0, 1e-3]), 10), [10])
    assert found[0, 0] == pytest.approx(0)
    assert found[0, 1] == -np.inf


def test_small_singular_values_hold_down_to_a_million_millionth_of_the_largest() -> None:
    rng, known, time = np.random.default_rng(6), np.array([0, -3, -6, -9, -12]), 100
    bases = [np.linalg.qr(rng.normal(size=(5, 5)))[0] for _ in range(time + 1)]
    steps = [after @ np.diag(10.0 ** (known / time)) @ before.T for before, after in pairwise(bases)]
    np.testing.assert_allclose(singular_values(np.stack(steps)[None], [time])[0], known, atol=0.01)

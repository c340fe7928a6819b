"""The fit of Gabor functions: made-up ones are found, noise is not taken for one."""

import math

import numpy as np
import pytest

from bench.gabor import gabor_r2, main_component

RNG = np.random.default_rng(0)
NOISE = [RNG.normal(size=(7, 7)) for _ in range(30)]


def gabor(side=7, *, x0=0.0, y0=0.0, angle=0.0, frequency=0.2, phase=0.0, along=1.5, across=2.0):
    """Written by hand, as Jones and Palmer (1987) do."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    u, v = x - x0, y - y0
    turned, other = u * math.cos(angle) + v * math.sin(angle), v * math.cos(angle) - u * math.sin(angle)
    window = np.exp(-(turned**2) / (2 * along**2) - other**2 / (2 * across**2))
    return window * np.cos(2 * np.pi * frequency * turned + phase)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, 2.6])
@pytest.mark.parametrize("phase", [0.0, 1.0, np.pi / 2])
@pytest.mark.parametrize("place", [{}, {"x0": 1.2, "y0": -0.7, "frequency": 0.3}, {"frequency": 0.11, "along": 2.5}])
def test_a_gabor_function_is_found(angle, phase, place):
    assert gabor_r2(-3 * gabor(angle=angle, phase=phase, **place)) > 0.99


@pytest.mark.parametrize("side", [3, 5, 11])
def test_filters_of_other_sizes_are_fitted(side):
    assert gabor_r2(gabor(side, angle=0.7, frequency=0.2)) > 0.99


def test_noise_is_no_gabor_function():
    found = [gabor_r2(plane) for plane in NOISE]
    assert np.median(found) < 0.5
    assert max(found) < 0.7
    assert min(found) > 0


def test_an_edge_under_noise_is_told_from_noise_alone():
    noisy = [gabor_r2(gabor(angle=i, phase=i) + 0.15 * plane) for i, plane in enumerate(NOISE[:8])]
    assert min(noisy) > 0.6


def test_the_fit_is_deterministic_and_blind_to_scale_and_sign():
    assert gabor_r2(NOISE[0]) == gabor_r2(NOISE[0])
    assert gabor_r2(-1e-3 * NOISE[0]) == pytest.approx(gabor_r2(NOISE[0]), abs=1e-3)


@pytest.mark.parametrize("plane", [np.zeros((7, 7)), np.ones((7, 7)), np.full((7, 7), math.nan)])
def test_what_has_no_form_has_no_fit(plane):
    assert math.isnan(gabor_r2(plane))


def test_the_main_component_is_the_plane_in_its_colour():
    plane, colour = gabor(angle=0.5), np.array([0.6, 0.0, -0.8])
    found = main_component(plane[..., None] * colour + 1e-3 * RNG.normal(size=(7, 7, 3)))
    sign = np.sign(found.ravel() @ plane.ravel())
    np.testing.assert_allclose(sign * found, plane, atol=0.02)

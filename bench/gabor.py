"""How well a Gabor function, the textbook's edge detector, describes a filter. Pure and deterministic.

    g(x, y) = exp(-(u^2 / 2 s^2) - (v^2 / 2 t^2)) (a cos(2 pi f u) + b sin(2 pi f u))

with (u, v) the place (x, y) about a centre, turned by an angle (Daugman, 1985; Jones and Palmer, 1987). a and b, which
are amplitude and phase, are found by least squares for each shape, so that only the six numbers of a shape are
searched: first in a fixed table of shapes, then from its best by least squares within bounds.
"""

from functools import cache
from itertools import product

import numpy as np
import scipy  # which imports scipy.optimize once that is asked for

_STARTS = 2
"""Shapes of the table from which the search goes on."""


def main_component(filter_: np.ndarray) -> np.ndarray:
    """One filter along the colour in which it is strongest, (height, width, channels) -> (height, width).

    That is the first principal component over channels, about 0; its sign is arbitrary."""
    pixels = filter_.reshape(-1, filter_.shape[-1]).astype("float64")
    _, _, axes = np.linalg.svd(pixels, full_matrices=False)
    return np.asarray((pixels @ axes[0]).reshape(filter_.shape[:2]))


def gabor_r2(plane: np.ndarray) -> float:
    """R^2 of the best Gabor function found for `plane` (side, side); NaN where the plane is constant or not finite.

    The mean is left in the data: a Gabor function has none to speak of, and a blob that is all mean is no edge.
    """
    y = np.asarray(plane, "float64").ravel()
    total = float(np.square(y - y.mean()).sum()) if np.isfinite(y).all() else 0.0
    if total == 0:
        return float("nan")
    shapes, bases = _table(plane.shape[0])
    errors = np.square(y).sum() - np.square(bases @ y).sum(axis=1)
    best = float(errors.min())
    for start in np.argsort(errors, kind="stable")[:_STARTS]:
        bounds = _bounds(plane.shape[0])
        found = scipy.optimize.least_squares(
            _residuals, shapes[start], bounds=bounds, args=(y, plane.shape[0]), max_nfev=60
        )
        best = min(best, 2 * float(found.cost))
    return 1 - best / total


def _bounds(side: int) -> tuple[list[float], list[float]]:
    # Narrower than half a pixel is one pixel; faster than half a wave a pixel is not to be seen.
    half = side / 2
    return [-half, -half, -np.inf, 0.02, 0.5, 0.5], [half, half, np.inf, 0.5, 2.0 * side, 2.0 * side]


def _residuals(shape: np.ndarray, y: np.ndarray, side: int) -> np.ndarray:
    waves = _waves(shape, side)
    weights = np.linalg.lstsq(waves.T, y, rcond=None)[0]
    return np.asarray(weights @ waves - y)


def _waves(shape: np.ndarray, side: int) -> np.ndarray:
    """The cosine and the sine under their window, (2, side * side)."""
    x0, y0, angle, frequency, along, across = shape
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    u = (x - x0) * np.cos(angle) + (y - y0) * np.sin(angle)
    v = (y - y0) * np.cos(angle) - (x - x0) * np.sin(angle)
    window = np.exp(-np.square(u / along) / 2 - np.square(v / across) / 2)
    phase = 2 * np.pi * frequency * u
    return np.stack([window * np.cos(phase), window * np.sin(phase)]).reshape(2, -1)


@cache
def _table(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Shapes (n, 6), and an orthonormal basis of each one's two waves (n, 2, side * side)."""
    places = np.array([-0.25, 0.0, 0.25]) * side
    angles = np.arange(8) * np.pi / 8
    widths = np.array([0.15, 0.3, 0.6]) * side
    grid = product(places, places, angles, (0.05, 0.12, 0.2, 0.3, 0.42), widths, widths)
    shapes = np.array(list(grid))
    bases = [np.linalg.qr(_waves(shape, side).T)[0].T for shape in shapes]
    return shapes, np.stack(bases)

"""The weighted sign-flip test of paired differences, and the interval by its inversion. Pure.

Where differences d_g are independent and each as likely to lie above a centre c as below it by the same amount, the
signs of d_g - c are fair coins, whatever the amounts are (Fisher, 1935), and so the distribution of their weighted sum
is known, exactly and without a word on normality. Flipping the signs of a set of differences makes the sum no smaller
where the weighted mean of that set is at most c. So the means of all subsets hold both: p-values count them, and their
order statistics bound the centre (Hartigan, 1969: "typical values").
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

EXACT: Final = 14
"""Differences up to which all 2^N sets of signs are taken."""
DRAWS: Final = 39_999
"""Random sets of signs beyond; the one found is added to them, which keeps the level (Phipson and Smyth, 2010)."""
_TIE: Final = 1e-12
"""Means closer than that are equal, but for rounding: differences are logarithms of ratios."""


@dataclass(frozen=True)
class Flips:
    """Weighted means of subsets of the differences, in ascending order, and the sets of signs that flip nothing."""

    means: np.ndarray
    unflipped: int

    @property
    def total(self) -> int:
        """Sets of signs."""
        return len(self.means) + self.unflipped

    def p_above(self, centre: float) -> float:
        """One-sided p of the hypothesis that the differences lie around `centre` or below."""
        return (self.unflipped + int(np.searchsorted(self.means, centre + _TIE, side="right"))) / self.total

    def p_below(self, centre: float) -> float:
        """One-sided p of the hypothesis that the differences lie around `centre` or above."""
        return (self.unflipped + len(self.means) - int(np.searchsorted(self.means, centre - _TIE))) / self.total

    def lower(self, alpha: float) -> float:
        """The centre lies above with confidence 1 - alpha; -inf where there are too few differences to say so."""
        rank = self._rank(alpha)
        return float(self.means[rank - 1]) if rank else -math.inf

    def upper(self, alpha: float) -> float:
        """The centre lies below with confidence 1 - alpha; inf where there are too few differences to say so."""
        rank = self._rank(alpha)
        return float(self.means[-rank]) if rank else math.inf

    def _rank(self, alpha: float) -> int:
        """A centre beyond the mean of this rank, from either end, has p <= alpha; 0: no centre has."""
        return max(0, math.floor(alpha * self.total + _TIE) - self.unflipped + 1)


def flips(differences: Sequence[float], weights: Sequence[float], rng: np.random.Generator) -> Flips:
    """The subset means of `differences` under `weights`, which are positive and know nothing of the signs.

    Raises ValueError for none, or for what is not finite.
    """
    values, factors = np.asarray(differences, "float64"), np.asarray(weights, "float64")
    if not len(values) or not np.isfinite([values, factors]).all() or (factors <= 0).any():
        raise ValueError(f"invalid differences: expected finite numbers, weights above 0: {differences}, {weights}")
    sets = _sets(len(values), rng)
    sums, weighted = (sets @ np.column_stack([factors, factors * values])).T
    flipping = sums > 0
    means = np.sort(weighted[flipping] / sums[flipping])
    # All signs as they were found: the empty set, which is not among the subsets and may be among the draws.
    return Flips(means, 1 + int((~flipping).sum()))


def max_t(differences: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two-sided p of each column of paired differences (n, k) that it lies around 0, adjusted for all k of them.

    The signs of a whole row are flipped together, which keeps what columns share, and the |t| of a column is held
    against the largest |t| of all (Westfall and Young, 1993). Raises ValueError for none, or what is not finite.
    """
    values = np.asarray(differences, "float64")
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"invalid differences: expected finite numbers (n, k), received {values.shape}")
    # |t| grows with |sum| / root of the sum of squares, which is the same for all signs.
    root = np.sqrt(np.square(values).sum(axis=0))
    scaled = np.divide(values, root, out=np.zeros_like(values), where=root > 0)
    found = np.abs(scaled.sum(axis=0))
    largest = np.abs((1 - 2 * _sets(len(values), rng)) @ scaled).max(axis=1)
    as_large = (largest[:, None] >= found - _TIE).sum(axis=0)
    return np.asarray((1 + as_large) / (1 + len(largest)))  # the signs found are one set more


def _sets(n: int, rng: np.random.Generator) -> np.ndarray:
    """Ones where a sign is flipped, (sets, n): every set but that of none, or random ones where n is large."""
    return _subsets(n) if n <= EXACT else rng.integers(2, size=(DRAWS, n), dtype="uint8").astype("float64")


@lru_cache(maxsize=EXACT)
def _subsets(n: int) -> np.ndarray:
    """Every subset of n but the empty one, (2^n - 1, n), of ones and zeros."""
    numbers = np.arange(1, 2**n)[:, None]
    return np.asarray((numbers >> np.arange(n)) & 1, "float64")

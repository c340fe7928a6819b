"""Gradient norms of every variable over the training, smoothed."""

import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bench.report.rows import Curves, Row


@dataclass(frozen=True)
class Norms:
    """Gradient norms of an architecture's variables, smoothed."""

    variables: list[str]
    step: np.ndarray
    """(bins,) middle of each bin."""
    each: np.ndarray
    """(bins, variables) median over seeds and the steps of a bin."""
    whole: np.ndarray
    """(bins,) norm over all variables, median likewise."""
    not_finite: np.ndarray
    """Steps at which a seed had a NaN or infinite gradient."""


def norms_of(row: Row, curves: Curves, *, bins: int, by_variable: bool = True) -> Norms | None:
    """The norms of a row in `bins` bins, fewer where it trained fewer steps; None where none was recorded or all are 0.

    Without `by_variable` `each` is the whole too.
    """
    arrays = [curves(record) for record in row.planned if record.curves]
    arrays = [each for each in arrays if "gradient_norm" in each and each["gradient_norm"].size]
    if not arrays:
        return None
    names = [str(variable) for variable in arrays[0]["variables"]]
    seeds = [each["gradient_norm"].astype("float64") for each in arrays if len(each["variables"]) == len(names)]
    bad = [np.flatnonzero(~np.isfinite(seed).all(axis=1)) + 1 for seed in seeds]
    length = max(map(len, seeds))
    edges = np.linspace(0, length, min(bins, length) + 1).astype(int)
    slices = list(pairwise(edges))
    wholes = [np.linalg.norm(seed, axis=1, keepdims=True) for seed in seeds]
    whole = np.array([_median([seed[a:b] for seed in wholes]) for a, b in slices])
    each = np.array([_median([seed[a:b] for seed in seeds]) for a, b in slices]) if by_variable else whole
    if not (each > 0).any():
        return None  # nothing that a logarithmic axis can show
    return Norms(names, (edges[:-1] + edges[1:] + 1) / 2, each, whole[:, 0], np.unique(np.concatenate(bad)))


def _median(parts: list[np.ndarray]) -> np.ndarray:
    """Median over the rows of all parts, what is not finite left out (it is marked apart)."""
    rows = np.concatenate(parts)
    if np.isfinite(rows).all():
        return np.asarray(np.median(rows, axis=0))  # a tenth of the time
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN slice")
        return np.asarray(np.nanmedian(np.where(np.isfinite(rows), rows, np.nan), axis=0))

"""The filters of the first convolution of image models: found, as an image, and in a sentence."""

import math

import numpy as np

from bench.record import Record
from bench.report.rows import Curves, Row, TaskTable
from bench.report.words import extremes, names

_MOST = 32
_ACROSS = 8


def filters_of(row: Row, curves: Curves) -> tuple[Record, np.ndarray] | None:
    """The first seed with filters, and they: (2, height, width, channels, filters)."""
    for record in row.planned:
        filters = np.asarray((curves(record) if record.curves else {}).get("filters", ()), "float64")
        if filters.ndim == 5 and len(filters) == 2 and filters.size and np.isfinite(filters).all():
            return record, filters
    return None


def mosaic(filters: np.ndarray) -> np.ndarray:
    """One image (rows, columns, 3) in [0, 1] of at most 32 filters (height, width, channels, filters), 8 across.

    Each filter is scaled by its own largest weight, 0 being mid-grey; three channels are red, green and blue, others
    are averaged into grey. White lines lie between.
    """
    height, width, channels, count = filters.shape
    count = min(count, _MOST)
    whole = np.ones((math.ceil(count / _ACROSS) * (height + 1) - 1, min(count, _ACROSS) * (width + 1) - 1, 3))
    for i in range(count):
        each = filters[..., i] if channels == 3 else filters[..., i].mean(axis=-1, keepdims=True)
        largest = np.abs(each).max()
        top, left = i // _ACROSS * (height + 1), i % _ACROSS * (width + 1)
        whole[top : top + height, left : left + width] = 0.5 + (each / (2 * largest) if largest else 0)
    return whole


def filter_words(table: TaskTable, curves: Curves) -> str:
    """How much the filters changed in shape, and which are shown."""
    drawn = [(row, *own) for row in table.rows if (own := filters_of(row, curves))]
    alike = {row: _likeness(both) for row, _, both in drawn}

    def say(row: Row) -> str:
        return f"{alike[row]:.2f} in {names([row])}"

    seeds = ", ".join(sorted({str(record.seed) for _, record, _ in drawn}))
    shown = min(_MOST, max(both.shape[-1] for *_, both in drawn))
    ordered = sorted(alike, key=lambda row: alike[row])
    return (
        "Median cosine between a filter at init and at the end (1: its shape did not change): "
        f"{extremes(ordered, say, 'least', 'greatest')}. Shown: the first {shown}, seed {seeds}, each by its own "
        "largest weight; grey is 0."
    )


def _likeness(both: np.ndarray) -> float:
    """Median over filters of the cosine between a filter before and after training."""
    first, end = (each.reshape(-1, each.shape[-1]) for each in both)
    norms = np.linalg.norm(first, axis=0) * np.linalg.norm(end, axis=0)
    return float(np.median((first * end).sum(axis=0) / np.where(norms > 0, norms, 1)))

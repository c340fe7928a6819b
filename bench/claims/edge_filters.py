"""The first layer of a CNN learns edge-like filters.

Krizhevsky, Sutskever and Hinton (2012), ImageNet classification with deep convolutional neural networks, figure 3;
Zeiler and Fergus (2014). An edge detector is a Gabor function (Daugman, 1985); how well one fits is held against
filters that learned nothing, and against filters that learned where there are no edges: from permuted pixels.
"""

import math

import numpy as np

from bench.claims._claim import Claim, Evidence, Verdict
from bench.claims._parts import by_seed, conclude, lead
from bench.gabor import gabor_r2, main_component
from bench.record import Record

TASK = "cifar10"
RISE = 0.1
"""Least lead of the median R^2 of the filters over either control."""


def judge(evidence: Evidence) -> Verdict:
    """Median R^2 of a seed's filters: after training against before, and against training on permuted pixels."""
    own, mixed = (evidence.of("cnn", task=TASK, permute_pixels=permuted) for permuted in (False, True))
    trained, control = (by_seed(records, lambda r: _median(evidence, r, -1)) for records in (own, mixed))
    fresh = by_seed(own, lambda r: _median(evidence, r, 0))
    rise = lead("median Gabor R^2, trained less fresh", trained, fresh, RISE)
    edge = lead("median Gabor R^2, trained on images less on permuted pixels", trained, control, RISE)
    sentence = (
        f"A Gabor function explains {_mean(trained)} of a trained filter, {_mean(fresh)} of a fresh one and"
        f" {_mean(control)} of one trained on permuted pixels (medians, {rise.seeds} seeds): leads of {rise} and"
        f" {edge}."
    )
    return conclude([rise, edge], sentence)


def _median(evidence: Evidence, record: Record, moment: int) -> float | None:
    """None where no filters were kept; filters that are constant or not finite are like no edge: 0."""
    filters = evidence.curves(record).get("filters")
    if filters is None:
        return None
    found = [gabor_r2(_plane(filters[moment, ..., index])) for index in range(filters.shape[-1])]
    return float(np.median(np.nan_to_num(found, nan=0.0)))


def _plane(filter_: np.ndarray) -> np.ndarray:
    return main_component(filter_) if np.isfinite(filter_).all() else np.full(filter_.shape[:2], math.nan)


def _mean(values: list[float]) -> str:
    return f"{np.mean(values):.2f}" if values else "unknown"


CLAIM = Claim(
    source="Krizhevsky, Sutskever and Hinton (2012), figure 3; Zeiler and Fergus (2014)",
    needs={"claims-filters": ("cnn",)},
    criterion="the median R^2 of the best Gabor function, over the filters of a 7x7 first layer trained on CIFAR-10, is"
    " at least 0.1 above that of fresh filters, and of filters trained on permuted pixels",
    judge=judge,
)

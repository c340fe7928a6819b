"""How a change of a history is written."""

import math

import pytest

from bench.history import Change
from bench.report.history import levels, share


def _change(before: float, after: float) -> Change:
    return Change(1, before, after, 0.0, "changed")


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (2.0, 2.5, "+25.0 %"),
        (2.0, 1.5, "-25.0 %"),
        (-200.0, -150.0, "+25.0 %"),
        (-200.0, -250.0, "-25.0 %"),
        (-200.0, 100.0, "+150.0 %"),
        (0.0, 1.0, "–"),
        (2.0, math.nan, "–"),
    ],
)
def test_a_share_is_positive_where_a_number_rises_also_below_zero(before, after, text):
    assert share(_change(before, after)) == text


def test_a_number_that_is_lost_is_none():
    assert levels(_change(0.5, math.nan)) == "0.500 → none"
    assert levels(_change(1000.0, 1001.0)) == "1,000 → 1,001"

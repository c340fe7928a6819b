"""What the claims judge with."""

import math

import pytest

from bench.claims import _parts as parts
from bench.claims._claim import Number

NAN = math.nan


@pytest.mark.parametrize(
    ("passes", "outcome"),
    [
        ([True, True], "supported"),
        ([False, False], "refuted"),
        ([True, False], "partly"),
        ([True, False, None], "partly"),
        ([True, None], "unclear"),
        ([False, None], "unclear"),
        ([None], "unclear"),
        ([], "unclear"),
    ],
)
def test_a_verdict_is_what_no_open_part_could_change(passes, outcome):
    assert parts.combine(passes) == outcome


@pytest.mark.parametrize(
    ("values", "passes"),
    [
        ([2.0, 2.1, 1.9, 2.0, 2.0], True),
        ([0.0, 0.1, -0.1, 0.0, 0.0], False),
        ([0.0, 2.1, 1.9, 0.2, 2.0], None),
        ([2.0, 2.1, 1.9, 2.0], None),  # four seeds
        ([], None),
    ],
)
def test_a_number_passes_only_with_its_whole_interval_and_five_seeds(values, passes):
    number = parts.at_least("x", values, 1.0)
    assert number.passes is passes
    assert number.criterion == ">= 1"


def test_an_open_number_says_how_many_seeds_would_tell():
    number = parts.at_least("x", [0.5, 2.5, 1.5, 0.4, 2.6], 1.0)
    assert number.settles
    assert number.settles > 5
    assert f"about {number.settles} seeds would tell" in parts.conclude([number], "So.").sentence
    assert "has 2 seeds of 5" in parts.conclude([parts.at_least("x", [1.0, 2.0], 1)], "So.").sentence
    assert "x was not measured" in parts.conclude([parts.at_least("x", [], 1)], "So.").sentence


def test_numbers_that_are_only_shown_decide_nothing():
    shown = parts.shown("x", [1.0] * 5)
    assert parts.conclude([shown, parts.at_least("y", [1.0] * 5, 0)], "So.").outcome == "supported"
    assert str(Number("x", 1.5, 1.25, 1.75, 5)) == "1.5 [1.25, 1.75]"
    assert str(Number("x", NAN, None, None, 0)) == "not measured"


def test_a_failed_cell_scores_chance(make_record):
    assert parts.headline(make_record(value=0.7)) == 0.7
    assert parts.headline(make_record(value=NAN)) == 0.1
    assert parts.headline(make_record(status="diverged", reason="x")) == 0.1


@pytest.mark.parametrize(
    ("found", "floor", "lost"),
    [
        ({"none": 0.9, "cut": 0.1}, None, 1.0),
        ({"none": 0.9, "cut": 0.5}, None, 0.5),
        ({"none": 0.9, "cut": 0.95}, None, 0.0),
        ({"none": 0.9, "cut": 0.0}, None, 1.0),
        ({"none": 0.9, "cut": NAN}, None, 1.0),
        ({"none": 0.9, "cut": 0.5}, 0.5, 1.0),
        ({"none": 0.1, "cut": 0.1}, None, None),
        ({"none": NAN, "cut": 0.1}, None, None),
        ({"none": 0.9}, None, None),
        (None, None, None),
    ],
)
def test_what_an_intervention_takes_is_a_share_of_what_was_gained(make_record, found, floor, lost):
    record = make_record(interventions=found)
    assert parts.lost(record, "cut", floor) == (None if lost is None else pytest.approx(lost))


def test_an_error_that_grows_is_a_loss_too(make_record):
    record = make_record(higher_is_better=False, chance=0.2, target=0.0, interventions={"none": 0.0, "cut": 0.15})
    assert parts.lost(record, "cut") == pytest.approx(0.75)
    assert parts.gained(record, 0.05) == pytest.approx(0.75)


def test_cells_of_a_seed_are_one_value(make_record):
    records = [make_record(seed=seed, value=value) for seed, value in ((1, 0.2), (0, 0.5), (1, 0.4), (2, NAN))]
    assert parts.by_seed(records, lambda r: None if math.isnan(r.value) else r.value) == pytest.approx([0.5, 0.3])


@pytest.mark.parametrize(
    ("values", "passes"),
    [
        ([0.1, 0.0, -0.1, 0.0, 0.1], True),
        ([2.0, 2.1, 1.9, 2.0, 2.0], False),
        ([-2.0, -2.1, -1.9, -2.0, -2.0], False),
        ([1.0, 2.1, 0.5, 0.2, 2.0], None),
        ([0.0, 0.1, 0.0], None),  # three seeds
    ],
)
def test_a_number_within_bounds_is_so_with_its_whole_interval(values, passes):
    assert parts.within("x", values, 1.0).passes is passes


def test_an_open_number_of_enough_seeds_is_not_said_to_lack_seeds():
    number = Number("rho", 0.6, -0.2, 0.9, 9, ">= 0.5", None)
    assert parts.conclude([number], "s.").sentence == "s. Open: rho is 0.6 [-0.2, 0.9], >= 0.5 is not settled."
    assert "was not measured" in parts.conclude([parts.at_least("x", [], 1.0)], "s.").sentence

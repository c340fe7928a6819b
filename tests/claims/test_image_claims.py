"""grid-data and edge-filters on made-up records: every verdict they can give."""

import numpy as np
import pytest
from evidence import CATALOGUE, cells, jitter, record, verdict

from bench.verdicts import assess, load_claim

LEADS = {"mnist": 0.02, "cifar10": 0.15}


def accuracy(mnist=0.02, cifar10=0.15, *, permuted=0.0, noise=1.0):
    """Records in which cnn leads mlp by these shares, and by `permuted` of them with permuted pixels."""
    leads = {"mnist": mnist, "cifar10": cifar10}

    def make(cell):
        lead = leads[cell.task] * (permuted if cell.task_settings["permute_pixels"] else 1)
        return record(cell, value=0.5 + noise * jitter(cell) + (lead if cell.architecture == "cnn" else 0))

    return make


def test_a_lead_that_the_permutation_takes_away_supports():
    found = verdict("grid-data", accuracy())
    assert found.outcome == "supported"
    assert "2 [1.77, 2.23] points on mnist" in found.sentence
    assert "5 seeds" in found.sentence


@pytest.mark.parametrize(
    ("leads", "outcome"),
    [
        ({"mnist": -0.02, "cifar10": 0.01, "permuted": 1.0}, "refuted"),  # of no lead nothing can be taken
        ({"cifar10": 0.05}, "partly"),
        ({"permuted": 1.0}, "partly"),
        ({"mnist": 0.001, "cifar10": 0.05, "permuted": 1.0}, "refuted"),
        ({"noise": 60.0}, "unclear"),
    ],
)
def test_a_small_lead_or_one_that_stays_does_not(leads, outcome):
    assert verdict("grid-data", accuracy(**leads)).outcome == outcome


def test_failed_seeds_of_the_leader_count_at_chance():
    def make(cell):
        failed = cell.architecture == "cnn" and cell.seed == 0
        return record(cell, status="diverged", reason="NaN") if failed else accuracy()(cell)

    found = verdict("grid-data", make)
    assert found.outcome == "unclear"
    assert "4 of 60 cells did not end ok" in found.sentence


@pytest.mark.parametrize("claim", ["grid-data", "edge-filters"])
def test_missing_seeds_and_cells_are_unclear_and_say_what_to_run(claim):
    few = verdict(claim, lambda cell: record(cell, value=0.5), keep=lambda cell: cell.seed < 3)
    gone = verdict(claim, lambda cell: record(cell, value=0.5), keep=lambda cell: cell.task != "cifar10")
    for found in (few, gone):
        assert found.outcome == "unclear"
        (gap,) = found.missing
        assert gap.command.startswith(f"archbench run {gap.suite} --arch ")
        assert f"{gap.cells} of {gap.of} cells of {gap.suite}" in found.sentence
    assert all(line.endswith("seeds 3, 4") for line in few.missing[0].which)


EDGES, NOISE = "edges", "noise"


def filters(kind, seed):
    """(7, 7, 3, 4): odd Gabor functions in one colour, or noise."""
    rng = np.random.default_rng(seed)
    if kind == NOISE:
        return rng.normal(size=(7, 7, 3, 4))
    y, x = np.mgrid[-3:4, -3:4]
    planes = [np.exp(-(x**2 + y**2) / 6) * np.sin(np.cos(a) * x + np.sin(a) * y) for a in rng.uniform(0, 3, 4)]
    return np.stack([plane[..., None] * rng.normal(size=3) for plane in planes], axis=-1)


def filter_verdict(fresh, trained, permuted):
    def curves(made):
        end = permuted if made.task_settings["permute_pixels"] else trained
        return {"filters": np.stack([filters(fresh, made.seed), filters(end, made.seed + 10)])}

    return verdict("edge-filters", record, curves)


@pytest.mark.parametrize(
    ("kinds", "outcome"),
    [
        ((NOISE, EDGES, NOISE), "supported"),
        ((NOISE, EDGES, EDGES), "partly"),
        ((EDGES, EDGES, NOISE), "partly"),
        ((EDGES, EDGES, EDGES), "refuted"),
    ],
)
def test_filters_are_held_against_fresh_ones_and_against_permuted_pixels(kinds, outcome):
    found = filter_verdict(*kinds)
    assert found.outcome == outcome
    assert "5 seeds" in found.sentence


def test_without_filters_kept_nothing_is_told():
    found = verdict("edge-filters", record)
    assert found.outcome == "unclear"
    assert "was not measured" in found.sentence


def test_filters_that_are_not_finite_are_no_edges():
    broken = np.full((2, 7, 7, 3, 4), np.nan)
    assert verdict("edge-filters", record, lambda made: {"filters": broken}).outcome == "refuted"


def test_more_seeds_than_the_suite_asks_for_are_taken():
    from dataclasses import replace

    made = [accuracy()(one) for cell in cells("grid-data") for one in (cell, replace(cell, seed=cell.seed + 5))]
    assert "10 seeds" in assess(load_claim("grid-data"), made, lambda _: {}, CATALOGUE).sentence

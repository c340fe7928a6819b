from pathlib import Path

import pytest
from evidence import CATALOGUE, cells, record

from bench.report.html import claims_of
from bench.runs import read_runs
from bench.store import Store

from .conftest import make_record

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "claims-filters"


def test_a_run_that_no_claim_reads_has_none() -> None:
    assert claims_of([make_record()], lambda record: {}, CATALOGUE) == []


def test_one_cell_of_a_claim_is_enough_to_show_it_as_unclear() -> None:
    (first, *_) = cells("hidden-state")
    found = {claim.name: verdict.outcome for claim, verdict in claims_of([record(first)], lambda record: {}, CATALOGUE)}
    assert found["hidden-state"] == "unclear"


@pytest.mark.slow  # the verdict fits a function to every filter
def test_the_reference_run_of_filters_is_evidence_for_the_claim_on_them_alone() -> None:
    records, curves, _ = read_runs([Store(REFERENCE).open()])
    assert [claim.name for claim, _ in claims_of(records, curves, CATALOGUE)] == ["edge-filters"]

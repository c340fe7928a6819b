"""The claims that a run is evidence for."""

from collections.abc import Sequence

from bench.catalogue import Catalogue, claim_names
from bench.claims._claim import Claim, Verdict
from bench.record import Record
from bench.report.rows import Curves
from bench.verdicts import assess, load_claim


def claims_of(records: Sequence[Record], curves: Curves, catalogue: Catalogue) -> list[tuple[Claim, Verdict]]:
    """Each claim of which the records hold at least one cell, and its verdict."""
    claims = [load_claim(name) for name in claim_names()]
    judged = [(claim, assess(claim, records, curves, catalogue)) for claim in claims]
    return [(claim, verdict) for claim, verdict in judged if _touched(claim, verdict)]


def _touched(claim: Claim, verdict: Verdict) -> bool:
    lacking = {gap.suite for gap in verdict.missing if gap.cells == gap.of}
    return lacking != set(claim.needs)

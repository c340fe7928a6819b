"""The report as one page: `report.html`, which needs no other file and asks for none."""

from pathlib import Path

from bench.catalogue import claim_names, discover
from bench.claims._claim import Claim, Verdict
from bench.report.html.page import write_html
from bench.runs import Runs
from bench.verdicts import assess, load_claim

__all__ = ["write_html", "write_page"]


def write_page(runs: Runs, folder: Path, *, title: str) -> list[Path]:
    """Write `report.html` into `folder`, with the claims that the runs say something about; its path."""
    path = write_html(runs.records, runs.curves, folder, title=title, claims=_claims(runs), notes=runs.notes)
    return [path]


def _claims(runs: Runs) -> list[tuple[Claim, Verdict]]:
    """Those with a number to show. Where a run lacks an architecture that a claim needs, its cells are not planned."""
    there = {record.architecture for record in runs.records}
    claims = map(load_claim, claim_names())
    near = [claim for claim in claims if all(map(there.issuperset, claim.needs.values()))]
    catalogue = discover()
    judged = [(claim, assess(claim, runs.records, runs.curves, catalogue)) for claim in near]
    return [(claim, verdict) for claim, verdict in judged if verdict.numbers]

"""From the records of some runs to the verdict on a claim: which cells it needs, which are there, and what they say."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from itertools import groupby

import numpy as np

from bench.catalogue import Catalogue, claim_names, claim_summary
from bench.claims._claim import SEEDS, Claim, Evidence, Missing, Verdict
from bench.errors import unknown
from bench.plan import Cell, plan
from bench.record import Record
from bench.setting import Value
from bench.suite import read_suite
from bench.task import WATCHING, Training

_RESULTS = ("ok", "diverged")
"""What counts as evidence: a cell that failed, ran out of time or memory says nothing of its architecture."""


def load_claim(name: str) -> Claim:
    """The claim `name`; UsageError with the nearest names where there is none."""
    if name not in claim_names():
        raise unknown("claim", name, claim_names())
    claim = import_module(f"bench.claims.{name.replace('-', '_')}").CLAIM
    assert isinstance(claim, Claim)
    return replace(claim, name=name, statement=claim_summary(name))


def assess(
    claim: Claim, records: Iterable[Record], curves: Callable[[Record], Mapping[str, np.ndarray]], catalogue: Catalogue
) -> Verdict:
    """The verdict on a claim from whatever records there are.

    A record is evidence where task, architecture, settings and training are those of a cell that the claim needs; seeds
    beyond the suite's count too. Unclear, with what to run, where a cell or a fifth seed is missing.
    """
    needed = {suite: _cells(catalogue, suite, names) for suite, names in claim.needs.items()}
    wanted = {_of_cell(cell) for cells in needed.values() for cell in cells}
    found: dict[tuple[str, int], Record] = {}
    for record in sorted(records, key=lambda record: record.measured_at):
        if record.status in _RESULTS and (key := _of_record(record)) in wanted:
            found[key, record.seed] = record
    missing = [gap for suite, cells in needed.items() for gap in _missing(suite, cells, found.keys())]
    there = {key for key, _ in found}
    if wanted - there:  # a whole group: a judge would compare something with nothing
        return Verdict("unclear", _without(missing), missing=tuple(missing))
    evidence = Evidence(tuple(found[at] for at in sorted(found)), curves)
    verdict = claim.judge(evidence)
    sentence = " ".join(filter(None, [verdict.sentence, _failures(evidence.records)]))
    short = _fewest(found) < SEEDS
    if missing or short:
        why = _without(missing) if missing else f"Nothing is judged below {SEEDS} seeds."
        return replace(verdict, outcome="unclear", sentence=f"{sentence} {why}", missing=tuple(missing))
    return replace(verdict, sentence=sentence)


def _cells(catalogue: Catalogue, suite: str, architectures: Sequence[str]) -> list[Cell]:
    return [cell for cell in _planned(catalogue, suite) if cell.architecture in architectures and not cell.skip]


@cache
def _planned(catalogue: Catalogue, suite: str) -> list[Cell]:
    # Most claims are judged from the same suite.
    return plan(catalogue, read_suite(suite))


def _missing(suite: str, cells: Sequence[Cell], found: Iterable[tuple[str, int]]) -> list[Missing]:
    known = set(found)
    gaps = [cell for cell in cells if (_of_cell(cell), cell.seed) not in known]
    if not gaps:
        return []
    names = ",".join(dict.fromkeys(cell.architecture for cell in gaps))
    which = [_told(list(group)) for _, group in groupby(gaps, key=_of_cell)]
    return [Missing(suite, len(gaps), len(cells), tuple(which), f"archbench run {suite} --arch {names}")]


def _told(cells: Sequence[Cell]) -> str:
    first = cells[0]
    settings = ", ".join(f"{key}={value}" for key, value in first.task_settings.items())
    return f"{first.task} [{settings}] {first.architecture}, seeds {', '.join(str(cell.seed) for cell in cells)}"


def _without(missing: Sequence[Missing]) -> str:
    gaps = " and ".join(f"{gap.cells} of {gap.of} cells of {gap.suite}" for gap in missing)
    return f"Missing: {gaps}."


def _failures(records: Sequence[Record]) -> str:
    count = sum(record.status != "ok" for record in records)
    return f"{count} of {len(records)} cells did not end ok: unsolved, at chance." if count else ""


def _fewest(found: Iterable[tuple[str, int]]) -> int:
    seeds: dict[str, int] = {}
    for key, _ in found:
        seeds[key] = seeds.get(key, 0) + 1
    return min(seeds.values())


def _of_cell(cell: Cell) -> str:
    return _key(
        cell.task, cell.task_settings, cell.architecture, cell.architecture_settings, cell.training, cell.params
    )


def _of_record(record: Record) -> str:
    settings, params = record.architecture_settings, record.identity.get("params")
    return _key(record.task, record.task_settings, record.architecture, settings, record.training, params)


def _key(
    task: str,
    task_settings: Mapping[str, Value],
    architecture: str,
    settings: Mapping[str, Value],
    training: Training,
    params: object,
) -> str:
    """Equal for cells that differ in nothing but seed, machine and version of the code."""
    learned = {key: value for key, value in vars(training).items() if key not in WATCHING}
    return json.dumps([task, dict(task_settings), architecture, dict(settings), learned, params], sort_keys=True)

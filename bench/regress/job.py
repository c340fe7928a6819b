"""One job: the fingerprint and the exact gates of every cell first, then speed and memory, then trainings over seeds
where fingerprints differ; what comes of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from bench.regress.detector import Detector, Generation, LostError, Speed
from bench.regress.drift import gradients
from bench.regress.gates import Gate, gates, memory
from bench.regress.live import Live, Subject
from bench.regress.report import Result
from bench.regress.trainings import Pair, Series, Trainings, accuracy

REGRESSED, INCONCLUSIVE, FAILED, NOTHING_MEASURED = 1, 3, 4, 5
_OPEN: Final = ("INCONCLUSIVE", "IDENTICAL")
"""What a fingerprint says of a cell that is trained over seeds, and of one that need not be."""
Progress = Callable[[str], None]


def run(
    cells: Sequence[Subject],
    live: Live,
    rng: np.random.Generator,
    *,
    slo: float,
    more: Callable[[], bool],
    progress: Progress = lambda line: None,
    always: bool = False,
) -> list[Result]:
    """Compare base and head on every cell. `more()`: there is time left; `progress`: told what is done, in lines.

    `always`: train over seeds also where fingerprints agree.
    """
    found: dict[Subject, list[Gate]] = {}
    lost: dict[Subject, str] = {}
    for cell in cells:
        if not more():
            break
        try:
            found[cell] = gates(*live.fingerprint(cell))
            progress(f"{cell.name}: {_of(found[cell], 'accuracy').outcome} by fingerprint")
        except LostError as error:
            lost[cell] = str(error)
            progress(f"{cell.name}: FAILED: {error}")

    def measure(cell: Subject) -> Generation:
        one = live.generation(cell)
        progress(f"{cell.name}: generation {len(live.pairs[cell])}: {np.expm1(one.ratio):+.1%}")
        return one

    able = [cell for cell in cells if cell not in lost]
    speeds = dict(zip(able, Detector(measure, rng, slo=slo, more=more).run(able), strict=True))
    open_cells = [cell for cell in found if _of(found[cell], "accuracy").outcome in _OPEN[: 1 + always]]
    for cell, series in _train(open_cells, live, rng, more, progress):
        found[cell] = [_trained(gate, series, live, rng) for gate in found[cell]]
    return [
        Result.of(
            cell.name,
            speeds.get(cell) or Speed("FAILED", reason=lost[cell]),
            [*found.get(cell, []), *([memory(live.peaks[cell], rng)] if cell in live.peaks else [])],
            live.step_seconds(cell),
        )
        for cell in cells
    ]


def _train(
    cells: Sequence[Subject], live: Live, rng: np.random.Generator, more: Callable[[], bool], progress: Progress
) -> Iterator[tuple[Subject, Series]]:
    def train(cell: Subject, seeds: Sequence[int]) -> Iterator[Pair]:
        for seed, pair in zip(seeds, live.train(cell, seeds), strict=True):
            said = ", ".join(
                f"{side} {record.value:.4g}" if record.status == "ok" else f"{side} {record.status}"
                for side, record in zip(pair._fields, pair, strict=True)
            )
            progress(f"{cell.name}: seed {seed}: {said}")
            yield pair

    return zip(cells, Trainings(train, rng, more).run(cells), strict=True)


def _trained(gate: Gate, series: Series, live: Live, rng: np.random.Generator) -> Gate:
    """What a gate of the fingerprint says once its cell was trained; a REGRESSION stays one."""
    if gate.name == "accuracy":
        found = accuracy(series)
    elif gate.name == "gradients" and gate.outcome != "REGRESSION" and series.judged:
        base, head = live.stores
        found = gradients(series.judged, base.curves, head.curves, rng)
    else:
        return gate
    return replace(found, note="; ".join(filter(None, (gate.note, found.note))))


def _of(found: Sequence[Gate], name: str) -> Gate:
    return next(gate for gate in found if gate.name == name)


def exit_code(results: Sequence[Result], *, strict: bool) -> int:
    """What the command line answers. Never 0 where a cell failed or nothing was measured."""
    outcomes = {result.outcome for result in results}
    if "REGRESSION" in outcomes:
        return REGRESSED
    if "FAILED" in outcomes:
        return FAILED
    if not any(result.measured for result in results):
        return NOTHING_MEASURED
    return INCONCLUSIVE if strict and "INCONCLUSIVE" in outcomes else 0

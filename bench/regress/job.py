"""One job: the fingerprint and the exact gates of every cell first, then speed and memory; what comes of it."""

from collections.abc import Callable, Sequence

import numpy as np

from bench.regress.detector import Detector, Generation, LostError, Speed
from bench.regress.gates import Gate, gates, memory
from bench.regress.live import Live, Subject
from bench.regress.report import Result

REGRESSED, INCONCLUSIVE, FAILED, NOTHING_MEASURED = 1, 3, 4, 5
Progress = Callable[[str], None]


def run(
    cells: Sequence[Subject],
    live: Live,
    rng: np.random.Generator,
    *,
    slo: float,
    more: Callable[[], bool],
    progress: Progress = lambda line: None,
) -> list[Result]:
    """Compare base and head on every cell. `more()`: there is time left; `progress`: told what is done, in lines."""
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
    return [
        Result.of(
            cell.name,
            speeds.get(cell) or Speed("FAILED", reason=lost[cell]),
            [*found.get(cell, []), *([memory(live.peaks[cell], rng)] if cell in live.peaks else [])],
            live.step_seconds(cell),
        )
        for cell in cells
    ]


def _of(found: Sequence[Gate], name: str) -> Gate:
    return next(gate for gate in found if gate.name == name)


def exit_code(results: Sequence[Result], *, strict: bool) -> int:
    """What the command line answers. Never 0 where a cell failed or nothing was measured."""
    outcomes = {result.outcome for result in results}
    if "REGRESSION" in outcomes:
        return REGRESSED
    if any(result.speed.outcome == "FAILED" for result in results):
        return FAILED
    if not any(result.measured for result in results):
        return NOTHING_MEASURED
    return INCONCLUSIVE if strict and "INCONCLUSIVE" in outcomes else 0

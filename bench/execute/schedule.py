"""Which cell a free worker takes next. Pure: it is told what is pending, who is busy with what, and what cells cost."""

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.plan import Cell
from bench.resume import Cost, Costs

_UNKNOWN = Cost(seconds=1.0, setup=0.0)
"""Of a group that was never timed: a share of it is always worth taking."""

_LOADED = 0.2
"""What is left of a program's setup where its compiled functions are loaded: data, model, tracing. Measured on JAX:
1.3 of 8 s."""


@dataclass(frozen=True)
class Busy:
    """A cell that another worker is at."""

    cell: Cell
    elapsed: float
    """Seconds so far."""
    compiled: bool
    """The worker had finished a cell of the program before."""


def choose(
    program: str, pending: Sequence[Cell], busy: Sequence[Busy], costs: Costs, *, loads: bool = False
) -> Cell | None:
    """The next cell of a free worker that has compiled `program`; None where it can end the run no sooner.

    It `loads` what another has compiled, or must compile it for itself.

    Cells of one program (bench.plan.Cell) are a group here. First what is left of its own group, then the group nobody
    is at that takes longest, then a share of the group that ends last, if that ends sooner with the worker than without
    it, compiling included. Groups never timed come first, of them the one that reads most, among equals in the
    order of the plan.
    """
    own = next((cell for cell in pending if cell.program == program), None)
    if own is not None:
        return own
    groups: dict[str, list[Cell]] = {}
    for cell in pending:
        groups.setdefault(cell.program, []).append(cell)
    taken = {other.cell.program for other in busy}
    free = [cells for key, cells in groups.items() if key not in taken]
    if free:
        return max(free, key=lambda cells: (_total(cells, costs), sum(cell.reads for cell in cells)))[0]
    shares = [share for cells in groups.values() if (share := _share(cells, busy, costs, loads=loads))]
    return max(shares, key=lambda share: share[0])[1] if shares else None


def _total(cells: Sequence[Cell], costs: Costs) -> float:
    known = [costs.of(cell) for cell in cells]
    found = [cost for cost in known if cost is not None]
    return math.inf if len(found) < len(known) else _setup(found) + sum(cost.seconds for cost in found)


def _setup(known: Iterable[Cost]) -> float:
    """Of a program: the costs of an arm that only ever came after another have none."""
    return max((cost.setup for cost in known), default=0.0)


def _share(cells: Sequence[Cell], busy: Sequence[Busy], costs: Costs, *, loads: bool) -> tuple[float, Cell] | None:
    """When the group ends as things are, and the cell to take of it; None where that would not end it sooner."""
    at = [other for other in busy if other.cell.program == cells[0].program]
    known = [costs.of(cell) for cell in [*(other.cell for other in at), *cells]]
    found = [cost or _UNKNOWN for cost in known]
    setup = _setup(found)
    left = [
        max(0.0, cost.seconds + (0.0 if other.compiled else setup) - (other.elapsed if cost is not _UNKNOWN else 0.0))
        for other, cost in zip(at, found, strict=False)
    ]
    seconds = [cost.seconds for cost in found[len(at) :]]
    alone = _end(left, seconds)
    starts = setup * _LOADED if loads and any(other.compiled for other in at) else setup
    if _end([*left, starts], seconds) >= alone:
        return None
    return math.inf if None in known else alone, cells[-1]


def _end(free_at: Sequence[float], seconds: Sequence[float]) -> float:
    """When cells of so many `seconds` are done, in this order, by workers that are free at these times."""
    times = list(free_at)
    heapq.heapify(times)
    end = max(times)
    for each in seconds:
        done = times[0] + each
        heapq.heapreplace(times, done)
        end = max(end, done)
    return end

"""Which cell a free worker takes next. Pure: it is told what is pending, who is busy with what, and what cells cost."""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.plan import Cell
from bench.resume import Cost, Costs

_UNKNOWN = Cost(seconds=1.0, setup=0.0)
"""Of a group that was never timed: a share of it is always worth taking."""


@dataclass(frozen=True)
class Busy:
    """A cell that another worker is at."""

    cell: Cell
    elapsed: float
    """Seconds so far."""
    compiled: bool
    """The worker had finished a cell of the group before."""


def choose(group: str, pending: Sequence[Cell], busy: Sequence[Busy], costs: Costs) -> Cell | None:
    """The next cell of a free worker that has compiled `group`; None where it can end the run no sooner.

    First what is left of its own group, then the group nobody is at that takes longest, then a share of the group that
    ends last, if that ends sooner with the worker than without it, compiling included. Groups never timed come first,
    in the order of the plan.
    """
    own = next((cell for cell in pending if cell.group == group), None)
    if own is not None:
        return own
    groups: dict[str, list[Cell]] = {}
    for cell in pending:
        groups.setdefault(cell.group, []).append(cell)
    taken = {other.cell.group for other in busy}
    free = [cells for key, cells in groups.items() if key not in taken]
    if free:
        return max(free, key=lambda cells: _total(cells, costs))[0]
    shares = [share for cells in groups.values() if (share := _share(cells, busy, costs))]
    return max(shares, key=lambda share: share[0])[1] if shares else None


def _total(cells: Sequence[Cell], costs: Costs) -> float:
    cost = costs.of(cells[0])
    return math.inf if cost is None else cost.setup + len(cells) * cost.seconds


def _share(cells: Sequence[Cell], busy: Sequence[Busy], costs: Costs) -> tuple[float, Cell] | None:
    """When the group ends as things are, and the cell to take of it; None where that would not end it sooner."""
    known = costs.of(cells[0])
    cost = known or _UNKNOWN
    left = [
        max(0.0, cost.seconds + (0.0 if other.compiled else cost.setup) - (other.elapsed if known else 0.0))
        for other in busy
        if other.cell.group == cells[0].group
    ]
    alone = _end(left, len(cells), cost.seconds)
    if _end([*left, cost.setup], len(cells), cost.seconds) >= alone:
        return None
    return alone if known else math.inf, cells[-1]


def _end(free_at: Sequence[float], count: int, seconds: float) -> float:
    """When `count` cells are done by workers that are free at these times."""
    times = list(free_at)
    heapq.heapify(times)
    end = max(times)
    for _ in range(count):
        done = times[0] + seconds
        heapq.heapreplace(times, done)
        end = max(end, done)
    return end

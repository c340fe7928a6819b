"""Charts across the lengths of a task: who solves which, and how the half-life of the gradient goes with it."""

import math
from collections.abc import Sequence

import numpy as np

from bench.report import formats
from bench.report.html.figure import Data, Figure, Key, finite, series
from bench.report.html.svg import Axis, Panel
from bench.report.lengths import Climb, half_life_words, success_words
from bench.report.text import plain, shorten


def across_lengths(found: Sequence[Climb]) -> list[Figure]:
    """Share of seeds that solved each length, a figure a task of at least two; then half-lives of all of them."""
    figures = [_success(climb, f"lengths-{place}") for place, climb in enumerate(found)]
    reach = _half_lives([climb for climb in found if climb.points])
    return [*figures, reach] if reach else figures


def _success(climb: Climb, ident: str) -> Figure:
    across = Axis(-0.5, len(climb.lengths) - 0.5, label="length", named=_columns(map(str, climb.lengths)))
    panel = Panel(across, Axis(-0.04, 1.04, label="share of seeds that solved it"), width=720, height=300, left=66)
    rows = []
    for place, (label, ladder) in enumerate(zip(climb.labels, climb.ladders, strict=True)):
        at = np.array([climb.lengths.index(rung.length) + _beside(place, len(climb.ladders)) for rung in ladder.rungs])
        for x, rung in zip(at.tolist(), ladder.rungs, strict=True):
            panel.segment((x, x), (rung.interval[0], rung.interval[1]), f"range {series(place)}")
        share = np.array([rung.solved / rung.seeds for rung in ladder.rungs])
        panel.line(at, share, series(place), title=shorten(label, 60), dots=True)
        own = {rung.length: f"{rung.solved} of {rung.seeds}" for rung in ladder.rungs}
        rows.append([label, *(own.get(length, formats.NOTHING) for length in climb.lengths)])
    said = f"{climb.task}: share of seeds that solved each length"
    return Figure(
        ident,
        f"Success against length: {shorten(plain(climb.task), 60)}",
        [("", panel.svg(f"{ident}-p", said, f"{len(rows)} architectures"))],
        Data(["architecture", *(f"length {length}" for length in climb.lengths)], rows),
        "Solved seeds of all planned ones; bars: Clopper and Pearson's exact 95 % interval.",
        success_words(climb),
        [Key(series(i), "line", label) for i, label in enumerate(climb.labels)],
        wide=True,
    )


def _half_lives(found: Sequence[Climb]) -> Figure | None:
    """Half-life at init (hollow) and at the end (filled) against the longest length a seed solved, a panel a task."""
    known = finite(value for climb in found for point in climb.points for value in (point.init, point.end))
    if not known:
        return None
    up = Axis.around([value for value in known if value > 0] or [1.0, 10.0], log=True, label="half-life", margin=0.1)
    endless = math.sqrt(up.high * max(known))  # above all others, and within the frame
    labels = sorted({label for climb in found for label in climb.labels})
    panels, rows = [], []
    for number, climb in enumerate(found):
        names = [f"< {climb.lengths[0]}", *map(str, climb.lengths[:-1]), f"≥ {climb.lengths[-1]}"]
        across = Axis(-0.5, len(names) - 0.5, label="longest length that the seed solved", named=_columns(names))
        panel = Panel(across, up, width=340, height=230)
        for point in climb.points:
            label = climb.labels[point.ladder]
            place = labels.index(label)
            column = 0 if point.longest is None else climb.lengths.index(point.longest) + 1
            for value, css in ((point.init, f"{series(place)} hollow"), (point.end, series(place))):
                x, y = column + _beside(place, len(labels)), min(value, endless)
                panel.points([x], [y], css, title=shorten(label, 60))
            longest = "none" if point.longest is None else str(point.longest)
            rows.append([label, climb.task, longest, formats.known(point.init), formats.known(point.end)])
        panels.append((shorten(climb.task, 80), panel.svg(f"lengths-reach-p{number}", climb.task, "a dot a seed")))
    above = any(math.isinf(value) for climb in found for point in climb.points for value in (point.init, point.end))
    return Figure(
        "lengths-reach",
        "Half-life and longest solved length",
        panels,
        Data(["architecture", "task", "longest solved", "half-life at init", "half-life at the end"], rows),
        "Half-life, in steps, of the gradient in the cell of the longest length that the seed solved."
        + (" Above all others: it does not fall." if above else ""),
        half_life_words(found),
        [*(Key(series(i), "dot", label) for i, label in enumerate(labels)), Key("end", "dot", "filled: at the end"),
         Key("end hollow", "dot", "hollow: at init")],
    )  # fmt: skip


def _columns(names: "Sequence[str] | map[str]") -> tuple[tuple[float, str], ...]:
    return tuple((float(place), name) for place, name in enumerate(names))


def _beside(place: int, count: int) -> float:
    """Where the `place`-th of `count` stands within a column, so that none hides another."""
    return 0.7 * ((place + 0.5) / count - 0.5)

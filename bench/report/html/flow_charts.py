"""Charts of the gradient: its norm over training, how far it reaches back in time, half-lives, gates."""

from collections.abc import Sequence

import numpy as np

from bench.report import formats, words
from bench.report.flow import (
    DEEPEST,
    END,
    SYMBOL,
    TOLD_APART,
    Arm,
    Column,
    arms,
    columns,
    decades,
    decay_state,
    half_lives,
    thin,
)
from bench.report.flow_table import flow_table
from bench.report.flow_words import gradient_flow, half_life, lag_map
from bench.report.gate_examples import Example, examples, gate_words
from bench.report.gradient_norms import norms_of
from bench.report.html.figure import Data, Figure, Key, finite, series
from bench.report.html.svg import Axis, Panel
from bench.report.rows import Curves, TaskTable
from bench.report.text import shorten

_POINTS = 60
_LAGS = 40
"""Points of a line, over training and over lag: more cannot be told apart."""
_MOMENTS = ("init", "during", END)
_PIXELS = 100
"""Rows and columns of a map: more cannot be told apart in a panel."""


def norms(table: TaskTable, curves: Curves, ident: str) -> Figure | None:
    """Norm of the whole gradient over training, a panel an architecture."""
    drawn = [(row, found) for row in table.rows if (found := norms_of(row, curves, bins=_POINTS, by_variable=False))]
    if not drawn:
        return None
    up = Axis.around([value for _, found in drawn for value in found.whole.tolist() if value > 0], log=True)
    across = Axis(0, max(float(found.step[-1]) for _, found in drawn) * 1.02, label="training step")
    panels = []
    for place, (row, found) in enumerate(drawn):
        panel = Panel(across, up)
        panel.line(found.step, np.where(found.whole > 0, found.whole, np.nan), "end")
        if (clip := row.records[0].training.clip) is not None:
            panel.level(clip, "target")
        heading = shorten(row.architecture, 80)
        said = f"From the first to the last tenth of the steps: {formats.gradient(row)}"
        panels.append((heading, panel.svg(f"{ident}-p{place}", f"{heading}: gradient norm", said)))
    clipped = any(row.records[0].training.clip is not None for row, _ in drawn)
    return Figure(
        ident,
        "Gradient norm over training",
        panels,
        Data(
            ["architecture", "first → last tenth", "steps not finite", "variables"],
            [[row.architecture, formats.gradient(row), formats.count(row.not_finite), str(len(found.variables))]
             for row, found in drawn],
            "The norm of each variable at every step stands in the .npz files beside the records; archbench report "
            "--format figures draws them one by one.",
        ),
        "Norm over all variables before clipping, every step recorded; median over seeds and the steps of a bin.",
        words.gradient_norms(table, curves),
        [Key("end", "line", "all variables"), *([Key("target", "line", "bound of clipping")] if clipped else [])],
    )  # fmt: skip


def reach(table: TaskTable, curves: Curves, ident: str) -> Figure | None:
    """Log10 of the gradient's norm over lag at init, during and at the end, a panel an architecture."""
    drawn = arms(table, curves)
    if not drawn:
        return None
    lines = {(arm, moment): line for arm in drawn for moment in _MOMENTS if (line := arm.line(moment))}
    ends = finite([value for line in lines.values() for value in (*line.low.tolist(), *line.high.tolist())])
    top = max(ends, default=0.0)
    bottom = max(min(ends, default=-1.0), top - DEEPEST)
    lags = max((len(line.mean) for line in lines.values()), default=2)
    up = Axis.around([bottom, top])
    across = Axis(-0.02 * lags, max(lags - 1, 1) * 1.02, label="lag (steps back from the loss)")
    panels = []
    for place, arm in enumerate(drawn):
        panel = Panel(across, up)
        _reach_panel(panel, arm)
        heading = f"{shorten(arm.row.architecture, 80)}: {SYMBOL[arm.state]}"
        falls = "; ".join(f"{moment}: falls by {line.falls:.1f} powers of ten" for moment in _MOMENTS
                          if (line := lines.get((arm, moment))) and np.isfinite(line.falls))  # fmt: skip
        panels.append((heading, panel.svg(f"{ident}-p{place}", heading, falls or "the gradient is not known at lag 0")))
    header, rows = flow_table(table, curves) or ([], [])
    cut = f" The upper {DEEPEST:.0f} powers of ten are shown." if min(ends, default=0) < top - DEEPEST else ""
    return Figure(
        ident,
        "How far the gradient reaches back",
        panels,
        Data(header, rows),
        f"log10 of the norm of the gradient of one sequence's loss, by lag.{cut} Dashed: the floor of "
        "float32, below which "
        "nothing is told from 0.",
        gradient_flow(table, curves),
        [Key("init", "line", "at init"), Key("during", "line", "during training"), Key("end", "line", "at the end"),
         Key("end", "band", "10–90 % of sequences"), Key("floor", "line", "floor of float32")],
    )  # fmt: skip


def _reach_panel(panel: Panel, arm: Arm) -> None:
    panel.level(arm.seeds[0].floor, "floor")
    for moment in _MOMENTS:
        if line := arm.line(moment):
            lag = thin(len(line.mean), _LAGS)
            panel.band(lag, line.low[lag], line.high[lag], moment)
            panel.line(lag, line.mean[lag], moment, title=moment)


def lag_maps(table: TaskTable, curves: Curves, ident: str) -> Figure | None:
    """The gradient over lag and training as a map, an architecture a panel."""
    drawn = arms(table, curves)
    across = columns(seed.record for arm in drawn for seed in arm.seeds)
    maps = [decades(arm, across) for arm in drawn]
    known = [each for each in maps if np.isfinite(each).any()]
    if len(across) < 2 or not known:
        return None
    top = max(float(np.nanmax(each)) for each in known)
    bottom = max(min(float(np.nanmin(each)) for each in known), top - TOLD_APART)
    panels = []
    for place, (arm, values) in enumerate(zip(drawn, maps, strict=True)):
        lags = thin(len(values), _PIXELS)
        panel = Panel(_named(across, 4), Axis(-0.5, len(values) - 0.5, label="lag" if place == 0 else ""))
        panel.image(values[lags], "viridis", least=bottom, greatest=max(top, bottom + 1))
        heading = f"{shorten(arm.row.architecture, 80)}: {SYMBOL[arm.state]}"
        panels.append((heading, panel.svg(f"{ident}-p{place}", heading, "Bright where the gradient arrives")))
    lags_shown, steps_shown = thin(max(map(len, maps)), 6), thin(len(across), 3)
    rows = [
        [arm.row.architecture, str(across[i]), *_decades_at(values[:, i], lags_shown)]
        for arm, values in zip(drawn, maps, strict=True)
        for i in steps_shown
    ]
    return Figure(
        ident,
        "Gradient over lag and training",
        panels,
        Data(["architecture", "step", *(f"lag {lag}" for lag in lags_shown)], rows,
             f"log10 over lag 0, at {len(lags_shown)} of {max(map(len, maps))} lags and {len(steps_shown)} of "
             f"{len(across)} "
             "probes; all of them stand in the .npz files beside the records."),
        f"log10 of the gradient norm over that at lag 0, median over seeds: bright {top:.3g}, dark "
        f"{bottom:.3g} or less; "
        "blank where no seed trained so long.",
        lag_map(table, curves),
    )  # fmt: skip


def _decades_at(values: np.ndarray, lags: np.ndarray) -> list[str]:
    return [formats.known(float(values[lag])) if lag < len(values) else formats.NOTHING for lag in lags]


def _named(across: Sequence[Column], most: int) -> Axis:
    """An axis of columns, a few of them named."""
    shown = thin(len(across), most)
    named = [(float(i), str(across[i])) for i in shown]
    return Axis(-0.5, len(across) - 0.5, label="training step", named=tuple(named))


def lives(table: TaskTable, ident: str) -> Figure | None:
    """Half-life of the gradient against training, a line an architecture."""
    across = columns(record for row in table.rows for record in row.planned)
    states = [(row, state) for row in table.rows if (state := decay_state(row))]
    found = {row: [half_lives(row.planned, state, column) for column in across] for row, state in states}
    drawn = [row for row, _ in states if any(found[row])]
    if not drawn:
        return None
    known = finite([end for row in drawn for each in found[row] if each for end in (each.least, each.greatest)])
    axis = Axis.around(
        [value for value in known if value > 0] or [1.0, 10.0], log=True, label="half-life (steps)", margin=0.1
    )
    panel = Panel(_named(across, 8), axis, width=720, height=300, left=66)
    endless = any(np.isinf(each.middle) for row in drawn for each in found[row] if each)
    for place, row in enumerate(drawn):
        shift = 0.5 * ((place + 0.5) / len(drawn) - 0.5)
        at = [(i + shift, each) for i, each in enumerate(found[row]) if each]
        for x, each in at:
            panel.segment((x, x), (max(each.least, axis.low), min(each.greatest, axis.high)), f"range {series(place)}")
        middle = np.minimum([each.middle for _, each in at], axis.high)
        panel.line(np.array([x for x, _ in at]), middle, series(place), title=shorten(row.architecture, 60), dots=True)
    rows = [[row.architecture, *(formats.known(each.middle if each else None) for each in found[row])] for row in drawn]
    top = " At the upper edge: it does not fall." if endless else ""
    return Figure(
        ident,
        "Half-life of the gradient",
        [("", panel.svg(f"{ident}-p", f"{table.label}: half-life of the gradient", f"{len(drawn)} architectures"))],
        Data(["architecture", *(f"step {column}" if column != END else END for column in across)], rows),
        "Steps back in time over which the gradient halves, by a fit over lag: median over seeds, bars from least to "
        f"greatest.{top}",
        half_life(table, lambda _: {}),
        [Key(series(i), "line", f"{row.architecture}: {SYMBOL[dict(states)[row]]}") for i, row in enumerate(drawn)],
        wide=True,
    )


def gates(table: TaskTable, curves: Curves, ident: str) -> Figure | None:
    """A gate's units over one sequence, at init and at the end."""
    drawn = examples(table, curves)
    if not drawn:
        return None
    panels = []
    for place, example in enumerate(drawn):
        for moment, when in enumerate(("at init", "at the end")):
            heading = f"{shorten(example.row.architecture, 60)}: {example.gate} gate {when}"
            panels.append((heading, _gate_panel(example, moment).svg(f"{ident}-p{place}-{moment}", heading,
                           f"mean {example.values[moment].mean():.2f}")))  # fmt: skip
    rows = [
        [example.row.architecture, example.gate, str(example.record.seed),
         *(formats.number(float(values.mean())) for values in example.values), *map(formats.known, example.at_end)]
        for example in drawn
    ]  # fmt: skip
    return Figure(
        ident,
        "Gates over a sequence",
        panels,
        Data(["architecture", "gate", "seed", "mean at init", "mean at the end", "at the cues", "elsewhere"], rows),
        "Bright keeps, dark drops; a row a unit, in the order of their means at the end. Marks on top: steps "
        "that carry "
        "what is asked for.",
        gate_words(table, curves),
        [Key("cue", "cross", "cue")] if any(example.cues.any() for example in drawn) else [],
    )


def _gate_panel(example: Example, moment: int) -> Panel:
    values = example.values[moment]
    time, units = thin(len(values), _PIXELS), thin(values.shape[1], _PIXELS)
    panel = Panel(
        Axis(-0.5, len(values) - 0.5, label="step of the sequence"),
        Axis(-0.5, values.shape[1] - 0.5, label="units" if moment == 0 else "", named=()),
    )
    panel.image(values[np.ix_(time, units)].T, "cividis", least=0, greatest=1)
    cues = np.flatnonzero(example.cues)
    panel.crosses(cues.astype(float).tolist(), [panel.y.high] * len(cues), "cue")
    return panel

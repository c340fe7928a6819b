"""Gates that keep the state, over one example sequence, before and after training, with the cues marked on top."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import canvas
from bench.report.canvas import RED
from bench.report.gate_examples import Example, examples
from bench.report.rows import Curves, TaskTable

_POINTS = 200
"""Steps drawn: a longer sequence is averaged in blocks."""


def gates(table: TaskTable, curves: Curves) -> Figure | None:
    """Units by time, a pair of panels per gated architecture: at init and at the end."""
    drawn = examples(table, curves)
    if not drawn:
        return None
    with canvas.look():
        figure, axes = canvas.panels(table.label, 2 * len(drawn), columns=4, height=1.6, across="step of the sequence")
        for place, example in enumerate(drawn):
            name = canvas.name(example.row.architecture, 60)
            for moment, when in enumerate(("init", "end")):
                image = _panel(axes[2 * place + moment], example, moment)
                axes[2 * place + moment].set_title(f"{name}: {example.gate}, {when}", pad=9)
        bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=30)
        bar.set_label("gate: 1 keeps, 0 drops", fontsize=8)
        bar.ax.tick_params(labelsize=7)
        figure.supylabel("units, by their mean at the end", fontsize=9)
        canvas.legend_below(figure, {k: v for panel in axes for k, v in canvas.handles(panel).items()})
    return figure


def _panel(axes: Axes, example: Example, moment: int) -> mpl.collections.QuadMesh:
    values = example.values[moment]
    edges = np.unique(np.linspace(0, len(values), min(_POINTS, len(values)) + 1).round().astype(int))
    blocks = np.add.reduceat(values, edges[:-1]) / np.diff(edges)[:, None]
    height = np.linspace(0, 1, values.shape[1] + 1)  # panels share their scale, also where widths differ
    mesh = axes.pcolormesh(edges - 0.5, height, blocks.T, cmap="cividis", vmin=0, vmax=1, rasterized=True)
    if example.cues.any():
        cues = np.flatnonzero(example.cues)
        axes.scatter(cues, np.full(cues.size, 1.05), marker="v", s=13, color=RED, linewidths=0, clip_on=False,
                     transform=axes.get_xaxis_transform(), label="cue: the step carries what is asked for")  # fmt: skip
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    axes.grid(visible=False)
    axes.tick_params(labelsize=7)
    return mesh

"""The filters of the first convolution of image models, before and after training."""

import math

from matplotlib.figure import Figure

from bench.report import canvas
from bench.report.filter_mosaic import filters_of, mosaic
from bench.report.rows import Curves, TaskTable

_PIXELS = 10
_MOMENTS = ("init", "end")


def filters(table: TaskTable, curves: Curves) -> Figure | None:
    """A pair of panels per image model with filters: at init and at the end."""
    drawn = [(row, own) for row in table.rows if (own := filters_of(row, curves))]
    if not drawn:
        return None
    with canvas.look():
        figure, axes = canvas.panels(table.label, 2 * len(drawn), columns=4, height=1.2, across="", shared=False)
        for place, (row, (_, both)) in enumerate(drawn):
            for moment, when in enumerate(_MOMENTS):
                panel = axes[2 * place + moment]
                finer = math.ceil(_PIXELS / both.shape[1])  # so that the lines between small filters stay thin
                panel.imshow(mosaic(both[moment].repeat(finer, axis=0).repeat(finer, axis=1)), interpolation="nearest")
                panel.set_title(f"{canvas.name(row.architecture, 90)}: {when}")
                panel.set_axis_off()
    return figure

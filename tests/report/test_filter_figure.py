import numpy as np

from bench.report.aggregate import task_tables
from bench.report.canvas import render
from bench.report.filter_figure import filters

from .flow_cells import Cells
from .test_filter_mosaic import made


def test_an_architecture_has_a_panel_at_init_and_one_at_the_end() -> None:
    cells = Cells([made(), made(1, 8, "conv")])
    (table,) = task_tables(cells.records)
    figure = filters(table, cells.curves)
    titles = {axes.get_title(loc="left") for axes in figure.axes}
    assert titles == {"cnn: init", "cnn: end", "conv: init", "conv: end"}
    assert render(figure, "svg")


def test_no_filters_is_no_figure() -> None:
    (table,) = task_tables([made()[0]])
    assert filters(table, lambda _: {}) is None
    assert filters(table, lambda _: {"filters": np.full((2, 3, 3, 1, 4), np.nan)}) is None

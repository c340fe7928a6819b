import base64
import io
import re

import numpy as np
from PIL import Image

from bench.report.aggregate import task_tables
from bench.report.filter_mosaic import mosaic
from bench.report.html.filter_charts import filters

from .flow_cells import Cells
from .test_filter_mosaic import made


def test_filters_stand_before_and_after_training_as_they_are() -> None:
    cells = Cells([made(), made(seed=1)])
    (table,) = task_tables(cells.records)
    figure = filters(table, cells.curves, "f")
    assert figure is not None
    assert [heading for heading, _ in figure.panels] == ["cnn: at init", "cnn: at the end"]
    assert [list(row) for row in figure.data.rows] == [["cnn", "0", "7 x 7", "3", "48"]]
    both = cells.curves(cells.records[0])["filters"]
    for moment, (_, svg) in enumerate(figure.panels):
        (data,) = re.findall(r"base64,([^\"]+)", svg)
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        np.testing.assert_allclose(shown / 255, mosaic(both[moment]), atol=0.5 / 255 + 1e-9)


def test_without_filters_there_is_no_figure() -> None:
    record, _ = made()
    cells = Cells([(record, {})])
    (table,) = task_tables(cells.records)
    assert filters(table, cells.curves, "f") is None

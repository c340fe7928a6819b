"""The filters of the first convolution of image models, before and after training."""

from bench.report.filter_mosaic import filter_words, filters_of, mosaic
from bench.report.html.figure import Data, Figure
from bench.report.html.svg import picture
from bench.report.rows import Curves, TaskTable
from bench.report.text import shorten


def filters(table: TaskTable, curves: Curves, ident: str) -> Figure | None:
    """Two panels an architecture with filters, of its first seed that has them."""
    drawn = [(row, *own) for row in table.rows if (own := filters_of(row, curves))]
    if not drawn:
        return None
    panels, rows = [], []
    for place, (row, record, both) in enumerate(drawn):
        for moment, when in enumerate(("at init", "at the end")):
            heading = f"{shorten(row.architecture, 60)}: {when}"
            said = "a square a filter, each by its own largest weight; grey is 0"
            panels.append((heading, picture(mosaic(both[moment]), f"{ident}-p{place}-{moment}", heading, said)))
        _, height, width, channels, count = both.shape
        rows.append([row.architecture, str(record.seed), f"{height} x {width}", str(channels), str(count)])
    return Figure(
        ident,
        "First-layer filters",
        panels,
        Data(["architecture", "seed", "size", "channels", "filters"], rows,
             "All weights stand in the .npz files beside the records."),
        "Three channels are red, green and blue; others are averaged into grey.",
        filter_words(table, curves),
    )  # fmt: skip

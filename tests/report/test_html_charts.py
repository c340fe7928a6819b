import base64
import io
import itertools
import math
import re

import numpy as np
import pytest
from PIL import Image

from bench.report.aggregate import task_tables
from bench.report.html.score_charts import front
from bench.report.html.svg import Axis, Panel
from bench.report.html.target_charts import to_target

from .conftest import make_record


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_the_front_holds_exactly_the_points_that_no_other_beats(higher_is_better: bool) -> None:
    rng = np.random.default_rng(3)
    sign = 1 if higher_is_better else -1
    for _ in range(200):
        points = [tuple(map(float, point)) for point in rng.integers(0, 5, (6, 2))]
        beaten = {
            i
            for i, j in itertools.permutations(range(6), 2)
            if points[j] != points[i] and points[j][0] <= points[i][0] and sign * points[j][1] >= sign * points[i][1]
        }
        assert set(front(points, higher_is_better=higher_is_better)) == set(range(6)) - beaten


def test_points_that_are_not_known_are_on_no_front() -> None:
    assert front([(math.nan, 9.0), (1.0, math.nan), (2.0, 1.0)], higher_is_better=True) == [2]


def test_an_axis_holds_all_values_and_its_ticks_lie_within() -> None:
    for values, log in (([0.1, 0.9], False), ([1e-4, 10.0], True), ([5.0], False), ([3.0], True), ([], True)):
        axis = Axis.around([*values, math.nan, math.inf], log=log)
        assert all(0 < share < 1 for share in axis.share(values))
        assert all(axis.low <= value <= axis.high for value, _ in axis.ticks(5))


def test_an_axis_is_not_logarithmic_where_a_value_has_no_logarithm() -> None:
    assert not Axis.around([0.0, 1.0], log=True).log


def test_a_line_breaks_where_a_value_is_not_finite() -> None:
    panel = Panel(Axis(0, 4), Axis(0, 1))
    panel.line(np.arange(5.0), np.array([0.1, 0.2, math.nan, 0.3, math.inf]), "end")
    (path,) = re.findall(r' d="([^"]+)"', panel.marks[0])
    assert re.sub(r"[\d. ]+", "", path) == "MLM"


def test_an_image_has_its_first_row_at_the_bottom_and_is_clear_where_nothing_is_known() -> None:
    panel = Panel(Axis(0, 1), Axis(0, 1))
    panel.image(np.array([[0.0, 1.0], [math.nan, 0.0]]), "viridis", least=0, greatest=1)
    data = re.search(r"base64,([^\"]+)", str(panel.marks[0])).group(1)  # type: ignore[union-attr]
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA"))
    assert pixels[0, 0, 3] == 0
    assert tuple(pixels[1, 0]) == tuple(pixels[0, 1]) == (68, 1, 84, 255)
    assert tuple(pixels[1, 1]) == (253, 231, 37, 255)


def test_names_that_find_no_room_are_left_to_the_legend_and_none_hides_another() -> None:
    panel = Panel(Axis(0, 1), Axis(0, 1))
    panel.labels([(0.5, 0.5, "a long name of a point")] * 9)
    places = [tuple(re.findall(r'(?:x|y)="([\d.]+)"', str(mark))) for mark in panel.over]
    assert 1 < len(places) < 9
    assert len(set(places)) == len(places)


def test_time_to_target_rises_as_seeds_reach_it_and_a_failed_seed_never_does() -> None:
    made = [make_record("copy", "gru", s, 0.97, steps_to_target=t) for s, t in enumerate((200, 400))]
    made += [make_record("copy", "gru", 2, 0.5), make_record("copy", "gru", 3, status="failed", reason="no memory")]
    (table,) = task_tables(made)
    figure = to_target(table, "x")
    assert figure
    assert figure.data.rows[0][:3] == ["gru", "2 of 4", "400"]
    (path,) = re.findall(r'class="line s0 d0" d="([^"]+)"', figure.panels[0][1])
    heights = [float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", path)]
    steps = sorted(set(heights), reverse=True)
    assert len(steps) == 3
    assert steps[0] - steps[1] == pytest.approx(steps[1] - steps[2], abs=0.2)
    assert heights == sorted(heights, reverse=True)

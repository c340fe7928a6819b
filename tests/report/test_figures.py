import math

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.record import Record
from bench.report.aggregate import task_tables
from bench.report.canvas import name, render
from bench.report.figures import FIGURES, learning_curves, score
from bench.report.gradient_figure import gradient_norms
from bench.report.rows import TaskTable
from bench.task import Training

from .conftest import HOSTILE, make_curves, make_record
from .flow_cells import Cells, make_flow


def table_of(*records: Record) -> TaskTable:
    (table,) = task_tables(records)
    return table


def texts(figure: Figure) -> set[str]:
    return {text.get_text() for text in figure.findobj(mpl.text.Text)}


def shown_axes(figure: Figure) -> list[mpl.axes.Axes]:
    return [axes for axes in figure.axes if axes.get_visible()]


@pytest.fixture
def copy(records: list[Record]) -> TaskTable:
    return table_of(*(record for record in records if record.task == "copy"))


def test_every_seed_is_a_point_and_every_failure_a_cross(copy: TaskTable) -> None:
    figure = score(copy, make_curves)
    points = [c for c in figure.axes[0].collections if c.get_label() == "seed"]
    crosses = [c for c in figure.axes[0].collections if c.get_label() == "seed without a score"]
    assert sum(len(c.get_offsets()) for c in points) == 8
    assert sum(len(c.get_offsets()) for c in crosses) == 1
    assert {"1 diverged", "skipped", "test accuracy (higher is better)", "chance", "target"} <= texts(figure)


def test_scores_of_an_error_are_on_a_logarithmic_axis() -> None:
    values = (0.1, 1e-5)
    table = table_of(*(make_record(seed=i, value=v, accuracy=False) for i, v in enumerate(values)))
    assert score(table, make_curves).axes[0].get_xscale() == "log"
    assert learning_curves(table, make_curves).axes[0].get_yscale() == "log"


def test_a_score_of_zero_needs_a_linear_axis() -> None:
    assert score(table_of(make_record(value=0.0, accuracy=False)), make_curves).axes[0].get_xscale() == "linear"


def test_learning_curves_have_a_line_a_seed_and_a_median_where_steps_coincide(copy: TaskTable) -> None:
    figure = learning_curves(copy, make_curves)
    panels = {axes.get_title(loc="left"): [line.get_label() for line in axes.lines] for axes in shown_axes(figure)}
    assert panels["gru"].count("seed") == 3
    assert panels["gru"].count("median") == 1
    assert "median" not in panels["lstm"]
    assert "ended without a score" in panels["lstm"]


def test_gradient_norms_have_a_line_a_variable_and_mark_steps_that_are_not_finite(copy: TaskTable) -> None:
    figure = gradient_norms(copy, make_curves)
    panels = {axes.get_title(loc="left"): [line.get_label() for line in axes.lines] for axes in shown_axes(figure)}
    assert panels["gru"] == [f"layer_{i}/kernel" for i in range(4)] + ["all variables"]
    assert "20 steps not finite" in panels["lstm"]


def test_long_trainings_are_binned() -> None:
    figure = gradient_norms(table_of(make_record()), lambda record: make_curves(record, steps=5000))
    assert {len(line.get_xdata()) for line in figure.axes[0].lines} == {200}


def test_many_variables_get_few_names() -> None:
    figure = gradient_norms(table_of(make_record()), lambda record: make_curves(record, variables=30))
    named = [line.get_label() for line in figure.axes[0].lines if not line.get_label().startswith("_")]
    assert len(named) == 7


def test_the_clipping_bound_is_drawn() -> None:
    figure = gradient_norms(table_of(make_record(training=Training(steps=9, clip=1.0))), make_curves)
    assert "clip (all variables)" in texts(figure)


@pytest.mark.parametrize("draw", [kind.draw for kind in FIGURES.values()], ids=FIGURES)
def test_nothing_to_draw_is_no_figure(draw) -> None:
    assert draw(table_of(make_record(status="failed", curves=None)), lambda record: {}) is None


@pytest.mark.parametrize("draw", [kind.draw for kind in FIGURES.values()], ids=FIGURES)
@pytest.mark.parametrize("value", [0.5, math.nan])
def test_curves_of_nan_are_no_error(draw, value: float) -> None:
    def broken(record: Record) -> dict[str, np.ndarray]:
        return {
            key: np.full_like(array, np.nan) if array.dtype.kind == "f" else array
            for key, array in make_curves(record).items()
        }

    figure = draw(table_of(make_record(value=value), make_record(seed=1, value=0.5)), broken)
    assert figure is None or render(figure, "svg")


@pytest.mark.parametrize("draw", [kind.draw for kind in FIGURES.values()], ids=FIGURES)
def test_seeds_without_variance_are_no_error(draw) -> None:
    records = [make_record(seed=seed, value=0.1, chance=0.1) for seed in range(2)]
    figure = draw(table_of(*records), lambda record: make_curves(records[0]))
    assert figure is None or render(figure, "svg")


def test_hostile_names_are_drawn_as_they_are() -> None:
    figure = score(table_of(*(make_record("$\\frac{", each, value=0.5) for each in HOSTILE)), make_curves)
    svg = render(figure, "svg")
    assert b"<script" not in svg
    assert b"\x1b" not in svg


def test_a_name_fits_its_room() -> None:
    assert len(name("W" * 300, 145)) < len(name("i" * 300, 145)) < 100


@pytest.mark.parametrize("draw", [kind.draw for kind in FIGURES.values()], ids=FIGURES)
def test_the_same_records_give_the_same_svg(draw) -> None:
    cells, filters = Cells([make_flow()]), {"filters": np.ones((2, 3, 3, 1, 8))}
    table, curves = table_of(*cells.records), lambda record: make_curves(record) | cells.curves(record) | filters
    assert render(draw(table, curves), "svg") == render(draw(table, curves), "svg")


def test_sixteen_long_names_do_not_overlap() -> None:
    table = table_of(*(make_record(architecture="W" * 60 + str(i), value=0.5) for i in range(16)))
    figure = learning_curves(table, make_curves)
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in shown_axes(figure)]
    assert len(boxes) == 16
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_matplotlib_settings_stay_untouched(copy: TaskTable) -> None:
    before = dict(mpl.rcParams)
    render(score(copy, make_curves), "png")
    assert dict(mpl.rcParams) == before


def test_scores_far_above_chance_fill_the_axis_and_the_label_says_where_chance_is() -> None:
    close = [make_record("copy", "gru", seed, 0.97 + 0.001 * seed) for seed in range(3)]
    wide = [make_record("copy", "gru", seed, 0.2 + 0.3 * seed) for seed in range(3)]
    for made, zoomed in ((close, True), (wide, False)):
        figure = score(task_tables(made)[0], lambda record: {})
        assert figure is not None
        (axes,) = figure.axes
        left, right = axes.get_xlim()
        assert bool(left > made[0].chance) is zoomed
        assert left < min(record.value for record in made) < max(record.value for record in made) < right
        assert ("lies off the axis" in axes.get_xlabel()) is zoomed


def test_variables_are_named_by_layer_and_weight_and_by_more_where_that_is_not_enough() -> None:
    def named(*paths: str) -> list[str]:
        curves = {"gradient_norm": np.ones((9, len(paths))), "variables": np.array(paths)}
        lines = gradient_norms(table_of(make_record()), lambda record: curves).axes[0].lines
        return [line.get_label() for line in lines][: len(paths)]

    assert named("model/lstm/lstm_cell/kernel", "readout/bias") == ["lstm_cell/kernel", "readout/bias"]
    assert named("m/a/cell/kernel", "m/b/cell/kernel") == ["a/cell/kernel", "b/cell/kernel"]
    (long, _) = named("m/" + "n" * 80 + "/kernel", "readout/kernel")
    assert long.startswith("…")
    assert long.endswith("n/kernel")

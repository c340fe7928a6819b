import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.report.aggregate import task_tables
from bench.report.canvas import render
from bench.report.flow_figures import gradient_flow, half_life, lag_map
from bench.report.rows import TaskTable

from .flow_cells import FLOOR, LSTM, RNN, TCN, Cells, make_flow, vanishing

ALL = pytest.mark.parametrize("draw", [gradient_flow, lag_map, half_life])


def table_of(cells: Cells) -> TaskTable:
    (table,) = task_tables(cells.records)
    return table


def drawn(draw, *made) -> Figure:
    cells = Cells(made)
    return draw(table_of(cells), cells.curves)


def lines(figure: Figure, panel: int = 0) -> dict[str, np.ndarray]:
    return {line.get_label(): np.asarray(line.get_ydata()) for line in figure.axes[panel].lines}


def test_a_panel_has_a_line_a_moment_and_c_beside_h() -> None:
    record, curves = make_flow()
    found = lines(drawn(gradient_flow, (record, curves)))
    assert list(found) == ["init", "∂L/∂c, init", "during", "end", "∂L/∂c, end"]
    np.testing.assert_allclose(found["end"], curves["profile_h"][-1, :, 0])
    assert len(found["∂L/∂c, end"]) == 99  # the c of the last step is not carried on


def test_titles_say_what_the_gradient_is_of() -> None:
    figure = drawn(
        gradient_flow, make_flow("lstm", states=LSTM), make_flow("rnn", states=RNN), make_flow("tcn", states=TCN)
    )
    titles = {axes.get_title(loc="left") for axes in figure.axes}
    assert titles == {"lstm: ∂L/∂h", "rnn: ∂L/∂h", "tcn: ∂L/∂input"}


def test_the_floor_is_a_line_and_a_region_where_it_is_near() -> None:
    record, curves = make_flow(half_life=(0.5, 0.5, 0.5), length=30)
    curves["gradient_floor"] = np.array(-8.0)
    curves["profile_h"] = np.maximum(curves["profile_h"], -8.0)
    curves.pop("profile_c")
    (axes,) = drawn(gradient_flow, (record, curves)).axes
    assert -8.0 in [line.get_ydata()[0] for line in axes.lines]
    assert axes.get_ylim()[0] < -8.0
    assert "at the floor of float32" in axes.get_legend_handles_labels()[1]


def test_lines_leave_the_axis_far_down_and_bars_say_at_which_lags_the_floor_is_reached() -> None:
    figure = drawn(gradient_flow, make_flow(half_life=(0.5, 50, 50), states=RNN))
    (axes,) = figure.axes
    bottom, top = axes.get_ylim()
    assert top - bottom == pytest.approx(15)
    assert bottom > FLOOR
    (bar,) = [patch for patch in axes.patches if patch.get_label() == "at the floor of float32"]
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == (math.ceil((-1 - FLOOR) * 0.5 / math.log10(2)), 99)
    assert "upper 15 decades" in figure.get_supylabel()


def test_the_map_has_a_column_a_step_and_grey_where_no_seed_trained() -> None:
    figure = drawn(
        lag_map,
        make_flow("gru", steps=(0, 400, 500), half_life=(3, 9, 9)),
        make_flow("rnn", steps=(0, 400, 800, 900), half_life=(3, 5, 6, 6)),
    )
    first, second = (axes.collections[0].get_array() for axes in figure.axes[:2])
    assert first.shape == second.shape == (100, 4)
    assert np.ma.getmaskarray(first)[:, 2].all()
    assert not np.ma.getmaskarray(second).any()
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["0", "400", "800", "end"]


def test_many_probes_get_few_names_that_keep_the_end() -> None:
    steps = (*range(0, 2000, 50), 2000)
    figure = drawn(lag_map, make_flow(steps=steps, half_life=[5.0] * len(steps)))
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert names[0] == "0"
    assert names[-1] == "end"
    assert len(names) <= 5


def test_half_lives_that_are_infinite_stand_on_a_marked_line() -> None:
    figure = drawn(half_life, *(make_flow(seed=seed, half_life=(3, 30, math.inf)) for seed in range(3)))
    (axes,) = figure.axes
    assert "does not fall" in [text.get_text() for text in axes.texts]
    (line,) = [line for line in axes.lines if line.get_label().startswith("lstm")]
    (ceiling,) = [line.get_ydata()[0] for line in axes.lines if line is not line_of(axes)]
    assert list(line.get_ydata()) == [3, 30, ceiling]
    assert axes.get_ylim()[1] > ceiling > 30


def line_of(axes):
    return next(line for line in axes.lines if line.get_label().startswith("lstm"))


def test_the_top_line_is_there_only_where_needed() -> None:
    assert not drawn(half_life, make_flow()).axes[0].texts


def test_architectures_lie_beside_each_other() -> None:
    figure = drawn(half_life, *(make_flow(name) for name in ("gru", "rnn", "lstm")))
    starts = sorted(line.get_xdata()[0] for line in figure.axes[0].lines)
    assert len(set(starts)) == 3
    assert all(-0.25 <= start <= 0.25 for start in starts)


def hard(kind: str) -> Cells:
    if kind == "nan":
        made = [make_flow(half_life=(math.nan, 3, math.nan)), make_flow("rnn", states=RNN)]
        for _, curves in made:
            curves["profile_h"][:] = np.nan
        return Cells(made)
    if kind == "floored":
        return Cells([make_flow(half_life=(1e-6,) * 3)])
    if kind == "one lag":
        return Cells([make_flow(length=1, half_life=(math.nan,) * 3)])
    if kind == "one probe":
        return Cells([make_flow(steps=(0,), half_life=(5,))])
    if kind == "twenty arms":
        return Cells([make_flow("W" * 50 + str(i), i) for i in range(20)])
    if kind == "long":
        return Cells([make_flow(length=1600)])
    return Cells([make_flow(half_life=(math.inf,) * 3)])


@ALL
@pytest.mark.parametrize("kind", ["nan", "floored", "one lag", "one probe", "twenty arms", "long", "infinite"])
def test_hard_data_are_no_error(draw, kind: str) -> None:
    cells = hard(kind)
    table = table_of(cells)
    figure = draw(table, cells.curves)
    assert figure is None or render(figure, "svg")


@ALL
def test_panels_do_not_overlap(draw) -> None:
    cells = vanishing()
    figure = draw(table_of(cells), cells.curves)
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes if axes.get_visible()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_the_map_is_relative_to_lag_0_and_grey_where_nothing_arrives_there() -> None:
    record, curves = make_flow(half_life=(5, 5, 5), length=20)
    curves["profile_h"][1] = FLOOR
    mesh = drawn(lag_map, (record, curves)).axes[0].collections[0].get_array()
    np.testing.assert_allclose(mesh[:, 0], -math.log10(2) / 5 * np.arange(20), atol=1e-5)
    assert np.ma.getmaskarray(mesh)[:, 1].all()


def test_a_line_out_of_sight_is_named() -> None:
    record, curves = make_flow(states=("h",))
    curves["profile_h"][-1] -= 30
    (axes,) = drawn(gradient_flow, (record, curves)).axes
    assert "below the axis: end" in [text.get_text() for text in axes.texts]

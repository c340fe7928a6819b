import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.report.canvas import render
from bench.report.gate_figure import gates

from .flow_cells import RNN, Cells, make_flow
from .test_gate_examples import table_of


def drawn(*made) -> Figure:
    cells = Cells(made)
    return gates(table_of(cells), cells.curves)


def test_a_gate_has_a_panel_at_init_and_one_at_the_end() -> None:
    figure = drawn(make_flow("lstm"), make_flow("gru", states=RNN), make_flow("rnn", states=RNN))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert sorted(filter(None, titles)) == [
        "gru: update, end",
        "gru: update, init",
        "lstm: forget, end",
        "lstm: forget, init",
    ]


def test_the_units_are_in_one_order_in_both_panels() -> None:
    record, curves = make_flow()
    first, end = (axes.collections[0].get_array() for axes in drawn((record, curves)).axes[:2])
    values = curves["example_forget"].astype("float64")
    order = values[1].mean(axis=0).argsort(kind="stable")
    np.testing.assert_allclose(first, values[0][:, order].T)
    np.testing.assert_allclose(end, values[1][:, order].T)


def test_long_sequences_are_averaged_in_blocks() -> None:
    record, curves = make_flow(length=1600)
    mesh = drawn((record, curves)).axes[1].collections[0].get_array()
    assert mesh.shape == (16, 200)
    values = curves["example_forget"][1].astype("float64")
    order = values.mean(axis=0).argsort(kind="stable")
    np.testing.assert_allclose(mesh[:, 0], values[:8, order].mean(axis=0))


def test_cues_are_marked_on_top() -> None:
    marks = drawn(make_flow()).axes[0].collections[1].get_offsets()
    assert marks[:, 0].tolist() == [20, 60]
    record, curves = make_flow()
    curves.pop("example_cues")
    assert len(drawn((record, curves)).axes[0].collections) == 1


@pytest.mark.parametrize("length", [1, 2, 1600])
def test_any_length_is_drawn(length: int) -> None:
    assert render(drawn(make_flow(length=length, half_life=(5, 5, 5))), "svg")


def test_no_gates_is_no_figure() -> None:
    assert drawn(make_flow("rnn", states=RNN)) is None
    record, curves = make_flow()
    curves["example_forget"] = np.full_like(curves["example_forget"], np.nan)
    assert drawn((record, curves)) is None

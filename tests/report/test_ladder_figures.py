import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.ladder import ladders
from bench.report.canvas import render
from bench.report.ladder_figures import half_life_length, success
from bench.report.lengths import climbs

from .conftest import HOSTILE, make_record
from .flow_cells import Cells, make_flow


def cells(names, lengths=(50, 100, 200), seeds=5, longest=100, lives=(5.0, 10.0, 20.0)) -> Cells:
    return Cells(
        make_flow(name, seed, lives, length=length, solved=length <= longest)
        for name in names
        for length in lengths
        for seed in range(seeds)
    )


def points(figure: Figure, panel: int = 0) -> list[tuple[float, float]]:
    return [tuple(xy) for each in figure.axes[panel].collections for xy in np.asarray(each.get_offsets()).tolist()]


def test_success_has_a_line_an_architecture_and_its_exact_interval() -> None:
    made = cells(["lstm", "rnn"])
    figure = success(climbs(made.records)[0])
    (axes,) = figure.axes
    drawn = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert list(drawn) == ["lstm", "rnn"]
    assert drawn["lstm"].get_ydata().tolist() == [1, 1, 0]
    segments = axes.collections[0].get_segments()
    for segment, rung in zip(segments, ladders(made.records)[0].rungs, strict=True):
        assert tuple(segment[:, 1]) == rung.interval
    assert [label.get_text() for label in axes.get_xticklabels()] == ["50", "100", "200"]


def test_twenty_architectures_do_not_hide_one_another() -> None:
    figure = success(climbs(cells([f"arm-{i}" for i in range(20)], seeds=1).records)[0])
    starts = sorted(line.get_xdata()[0] for line in figure.axes[0].lines if not line.get_label().startswith("_"))
    assert len(starts) == 20
    assert np.diff(starts).min() > 0.03
    assert -0.5 < starts[0] < starts[-1] < 0.5


def test_half_lives_stand_over_the_longest_solved_length() -> None:
    figure = half_life_length(climbs(cells(["lstm"], seeds=1).records))
    assert [y for _, y in points(figure) if math.isfinite(y)] == [5, 20]
    assert [round(x) for x, _ in points(figure)] == [1, 1]
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert names == ["< 50", "50", "100", "≥ 200"]


def test_a_seed_that_solved_nothing_stands_below_the_shortest_and_an_infinite_half_life_on_top() -> None:
    figure = half_life_length(climbs(cells(["lstm"], seeds=1, longest=0, lives=(5, 9, math.inf)).records))
    ((x, _), (_, top)) = points(figure)
    assert round(x) == -1
    assert 5 < top < figure.axes[0].get_ylim()[1]
    assert "does not fall" in [text.get_text() for text in figure.axes[0].texts]


def test_a_ladder_that_ends_early_is_marked() -> None:
    short, long = cells(["rnn"], lengths=(50, 100)), cells(["lstm"], longest=200)
    figure = half_life_length(climbs([*short.records, *long.records]))
    assert [text.get_text() for text in figure.axes[0].texts].count("›") == 5
    assert not half_life_length(climbs(long.records)).axes[0].texts


def test_without_half_lives_there_is_no_figure() -> None:
    made = [make_record(task_settings={"length": length}) for length in (50, 100)]
    assert half_life_length(climbs(made)) is None
    assert success(climbs(made)[0])


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_drawn(name: str) -> None:
    found = climbs(cells([name], seeds=1).records)
    for figure in (success(found[0]), half_life_length(found)):
        assert b"<script" not in render(figure, "svg")

import math
import re

from bench.ladder import ladders
from bench.report.html.length_charts import across_lengths
from bench.report.lengths import climbs

from .conftest import HOSTILE
from .test_ladder_figures import cells


def heights(svg: str, css: str) -> list[float]:
    """Of the dots of a class, from the top."""
    return [float(y) for y in re.findall(rf'<circle class="{css}"[^>]* cy="([\d.]+)"', svg)]


def test_success_is_told_by_length_with_its_exact_interval() -> None:
    made = cells(["lstm", "rnn"])
    success, _ = across_lengths(climbs(made.records))
    assert list(success.data.rows[0]) == ["lstm", "5 of 5", "5 of 5", "0 of 5"]
    (_, svg) = success.panels[0]
    low, high = ladders(made.records)[0].rungs[0].interval
    (path,) = re.findall(r'class="segment range s0 d0" d="([^"]+)"', svg)[:1]
    top, bottom = sorted(float(y) for _, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path))
    grid = {share: heights_of_share(share) for share in (low, high)}
    assert abs(bottom - grid[low]) < 0.1
    assert abs(top - grid[high]) < 0.1


def heights_of_share(share: float) -> float:
    """Where a share lies in a panel of 300 pixels, 8 above and 34 below, from -0.04 to 1.04."""
    return 8 + (300 - 42) * (1 - (share + 0.04) / 1.08)


def test_half_lives_are_hollow_at_init_and_filled_at_the_end_over_the_longest_solved_length() -> None:
    *_, reach = across_lengths(climbs(cells(["lstm"], seeds=1).records))
    assert reach.ident == "lengths-reach"
    assert [list(row)[2:] for row in reach.data.rows] == [["100", "5.00", "20.0"]]
    ((_, svg),) = reach.panels
    (hollow,), (filled,) = heights(svg, "dot s0 d0 hollow"), heights(svg, "dot s0 d0")
    assert hollow > filled  # the longer half-life lies higher


def test_an_infinite_half_life_lies_above_all_others_and_within_the_frame() -> None:
    *_, reach = across_lengths(climbs(cells(["lstm"], seeds=1, longest=0, lives=(5, 9, math.inf)).records))
    assert [list(row)[2:] for row in reach.data.rows] == [["none", "5.00", "inf"]]
    ((_, svg),) = reach.panels
    assert 8 < heights(svg, "dot s0 d0")[0] < heights(svg, "dot s0 d0 hollow")[0]
    assert "Above all others: it does not fall." in reach.method


def test_without_half_lives_success_stands_alone() -> None:
    found = across_lengths(climbs(cells(["lstm"], lives=(math.nan,) * 3).records))
    assert [figure.ident for figure in found] == ["lengths-0"]


def test_hostile_names_stay_text() -> None:
    for figure in across_lengths(climbs(cells(list(HOSTILE)).records)):
        for _, svg in figure.panels:
            assert "<script" not in svg

import math

import pytest

from bench.report.lengths import climbs, half_life_words, success_words
from bench.task import Training

from .conftest import make_record
from .flow_cells import TCN, Cells, make_flow


def ladder(architecture: str, longest: int, lives=(5.0, 10.0, 20.0), **fields) -> list:
    return [
        make_flow(architecture, seed, lives, length=length, solved=length <= longest, **fields)
        for length in (50, 100, 200)
        for seed in range(2)
    ]


def test_a_task_of_one_length_climbs_nothing() -> None:
    assert climbs([make_record(), make_record(seed=1), make_record("mnist", task_settings={})]) == []


def test_the_points_are_those_of_the_longest_solved_length_and_else_of_the_shortest() -> None:
    made = [
        make_flow(seed=seed, length=length, half_life=(1, 1, 10 * seed + length), solved=length <= (0, 100, 200)[seed])
        for seed in range(3)
        for length in (50, 100, 200)
    ]
    (climb,) = climbs(Cells(made).records)
    assert [(p.longest, p.end, p.at_top) for p in climb.points] == [
        (None, 50, False),
        (100, 110, False),
        (200, 220, True),
    ]


def test_the_input_stands_for_architectures_without_state_and_unknown_half_lives_are_no_points() -> None:
    (climb,) = climbs(Cells(ladder("tcn", 50, states=TCN) + ladder("rnn", 50, lives=(math.nan,) * 3)).records)
    assert {climb.labels[point.ladder] for point in climb.points} == {"tcn"}


def test_labels_tell_ladders_of_one_architecture_apart_but_do_not_show_a_budget_that_differs_by_length() -> None:
    made = [
        make_record(
            architecture_settings={"units": units},
            task_settings={"length": length},
            training=Training(steps=10 * length),
        )
        for units in (16, 32)
        for length in (50, 100)
    ]
    (climb,) = climbs(made)
    assert climb.labels == ("lstm [units=16]", "lstm [units=32]")


def test_who_solves_what_is_said() -> None:
    (climb,) = climbs(Cells(ladder("lstm", 200) + ladder("gru", 200) + ladder("rnn", 50) + ladder("irnn", 0)).records)
    assert success_words(climb) == (
        "The longest length of **adding** that at least half of the seeds solve is 200 for **gru** and **lstm**; "
        "50 for **rnn**; none for **irnn**. Of 2 seeds a point; bars: exact 95 % intervals."
    )


@pytest.mark.parametrize(("lives", "rho"), [((5.0, 80.0), "1.00"), ((80.0, 5.0), "-1.00"), ((5.0, 5.0), "unknown")])
def test_rho_is_spearman_s(lives: tuple[float, float], rho: str) -> None:
    made = ladder("rnn", 0, (7, 7, lives[0])) + ladder("lstm", 200, (7, 7, lives[1]))
    text = half_life_words(climbs(Cells(made).records))
    assert f"**adding** {rho} (n = 4) at the end, unknown (n = 4) at init" in text
    assert "2 seeds solved not even the shortest" in text
    assert "2 seeds solved the longest tried" in text

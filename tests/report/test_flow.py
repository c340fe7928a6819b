import math

import numpy as np
import pytest

from bench.report.aggregate import task_tables
from bench.report.flow import Arm, arms, columns, decades, decay_state, half_lives, thin, unfitted
from bench.report.rows import TaskTable

from .flow_cells import FLOOR, LSTM, RNN, TCN, Cells, make_flow


def table_of(cells: Cells) -> TaskTable:
    (table,) = task_tables(cells.records)
    return table


def only_arm(*made) -> Arm:
    cells = Cells(made)
    (arm,) = arms(table_of(cells), cells.curves)
    return arm


def test_during_is_the_probe_nearest_half_way_of_what_the_seed_trained() -> None:
    early = only_arm(make_flow(steps=(0, 100, 200, 300, 420), half_life=[5] * 5)).seeds[0]
    assert early.moments == {"init": 0, "during": 2, "end": 4}
    assert only_arm(make_flow(steps=(0, 90), half_life=[5] * 2)).seeds[0].moments == {"init": 0, "end": 1}
    assert only_arm(make_flow(steps=(0,), half_life=[5])).seeds[0].moments == {"init": 0}


def test_a_line_is_the_mean_over_seeds_within_the_widest_quantiles() -> None:
    made = [make_flow(seed=seed, half_life=[life] * 3) for seed, life in enumerate((10.0, 20.0))]
    each = np.array([curves["profile_h"][-1].astype("float64") for _, curves in made])
    line = only_arm(*made).line("end")
    np.testing.assert_allclose(line.mean, each[..., 0].mean(axis=0))
    np.testing.assert_allclose(line.low, each[0, :, 1])
    np.testing.assert_allclose(line.high, each[1, :, 3])
    assert line.falls == pytest.approx(99 * math.log10(2) * (1 / 10 + 1 / 20) / 2, rel=1e-5)


def test_a_profile_that_reaches_the_floor_says_where() -> None:
    line = only_arm(make_flow(half_life=[0.5] * 3)).line("init")
    assert line.at_floor.argmax() == math.ceil((-1 - FLOOR) * 0.5 / math.log10(2))
    assert line.at_floor[-1]
    c = only_arm(make_flow(half_life=[0.5] * 3)).line("init", "c")
    assert math.isnan(c.falls)  # lag 0 of c holds nothing


def test_nan_seeds_are_left_out_and_nan_alone_is_no_line() -> None:
    sound, broken = make_flow(seed=0), make_flow(seed=1)
    broken[1]["profile_h"][:] = np.nan
    line = only_arm(sound, broken).line("end")
    np.testing.assert_array_equal(line.mean, sound[1]["profile_h"][-1, :, 0])
    assert only_arm(broken).line("end") is None


def test_what_stands_for_an_arm_is_h_and_else_the_input() -> None:
    assert [only_arm(make_flow(states=states)).state for states in (LSTM, RNN, TCN)] == ["h", "h", "input"]
    assert [decay_state(only_arm(make_flow(states=s)).row) for s in (LSTM, TCN)] == ["h", "input"]


def test_positions_of_images_are_no_lags() -> None:
    record, curves = make_flow(states=TCN)
    bare = {key: flow.model_copy(update={"decay": {}}) for key, flow in record.gradient.items()}
    cells = Cells([(record.model_copy(update={"gradient": bare}), curves)])
    assert arms(table_of(cells), cells.curves) == []


@pytest.mark.parametrize("missing", ["probe_step", "profile_h"])
def test_missing_arrays_are_no_error(missing: str) -> None:
    record, curves = make_flow(states=("h",))
    cells = Cells([(record, {key: array for key, array in curves.items() if key != missing})])
    assert arms(table_of(cells), cells.curves) == []


def test_seeds_that_stop_apart_share_the_steps_of_the_schedule_and_the_end() -> None:
    made = [
        make_flow(seed=0, steps=(0, 400, 620), half_life=(2, 4, 6)),
        make_flow(seed=1, steps=(0, 400, 800, 900), half_life=(4, 8, 10, 12)),
        make_flow(seed=2, steps=(0, 300), half_life=(3, math.inf)),
    ]
    arm = only_arm(*made)
    across = columns(arm.row.planned)
    assert across == [0, 400, 800, "end"]
    found = [half_lives(arm.row.planned, "h", column) for column in across]
    assert [(each.middle, each.least, each.greatest, each.seeds) for each in found] == [
        (3, 2, 4, 3),
        (6, 4, 8, 2),
        (10, 10, 10, 1),
        (12, 6, math.inf, 3),
    ]
    np.testing.assert_array_equal(arm.at(800), made[1][1]["profile_h"][2, :, 0])
    ends = np.array([curves["profile_h"][-1, :, 0] for _, curves in made])
    np.testing.assert_array_equal(arm.at("end"), np.median(ends, axis=0))


def test_probes_without_a_fit_are_counted_and_left_out() -> None:
    arm = only_arm(make_flow(half_life=(math.nan, 5, 6)), make_flow(seed=1, half_life=(math.nan, 7, math.nan)))
    assert half_lives(arm.row.planned, "h", 0) is None
    assert half_lives(arm.row.planned, "h", "end").middle == 6
    assert unfitted(arm.row.planned, "h") == (3, 6)


def test_decades_are_above_lag_0_of_their_own_column() -> None:
    arm = only_arm(make_flow(steps=(0, 100), half_life=[5, 10]))
    found = decades(arm, [0, 50, "end"])
    assert found[0].tolist() == pytest.approx([0, math.nan, 0], nan_ok=True)
    np.testing.assert_allclose(found[10, [0, 2]], -10 * math.log10(2) / np.array([5, 10]), rtol=1e-3)
    assert np.isnan(found[:, 1]).all()


def test_an_unknown_step_has_no_profile() -> None:
    assert only_arm(make_flow()).at(7) is None


@pytest.mark.parametrize("count", [1, 2, 199, 200, 1600])
def test_thinned_points_keep_both_ends(count: int) -> None:
    found = thin(count)
    assert (found[0], found[-1]) == (0, count - 1)
    assert len(found) == min(count, 200)

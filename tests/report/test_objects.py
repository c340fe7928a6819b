import json
import math

import numpy as np
from timings import speed, timed

from bench.report.objects import cell_object

from .conftest import make_record
from .flow_cells import TCN, make_flow


def test_what_was_not_measured_is_null() -> None:
    found = cell_object(make_record(), {})
    assert found["gradient"] is None
    assert found["interventions"] is None
    assert json.dumps(found, allow_nan=False)


def test_a_moment_joins_the_record_with_the_profiles() -> None:
    record, curves = make_flow(half_life=(3, 30, math.inf), length=20)
    found = cell_object(record, curves)["gradient"]
    assert list(found) == ["init", "500", "end"]
    assert set(found["end"]) == {
        "lag", "log10_input", "log10_h", "log10_c", "half_life_h", "half_life_c", "horizon_h", "horizon_c", "loss",
    }  # fmt: skip
    assert found["end"]["lag"] == list(range(20))
    np.testing.assert_allclose(found["500"]["log10_c"], curves["profile_c"][1, :, 0])
    assert [found[key]["half_life_h"] for key in found] == [3, 30, "none"]
    assert found["end"]["loss"] == record.gradient["end"].loss
    assert json.dumps(found, allow_nan=False)


def test_an_architecture_without_state_has_no_keys_for_it() -> None:
    found = cell_object(*make_flow(states=TCN))["gradient"]["init"]
    assert set(found) == {"lag", "log10_input", "loss"}


def test_images_have_positions_and_no_lag() -> None:
    record, curves = make_flow(states=TCN, length=9)
    bare = {key: flow.model_copy(update={"decay": {}}) for key, flow in record.gradient.items()}
    found = cell_object(record.model_copy(update={"gradient": bare}), curves)["gradient"]["init"]
    assert found["lag"] is None
    assert len(found["log10_input"]) == 9


def test_lost_arrays_and_numbers_that_are_not_finite_are_null() -> None:
    record, curves = make_flow(half_life=(math.nan, 5, 5), length=4)
    found = cell_object(record, {})["gradient"]["init"]
    assert (found["lag"], found["log10_h"], found["half_life_h"]) == (None, None, None)
    curves["profile_h"][0, 2] = np.nan
    assert cell_object(record, curves)["gradient"]["init"]["log10_h"][2] is None


def test_interventions_are_shown() -> None:
    record = make_record(interventions={"none": 0.9, "reset-half": math.nan})
    assert cell_object(record, {})["interventions"] == {"none": 0.9, "reset-half": None}


def test_speed_is_an_object_with_the_noise_beside_every_timing():
    found = cell_object(timed(make_record(), speed=speed("abc", share_of_peak=math.nan)), {})
    assert found["step_seconds"] == {"p50": 0.01, "p90": 0.02, "p99": 0.03, "noise": 1.02, "calls": 500}
    assert found["inference_seconds"] == {"p50": 0.001, "p90": 0.002, "p99": 0.003, "noise": 1.2, "calls": 300}
    assert (found["peak_bytes"], found["flops_per_sample"]) == (12_345_678, 432_129)
    assert found["speed"]["cell_id"] == "abc"
    assert found["speed"]["train_tokens_per_second"] == 64000.0
    assert found["speed"]["batch_inference_seconds"]["p50"] == 0.004
    assert found["speed"]["share_of_peak"] is None
    json.dumps(found, allow_nan=False)

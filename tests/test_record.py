"""The results schema."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from bench.record import CURVES, Conditions, Decay, Gate, GradientFlow, GradientNorm, Percentiles, Record

Make = Callable[..., Record]
CONDITIONS = Conditions(
    code="0.1.0+abc",
    libraries={"python": "3.11"},
    machine={"processor": "x", "cores": 2},
    device="cpu",
    threads=1,
    affinity=[0],
    data_hash="d" * 64,
    train_samples=None,
    validation_samples=1000,
    test_samples=10_000,
)
FLOW = GradientFlow(
    step=0,
    loss=0.5,
    samples=256,
    not_finite=0,
    decay={"h": Decay(rate=0.1, r2=0.9, first=5, last=9, half_life=math.inf, horizon=9, censored=True)},
    gates={"forget": Gate(mean=0.7, above_90=0.1, below_10=0.0, tau_longest=math.inf)},
)


def test_a_record_survives_json(make_record: Make) -> None:
    record = make_record(
        conditions=CONDITIONS,
        step_seconds=Percentiles(p50=0.1, p90=0.2, p99=0.3),
        inference_seconds=Percentiles(p50=0.1, p99=math.inf),
        gradient_norm=GradientNorm(first=1.0, last=0.1, largest=math.inf, not_finite=2, clipped=None, to_weight=0.1),
        gradient={"init": FLOW},
        interventions={"none": 0.9, "reset-half": math.nan},
        steps_to_target=300,
        seconds_to_target=3.5,
    )
    again = Record.model_validate_json(record.model_dump_json())
    # NaN is unequal to itself: what is written again is the same.
    assert again.model_dump_json() == record.model_dump_json()
    assert again.model_copy(update={"interventions": None}) == record.model_copy(update={"interventions": None})


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e308, 5e-324, 0.1, -0.0])
def test_every_number_survives_json_which_has_no_infinities(make_record: Make, value: float) -> None:
    text = make_record(value=value, chance=value).model_dump_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    again = Record.model_validate_json(text)
    assert (again.value, again.chance) == (value, value)


def test_nan_survives_json(make_record: Make) -> None:
    text = make_record(value=math.nan).model_dump_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert math.isnan(Record.model_validate_json(text).value)


def test_the_headline_says_which_weights_the_value_is_from(make_record: Make) -> None:
    record = make_record()
    assert record.final is not None
    record = record.model_copy(update={"final": record.final.model_copy(update={"test": 0.5})})
    assert record.value == 0.9
    assert record.model_copy(update={"headline": "final"}).value == 0.5


def test_a_record_without_a_score_has_the_value_nan(make_record: Make) -> None:
    assert math.isnan(make_record(status="failed").value)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"surprise": 1}, "surprise"),
        ({"status": "fine"}, "status"),
        ({"schema_version": 2}, "schema_version"),
        ({"headline": "middle"}, "headline"),
        ({"seed": "a"}, "seed"),
        ({"chance": "about a half"}, "chance"),
        ({"chance": None}, "chance"),
        ({"measured_at": "yesterday"}, "measured_at"),
        ({"task": None}, "task"),
        ({"best": {"step": 1}}, "best"),
        ({"training": {"steps": "many"}}, "training"),
    ],
)
def test_a_record_that_does_not_keep_the_schema_is_refused(make_record: Make, change: Any, key: str) -> None:
    raw = {**json.loads(make_record().model_dump_json()), **change}
    with pytest.raises(ValidationError) as caught:
        Record.model_validate(raw)
    assert key in {str(error["loc"][0]) for error in caught.value.errors()}


def test_a_part_with_an_unknown_field_is_refused(make_record: Make) -> None:
    raw = json.loads(make_record().model_dump_json())
    raw["best"]["surprise"] = 1
    with pytest.raises(ValidationError, match="surprise"):
        Record.model_validate(raw)


def test_a_record_cannot_be_changed(make_record: Make) -> None:
    with pytest.raises(ValidationError):
        make_record().seed = 3


def test_every_array_beside_a_record_is_documented() -> None:
    assert set(CURVES) >= {"train_loss", "validation_score", "evaluation_step", "gradient_norm", "variables"}
    for name, meaning in CURVES.items():
        assert name.replace("*", "x").isidentifier()
        assert meaning.startswith("("), name

"""`--params N`: some integer width of every arm lands within 2 % of N trainable parameters outside the embedding."""

import math

import keras
import pytest

from bench.architecture import InputSpec
from bench.width import match_width

SPECS = {
    "image": InputSpec("image", (28, 28, 1), 10),
    "rows": InputSpec("sequence", (28, 28), 10),
    "adding": InputSpec("sequence", (100, 2), 1),
    "tokens": InputSpec("tokens", (200,), 2, vocabulary=20),  # the embedding is not counted
}


def built(arm, spec, units):
    settings = {key: setting.default for key, setting in arm.settings.items()} | {"units": units}
    return arm.build(spec, **settings, **arm.fixed)


def parameters(arm, spec, units):
    model = built(arm, spec, units)
    tables = [
        v for layer in model.layers if isinstance(layer, keras.layers.Embedding) for v in layer.trainable_variables
    ]
    count = sum(math.prod(v.shape) for v in model.trainable_variables) - sum(math.prod(v.shape) for v in tables)
    return count


@pytest.mark.parametrize("label", SPECS)
@pytest.mark.parametrize("targets", [(20_000, 50_000), pytest.param((200_000,), marks=pytest.mark.slow)], ids=str)
def test_parameters_can_be_matched(arm, arms, label, targets):
    spec = SPECS[label]
    if arms[arm].refuses(spec) or arm in ("rnn-uniform", "irnn", "gru-chrono", "lstm-b0", "lstm-chrono"):
        pytest.skip("not readable, or as many parameters as the arm it varies")
    for target in targets:
        units = match_width(lambda units: built(arms[arm], spec, units), target)
        assert abs(parameters(arms[arm], spec, units) / target - 1) <= 0.02, target


def test_parameters_grow_with_every_unit(arm, arms):
    spec = next(spec for spec in SPECS.values() if not arms[arm].refuses(spec))
    counts = [parameters(arms[arm], spec, units) for units in (2, 3, 4, 5, 32, 33, 34, 35, 36)]
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("variant", ["rnn-uniform", "irnn", "gru-chrono", "lstm-b0", "lstm-chrono"])
def test_variants_differ_from_their_cell_in_nothing_but_values(variant, arms):
    base = "rnn" if variant == "irnn" else variant.split("-")[0]
    for spec in (SPECS["rows"], SPECS["tokens"]):
        assert parameters(arms[variant], spec, 7) == parameters(arms[base], spec, 7)

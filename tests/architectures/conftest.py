"""Every arm of the catalogue, and specs small enough to build and train in a blink."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from bench.architecture import Architecture, InputSpec
from bench.catalogue import discover
from bench.setting import complete

ARMS = {name: entry.value for name, entry in discover().architectures.items()}
SPECS = {
    "vector": InputSpec("vector", (5,), 3),
    "image": InputSpec("image", (8, 8, 1), 3),
    "sequence": InputSpec("sequence", (8, 2), 3),
    "sequence-steps": InputSpec("sequence", (8, 2), 3, per_step=True, causal=True),
    "tokens": InputSpec("tokens", (8,), 3, vocabulary=11),
    "tokens-steps": InputSpec("tokens", (8,), 3, per_step=True, vocabulary=11),
}
PAIRS = {
    f"{name}-{label}": (name, label)
    for name, arm in ARMS.items()
    for label, spec in SPECS.items()
    if not arm.refuses(spec)
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`arm` runs over the catalogue; `pair` over every (arm, spec) that fit."""
    if "arm" in metafunc.fixturenames:
        metafunc.parametrize("arm", list(ARMS))
    if "pair" in metafunc.fixturenames:
        metafunc.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())


@pytest.fixture(autouse=True)
def _seeded() -> None:
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def arms() -> dict[str, Architecture]:
    return ARMS


@pytest.fixture(scope="session")
def specs() -> dict[str, InputSpec]:
    return SPECS


@pytest.fixture(scope="session")
def readable() -> Callable[[str], InputSpec]:
    """`readable(name)`: the most demanding spec that an arm reads."""
    return lambda name: next(spec for spec in reversed(SPECS.values()) if not ARMS[name].refuses(spec))


@pytest.fixture(scope="session")
def build() -> Callable[..., keras.Model]:
    """`build(name, spec, **settings)`: a small model without dropout."""

    def build(name: str, spec: InputSpec, **settings: Any) -> keras.Model:
        arm = ARMS[name]
        small = {"units": 8, "embedding": 6, "dropout": 0.0} | settings
        known = {key: value for key, value in small.items() if key in arm.settings or key in settings}
        return arm.build(spec, **complete(name, arm.settings, known), **arm.fixed)

    return build


@pytest.fixture(scope="session")
def batch() -> Callable[..., np.ndarray]:
    """`batch(spec)`: a few inputs of a spec, without padding."""

    def batch(spec: InputSpec, size: int = 4) -> np.ndarray:
        rng = np.random.default_rng(1)
        if spec.kind == "tokens":
            return rng.integers(1, spec.vocabulary, (size, *spec.shape)).astype("int32")
        return rng.random((size, *spec.shape), dtype="float32")

    return batch

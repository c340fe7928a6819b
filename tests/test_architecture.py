"""What a model reads and what it refuses."""

from typing import Any

import pytest

from bench.architecture import InputSpec, reads

VECTOR = InputSpec("vector", (5,), 3)
IMAGE = InputSpec("image", (8, 8, 1), 3)
SEQUENCE = InputSpec("sequence", (7, 2), 3)
STEPS = InputSpec("sequence", (7, 2), 3, per_step=True)
CAUSAL = InputSpec("sequence", (7, 2), 3, causal=True)
TOKENS = InputSpec("tokens", (7,), 3, vocabulary=11)


@pytest.mark.parametrize("spec", [VECTOR, IMAGE, SEQUENCE, TOKENS])
def test_one_output_a_sample_has_the_size_of_the_outputs(spec: InputSpec) -> None:
    assert spec.output_shape == (3,)


def test_one_output_a_step_has_the_steps_before_the_outputs() -> None:
    assert STEPS.output_shape == (7, 3)
    assert InputSpec("tokens", (7,), 3, per_step=True, vocabulary=2).output_shape == (7, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "video", "shape": (5,)}, "invalid kind: expected one of vector, image, .*received 'video'"),
        ({"kind": "vector", "shape": ()}, "invalid shape for vector: expected 1 axes"),
        ({"kind": "vector", "shape": (5, 1)}, r"expected 1 axes >= 1, received \(5, 1\)"),
        ({"kind": "image", "shape": (8, 8)}, "invalid shape for image: expected 3 axes"),
        ({"kind": "image", "shape": (8, 0, 1)}, "invalid shape for image"),
        ({"kind": "sequence", "shape": (-1, 2)}, "invalid shape for sequence: expected 2 axes"),
        ({"kind": "tokens", "shape": (5,)}, "invalid vocabulary: expected a size for tokens"),
        ({"kind": "vector", "shape": (5,), "vocabulary": 3}, "invalid vocabulary"),
        ({"kind": "vector", "shape": (5,), "per_step": True}, "invalid per_step: a vector has no steps"),
        ({"kind": "image", "shape": (8, 8, 1), "per_step": True}, "invalid per_step: a image has no steps"),
    ],
)
def test_an_impossible_spec_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InputSpec(outputs=3, **arguments)


@pytest.mark.parametrize(
    ("refuses", "spec", "reason"),
    [
        (reads("image"), IMAGE, None),
        (reads("image"), TOKENS, "reads image, the task gives tokens (7,)"),
        (reads("sequence", "tokens"), IMAGE, "reads sequence or tokens, the task gives image (8, 8, 1)"),
        (reads("sequence"), STEPS, None),
        (reads("sequence", per_step=False), STEPS, "returns one output a sequence, the task wants one a step"),
        (reads("sequence", per_step=False), SEQUENCE, None),
        (reads("sequence", causal=False), CAUSAL, "looks at later steps, the task forbids it"),
        (reads("sequence", causal=False), SEQUENCE, None),
    ],
)
def test_a_pair_that_does_not_fit_has_a_reason(refuses: Any, spec: InputSpec, reason: str | None) -> None:
    assert refuses(spec) == reason

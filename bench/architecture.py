"""What an architecture is: a name for cell + initialisation + readout, and the inputs it can read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from bench.setting import Setting

if TYPE_CHECKING:
    import keras

Kind = Literal["vector", "image", "sequence", "tokens"]


@dataclass(frozen=True)
class InputSpec:
    """What a model reads and what it must return.

    kind       shape (without the batch)          dtype
    vector     (features,)                        float32
    image      (height, width, channels)          float32
    sequence   (time, features)                   float32
    tokens     (time,)                            int32; 0 is padding and is masked
    """

    kind: Kind
    shape: tuple[int, ...]
    outputs: int
    """Size of the last axis of the model's output: classes (as logits) or regression targets."""
    per_step: bool = False
    """The output has one row a step, (batch, time, outputs), instead of (batch, outputs)."""
    causal: bool = False
    """The output at a step must not depend on later steps."""
    vocabulary: int | None = None
    """Tokens only: token values lie in [0, vocabulary)."""

    def __post_init__(self) -> None:
        expected = {"vector": 1, "image": 3, "sequence": 2, "tokens": 1}
        if self.kind not in expected:
            raise ValueError(f"invalid kind: expected one of {', '.join(expected)}, received {self.kind!r}")
        if len(self.shape) != expected[self.kind] or min(self.shape) < 1:
            raise ValueError(
                f"invalid shape for {self.kind}: expected {expected[self.kind]} axes >= 1, received {self.shape}"
            )
        if (self.kind == "tokens") != (self.vocabulary is not None):
            raise ValueError("invalid vocabulary: expected a size for tokens and None for every other kind")
        if self.per_step and self.kind not in ("sequence", "tokens"):
            raise ValueError(f"invalid per_step: a {self.kind} has no steps")

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the model's output without the batch."""
        return (self.shape[0], self.outputs) if self.per_step else (self.outputs,)


Refusal = Callable[[InputSpec], str | None]


def reads(*kinds: Kind, per_step: bool = True, causal: bool = True) -> Refusal:
    """A `refuses` function: None for these kinds, else the reason the pair does not fit.

    `per_step=False`: the architecture returns one output a sequence only.
    `causal=False`: its outputs depend on later steps.
    """

    def refuses(spec: InputSpec) -> str | None:
        if spec.kind not in kinds:
            return f"reads {' or '.join(kinds)}, the task gives {spec.kind} {spec.shape}"
        if spec.per_step and not per_step:
            return "returns one output a sequence, the task wants one a step"
        if spec.causal and not causal:
            return "looks at later steps, the task forbids it"
        return None

    return refuses


@dataclass(frozen=True)
class Architecture:
    """An arm of a comparison.

    `build(spec, **settings)` returns an uncompiled functional `keras.Model` whose input has `spec.shape` and whose
    output has `spec.output_shape` (logits or values, no final activation). It imports keras inside, so that listing
    the catalogue stays fast, knows no task and trains nothing. Weights come from Keras initialisers without a fixed
    seed: the bench seeds them.
    """

    summary: str
    build: "Callable[..., keras.Model]"
    refuses: Refusal
    """The reason why this architecture cannot read a spec, or None."""
    source: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """Every architecture that has a width calls it `units`; `--units` and `--params` set it."""
    jit: bool = False
    """Compile the training step with XLA on TensorFlow: recurrent loops run 2-3 times faster on CPUs, convolutions
    slower. JAX always compiles, PyTorch never does."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `build` that make the arm what it is (its initialisation, say) and are no settings."""
    initial: frozenset[str] = frozenset()
    """Those of `fixed` that decide initial weights and nothing else: arms of the same `build` that differ only in them
    share a compiled model, if it is found to be the same."""

"""Made-up records with gradient flow: plausible profiles, nothing is trained here."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bench.record import Decay, Gate, GradientFlow, Record

from .conftest import make_record

FLOOR = -38.0
LSTM, RNN, TCN = ("h", "c", "input"), ("h", "input"), ("input",)


class Cells:
    """Records and the curves beside them."""

    def __init__(self, cells: Iterable[tuple[Record, Mapping[str, np.ndarray]]]) -> None:
        made = list(cells)
        self._curves = {record.cell_id: curves for record, curves in made}
        self.records = [record for record, _ in made]

    def curves(self, record: Record) -> Mapping[str, np.ndarray]:
        return self._curves[record.cell_id]


def make_profile(half_life: float, lags: int, level: float, *, state: str = "h") -> np.ndarray:
    """(lags, 4): falls by half every `half_life` steps from 10**level, down to the floor."""
    lag = np.arange(lags)
    fall = level - math.log10(2) / half_life * lag
    spread = 0.2 + 0.1 * np.sqrt(lag)
    whole = np.maximum(np.stack([fall, fall - spread, fall, fall + spread], axis=1), FLOOR)
    if state == "c":
        whole[0] = FLOOR
    return whole


def make_decay(half_life: float, lags: int) -> Decay:
    falls = 3 / (math.log10(2) / half_life) if math.isfinite(half_life) and half_life else math.inf
    return Decay(
        rate=-math.log(2) / half_life,
        r2=0.99,
        first=5,
        last=lags - 1,
        half_life=half_life,
        horizon=int(min(falls, lags - 1)),
        censored=not falls < lags,
    )


def make_flow(
    architecture: str = "lstm",
    seed: int = 0,
    half_life: Sequence[float] = (3.0, 30.0, 60.0),
    *,
    task: str = "adding",
    length: int = 100,
    steps: Sequence[int] = (0, 500, 1000),
    states: Sequence[str] = LSTM,
    solved: bool = True,
    **fields: Any,
) -> tuple[Record, dict[str, np.ndarray]]:
    """A cell probed at `steps`, the last of them its end, with a half-life a probe."""
    keys = ["init", *map(str, steps[1:-1]), *["end"][: len(steps) - 1]]
    gates = {"lstm": ("forget", "input"), "gru": ("update",)}.get(architecture[:4].rstrip("-"), ())
    flow = {
        key: GradientFlow(
            step=step,
            loss=0.1 / (1 + i),
            samples=256,
            not_finite=0,
            decay={state: make_decay(half, length) for state in states},
            gates={gate: Gate(mean=0.8, above_90=0.5, below_10=0.1) for gate in gates},
        )
        for i, (key, step, half) in enumerate(zip(keys, steps, half_life, strict=True))
    }
    record = make_record(
        task,
        architecture,
        seed,
        0.005 if solved else 0.16,
        accuracy=False,
        task_settings={"length": length},
        steps_to_target=steps[-1] if solved else None,
        gradient=flow,
        **fields,
    )
    return record, {**make_arrays(half_life, length, steps, states), **make_gates(gates, length, seed)}


def make_arrays(
    half_life: Sequence[float], lags: int, steps: Sequence[int], states: Sequence[str]
) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {
        "probe_step": np.array(steps),
        "probe_loss": 0.1 / (1.0 + np.arange(len(steps))),
        "gradient_floor": np.array(FLOOR, "float32"),
    }
    for state in states:
        levels = -1.0 - 0.3 * np.arange(len(steps))
        each = [make_profile(h, lags, level, state=state) for h, level in zip(half_life, levels, strict=True)]
        arrays[f"profile_{state}"] = np.array(each, "float32")
        arrays[f"floored_{state}"] = (arrays[f"profile_{state}"][..., 0] <= FLOOR).astype("float32")
    return arrays


def make_gates(gates: Sequence[str], length: int, seed: int, units: int = 16) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    cues = np.zeros(length, bool)
    cues[[length // 5, 3 * length // 5]] = True
    end = np.linspace(0.3, 0.99, units) * np.where(cues, 0.5, 1.0)[:, None]
    both = np.clip(np.stack([np.full((length, units), 0.73), end]) + rng.normal(0, 0.02, (2, length, units)), 0, 1)
    return {f"example_{gate}": both.astype("float16") for gate in gates} | (
        {"example_cues": cues} if gates and length else {}
    )


def vanishing(length: int = 100, seeds: int = 5) -> Cells:
    """Six arms of which the gated ones learn to carry; seeds that solve stop at steps of their own."""
    made = []
    for seed in range(seeds):
        spread = 1 + 0.1 * seed
        stop = 620 + 57 * seed
        for name, half, states, end in (
            ("lstm", (2.2, 14, 25, 60), LSTM, stop),
            ("lstm-chrono", (40, 60, 80, math.inf), LSTM, stop - 300),
            ("gru", (3, 30, 60, 90), RNN, stop + 50),
            ("rnn", (20, 15, 12, 9), RNN, 1200),
            ("rnn-uniform", (0.7, 0.8, 0.9, 0.8), RNN, 1200),
            ("tcn", (9, 20, 25, 30), TCN, stop),
        ):
            steps = [step for step in (0, 400, 800) if step < end] + [end]
            lives = [life * spread for life in half[: len(steps) - 1] + half[-1:]]
            made.append(
                make_flow(name, seed, lives, length=length, steps=steps, states=states, solved=end < 1200,
                          measured_at=datetime(2026, 1, 1, tzinfo=UTC))
            )  # fmt: skip
    return Cells(made)

"""The worker's answers, and that each gate finds the fault that it is there for while the others stay quiet."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cells import BACKEND, catalogue

from bench import backends
from bench.catalogue import discover
from bench.errors import UsageError
from bench.regress import worker
from bench.regress.drift import gradients
from bench.regress.faults import VARIABLE, check, inject
from bench.regress.gates import Gate, gates, memory
from bench.regress.live import FINGERPRINT_STEPS, subjects
from bench.regress.trainings import Pair, Trainings, accuracy
from bench.store import Store
from bench.suite import Suite, read_suite
from bench.task import Data, Split

FRAMEWORK = backends.load(BACKEND)
STEPS = 8


def _suite(architecture: str = "rnn", **training: Any) -> dict[str, Any]:
    task = {"name": "adding", "length": 10, "validation_size": 12, "test_size": 20}
    grid = {"tasks": [task], "architectures": [{"name": architecture, "units": 4}]}
    given = {"steps": 40, "batch_size": 8, "evaluations": 8, "clip": 0.1, **training}
    return {"summary": "", "grid": [{**grid, "training": given}], "seeds": [3], "backend": BACKEND}


def _loaded(suite: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    server = worker._Server(FRAMEWORK, catalogue())
    return server, server.obey({"do": "load", "suite": suite})


def _facts(monkeypatch: pytest.MonkeyPatch, faults: str = "") -> dict[str, Any]:
    monkeypatch.setenv(VARIABLE, check(faults))
    server, facts = _loaded(_suite())
    found = {**facts, **server.obey({"do": "fingerprint", "steps": STEPS})}
    return json.loads(json.dumps(found))  # as it comes through the pipe


@cache
def _base() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return _facts(monkeypatch)


def _outcomes(found: list[Gate]) -> dict[str, str]:
    return {gate.name: str(gate.outcome) for gate in found}


QUIET = {"parameters": "OK", "FLOPs": "OK", "retraces": "OK", "conditions": "OK"}
SAME = {**QUIET, "accuracy": "IDENTICAL", "gradients": "IDENTICAL"}
OTHER = {**QUIET, "accuracy": "INCONCLUSIVE", "gradients": "INCONCLUSIVE"}


@pytest.mark.parametrize(
    ("faults", "expected", "note"),
    [
        ("", SAME, ""),
        ("busy=0.5", SAME, ""),
        ("retrace", {**SAME, "retraces": "REGRESSION"}, ""),
        ("label-noise=0.5", OTHER, "the data or its order differs"),
        ("unclipped", {**OTHER, "conditions": "REGRESSION"}, "the loss differs from step"),
        ("nan=5", {**OTHER, "accuracy": "REGRESSION", "gradients": "REGRESSION"}, "not finite, first at step 5"),
        ("dead", {**OTHER, "gradients": "REGRESSION"}, "head alone: no gradient ever reaches"),
    ],
)
def test_each_fault_is_found_by_its_gate_and_the_others_stay_quiet(monkeypatch, faults, expected, note):
    if faults == "retrace" and BACKEND == "torch":
        pytest.skip("PyTorch traces nothing")
    found = gates(_base(), _facts(monkeypatch, faults))
    assert _outcomes(found) == expected
    assert note in " ".join(gate.note for gate in found)


def test_the_fingerprint_is_that_of_the_training_itself():
    from bench.cell import Group
    from bench.execute.machine import conditions
    from bench.plan import plan

    facts = _base()
    (cell,) = plan(catalogue(), Suite.model_validate(_suite()))
    curves = Group(cell, catalogue(), conditions(cell, "cpu")).run(cell).curves
    assert np.array_equal(np.array(facts["losses"], "float32"), curves["train_loss"][:STEPS])
    assert np.array_equal(np.array(facts["norms"], "float32"), curves["gradient_norm"][:STEPS])
    assert facts["variables"] == curves["variables"].tolist()
    if BACKEND != "torch":
        assert facts["traces"] == 1


def test_another_seed_is_another_fingerprint():
    server, facts = _loaded({**_suite(), "seeds": [4]})
    head = {**facts, **server.obey({"do": "fingerprint", "steps": STEPS})}
    accuracy = next(gate for gate in gates(_base(), head) if gate.name == "accuracy")
    assert accuracy.outcome == "INCONCLUSIVE"
    assert "the data or its order differs" in accuracy.note


@pytest.mark.parametrize("changed", [{"higher_is_better": True}, {"name": "closeness"}])
def test_a_task_that_is_scored_otherwise_is_trained_under_other_conditions(monkeypatch, changed):
    base, other = _base(), catalogue()
    entry = other.tasks["adding"]
    task = replace(entry.value, metric=replace(entry.value.metric, **changed))
    other.tasks["adding"] = replace(entry, value=task)
    monkeypatch.setattr(f"{__name__}.catalogue", lambda: other)
    found = {gate.name: gate for gate in gates(base, _facts(monkeypatch))}
    assert found["conditions"].outcome == "REGRESSION"
    ((key, value),) = changed.items()
    assert f"{key if key != 'name' else 'metric'} {value}" in found["conditions"].head
    assert found["accuracy"].outcome == "INCONCLUSIVE"


def test_a_turn_takes_the_steps_it_is_told_to_and_a_busy_one_longer(monkeypatch):
    server, _ = _loaded(_suite("lstm"))
    assert server.obey({"do": "warm"})["peak_bytes"] > 0
    before = int(server.group.optimizer.iterations)
    assert server.obey({"do": "turn", "steps": 3})["seconds"] > 0
    assert int(server.group.optimizer.iterations) == before + 3
    clock = iter(np.arange(0, 1000, 0.5))  # two readings a step's faults, each half a second after the last
    monkeypatch.setattr("bench.regress.faults.time.perf_counter", lambda: float(next(clock)))
    monkeypatch.setenv(VARIABLE, "busy=4")
    slow, _ = _loaded(_suite())
    slow.obey({"do": "warm"})
    read = next(clock)
    slow.step(*next(slow.stream))
    assert next(clock) - read >= 4 * 0.5


def test_a_step_that_holds_more_memory_fails_the_gate_of_memory_alone(monkeypatch):
    peaks = []
    for faults in ("", f"memory={64 << 20}"):
        monkeypatch.setenv(VARIABLE, faults)
        peaks.append(_loaded(_suite())[0].obey({"do": "warm"})["peak_bytes"])
    assert peaks[1] - peaks[0] > 48 << 20
    assert memory([(peaks[0], peaks[1])] * 10, np.random.default_rng(0)).outcome == "REGRESSION"


class _Both:
    """Trains base and head in this process, head with faults, as the workers of either side do in theirs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, faults: str) -> None:
        self.monkeypatch, self.faults = monkeypatch, {"base": "", "head": faults}
        self.stores = {side: Store(folder / side) for side in self.faults}
        self.events: list[str] = []

    def train(self, suite: dict[str, Any], seeds: Sequence[int]) -> list[Pair]:
        sides = []
        for side, store in self.stores.items():
            self.monkeypatch.setenv(VARIABLE, self.faults[side])
            server = worker._Server(FRAMEWORK, catalogue())
            asked = [
                {"do": "train", "suite": {**suite, "seeds": [seed]}, "folder": str(store.folder)} for seed in seeds
            ]
            ids = [server.obey(one, lambda event, **_: self.events.append(event))["cell"] for one in asked]
            sides.append([store.last(cell) for cell in ids])
        return [Pair(*pair) for pair in zip(*sides, strict=True)]

    def gates(self, suite: dict[str, Any]) -> tuple[Gate, Gate]:
        rng = np.random.default_rng(0)
        (found,) = Trainings(lambda _, seeds: iter(self.train(suite, seeds)), rng).run(["one"])
        base, head = self.stores.values()
        return accuracy(found), gradients(found.judged, base.curves, head.curves, rng)


def test_a_training_over_seeds_is_that_of_a_run(monkeypatch, tmp_path):
    from bench.cell import Group
    from bench.execute.machine import conditions
    from bench.plan import plan

    both = _Both(monkeypatch, tmp_path, "")
    (pair, _) = both.train(_suite(), [3, 4])
    (cell,) = plan(catalogue(), Suite.model_validate(_suite()))
    record = Group(cell, catalogue(), conditions(cell, "cpu")).run(cell).record
    assert pair.base.value == pair.head.value == record.value
    assert (pair.base.seed, pair.base.cell_id) == (3, cell.id)
    assert set(both.events) == {"progress"}


@pytest.mark.parametrize(
    ("faults", "outcomes", "note"),
    [
        ("rounding", {"accuracy": "OK", "gradients": "OK"}, "over 5 seeds"),
        ("nan=20", {"accuracy": "REGRESSION", "gradients": "REGRESSION"}, "head: seed 0, 1, 2, 3, 4 diverged"),
        ("dead", {"gradients": "REGRESSION"}, "gradient 0 to the end, in HEAD alone"),
    ],
)
def test_faults_act_in_every_training_over_seeds_and_are_found(monkeypatch, tmp_path, faults, outcomes, note):
    found = _Both(monkeypatch, tmp_path, faults).gates(_suite("rnn", evaluations=2))
    assert outcomes.items() <= _outcomes(list(found)).items()
    assert note in " ".join(gate.note for gate in found)


@pytest.mark.slow
def test_label_noise_is_found_by_the_scores_alone(monkeypatch, tmp_path):
    suite = {
        "summary": "",
        "grid": [{"tasks": ["digits"], "architectures": [{"name": "mlp", "units": 16}], "training": {"steps": 200}}],
        "backend": BACKEND,
    }
    scores, norms = _Both(monkeypatch, tmp_path, "label-noise=0.7").gates(suite)
    assert (scores.outcome, norms.outcome) == ("REGRESSION", "OK")
    assert "over 8 seeds" in scores.note


def test_noise_deals_the_targets_of_a_share_of_the_samples_out_anew_and_leaves_the_held_out_ones():
    class Drawn:
        data = Data(lambda rng, n: Split(np.arange(n), rng.permutation(n)), "validation", "test")  # type: ignore[arg-type]

    clean, noisy = Drawn.data.train, Drawn()
    inject("label-noise=0.4", noisy)
    x, y = noisy.data.train(np.random.default_rng(1), 1000)  # type: ignore[operator]
    expected = clean(np.random.default_rng(1), 1000)  # type: ignore[operator]
    assert np.array_equal(x, expected.x)
    assert 380 <= (y != expected.y).sum() <= 400
    assert sorted(y) == sorted(expected.y)
    assert (noisy.data.validation, noisy.data.test) == ("validation", "test")


def test_a_pair_that_does_not_fit_and_a_name_that_is_not_there_are_said():
    server = worker._Server(FRAMEWORK, catalogue())
    with pytest.raises(UsageError, match="unknown architecture 'lsmt'"):
        server.obey({"do": "load", "suite": _suite("lsmt")})
    suite = {**_suite(), "grid": [{"tasks": ["adding"], "architectures": ["cnn"]}]}
    with pytest.raises(UsageError, match="image"):
        server.obey({"do": "load", "suite": suite})
    with pytest.raises(UsageError, match="'dance' is no command of protocol 1"):
        server.obey({"do": "dance"})


def test_the_sentinel_suite_has_a_cell_of_each_kind_and_needs_no_download():
    suite = read_suite("sentinel")
    cells = subjects(suite)
    assert [cell.name for cell in cells] == [
        "adding[length=50] × rnn",
        "adding[length=50] × lstm",
        "adding[length=50] × transformer[units=16]",
        "digits × cnn",
    ]
    tasks = {task if isinstance(task, str) else task.name for grid in suite.grid for task in grid.tasks}
    assert not any(discover().tasks[task].value.files for task in tasks)
    assert FINGERPRINT_STEPS == 20


@pytest.mark.parametrize("text", ["gremlins", "busy=much", "nan=-1"])
def test_a_fault_that_is_not_known_is_refused(text):
    with pytest.raises(UsageError, match="fault"):
        check(text)

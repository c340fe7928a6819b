"""The gates that need no clock: exact numbers, fingerprints that part, and the peak of memory."""

import math
import re
from typing import Any

import numpy as np
import pytest

from bench.regress.detector import Speed
from bench.regress.gates import FLOOR, Gate, gates, identical, memory
from bench.regress.job import exit_code
from bench.regress.output import annotations, quiet_gates, remarks, row, to_junit, to_markdown
from bench.regress.report import Report, Result, Step, to_json

FACTS: dict[str, Any] = {
    "parameters": 100,
    "flops": 200,
    "conditions": {"lr": 0.1, "clip": 1.0},
    "losses": [1.0, 0.9, 0.8],
    "norms": [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]],
    "variables": ["a", "b"],
    "data": "d",
    "evaluation": [0.5, 0.9],
    "traces": 1,
}
SAME = dict.fromkeys(("parameters", "FLOPs", "retraces", "conditions"), "OK") | dict.fromkeys(
    ("accuracy", "gradients"), "IDENTICAL"
)
OPEN = dict.fromkeys(("accuracy", "gradients"), "INCONCLUSIVE")


def _outcomes(**head: Any) -> dict[str, str]:
    return {gate.name: gate.outcome for gate in gates(FACTS, {**FACTS, **head})}


@pytest.mark.parametrize(
    ("head", "changed"),
    [
        ({}, {}),
        ({"parameters": 101}, {"parameters": "REGRESSION"}),
        ({"parameters": 99}, {"parameters": "IMPROVED"}),
        ({"flops": None}, {"FLOPs": "INCONCLUSIVE"}),
        ({"traces": 20}, {"retraces": "REGRESSION"}),
        ({"conditions": {"lr": 0.1, "clip": None}}, {"conditions": "REGRESSION"} | OPEN),
        ({"conditions": {"lr": 0.1, "clip": 1.0, "new": 3}}, {}),
        ({"conditions": {"lr": 0.1}}, {}),
        ({"conditions": {"lr": 0.2, "new": 3}}, {"conditions": "REGRESSION"} | OPEN),
        ({"losses": [1.0, 0.9, 0.8000001]}, {"accuracy": "INCONCLUSIVE", "gradients": "INCONCLUSIVE"}),
        ({"norms": [[1.0, 2.0]] * 2 + [[1.0, math.inf]]}, {"accuracy": "INCONCLUSIVE", "gradients": "REGRESSION"}),
        ({"norms": [[1.0, 2.0]] * 2 + [[3000.0, 2.0]]}, {"accuracy": "INCONCLUSIVE", "gradients": "REGRESSION"}),
        ({"norms": [[1.0, 2.0]] * 2 + [[2000.0, 2.0]]}, {"accuracy": "INCONCLUSIVE", "gradients": "INCONCLUSIVE"}),
        ({"norms": [[1.0, 0.0]] * 3}, {"accuracy": "INCONCLUSIVE", "gradients": "REGRESSION"}),
        ({"evaluation": [math.nan, 0.1]}, {"accuracy": "REGRESSION", "gradients": "INCONCLUSIVE"}),
        ({"evaluation": [0.5, math.nan]}, {"accuracy": "REGRESSION", "gradients": "INCONCLUSIVE"}),
    ],
)
def test_what_changed_moves_its_own_gate_alone(head, changed):
    assert _outcomes(**head) == {**SAME, **changed}


def test_a_condition_that_one_side_alone_tells_of_is_named_and_not_compared():
    told = {"lr": 0.1, "new": 3}
    (same,) = (gate for gate in gates(FACTS, {**FACTS, "conditions": told}) if gate.name == "conditions")
    assert same == Gate(
        "conditions", "OK", "the same", "the same", "clip is told by one side alone; new is told by one side alone"
    )
    (other,) = (gate for gate in gates(FACTS, {**FACTS, "conditions": {"lr": 0.2}}) if gate.name == "conditions")
    assert (other.base, other.head) == ("lr 0.1", "lr 0.2")
    assert other.note.endswith("different conditions; clip is told by one side alone")


def test_a_fingerprint_says_nothing_of_trainings_under_other_conditions():
    found = gates(FACTS, {**FACTS, "conditions": {"lr": 0.1, "clip": None}})
    assert next(gate.note for gate in found if gate.name == "accuracy") == "the conditions differ"


def test_a_fault_that_base_has_too_is_not_heads():
    broken = {**FACTS, "norms": [[1.0, 0.0]] * 3}
    found = {gate.name: gate.outcome for gate in gates(broken, {**broken, "losses": [1.0, 0.9, 0.7]})}
    assert found["gradients"] == "INCONCLUSIVE"


@pytest.mark.parametrize(
    "broken",
    [
        {"losses": [1.0, math.nan, math.nan]},
        {"norms": [[1.0, 2.0]] * 2 + [[math.inf, 2.0]]},
        {"evaluation": [math.nan, 0.1]},
        {"evaluation": [0.5, math.nan]},
    ],
)
def test_what_is_the_same_and_not_finite_is_not_identical_and_says_so(broken):
    side = {**FACTS, **broken}
    assert identical(side, {**side})
    found = {gate.name: gate for gate in gates(side, {**side})}
    assert {name: gate.outcome for name, gate in found.items()} == {**SAME, **OPEN}
    assert all("not finite" in found[name].note for name in OPEN)


def _norms(*totals: float) -> dict[str, Any]:
    return {"losses": [1.0] * len(totals), "norms": [[total, 1.0] for total in totals]}


@pytest.mark.parametrize(
    ("base", "head", "note"),
    [
        (_norms(1, 1, math.nan, 1), _norms(1, 1, 1, math.nan), "no worse than base: a loss or gradient"),
        (_norms(1, 1, math.nan, 1), _norms(1, 1, 1, math.inf), "first at step 4"),
        (_norms(1, 1, math.nan, 1), _norms(1, 1, 5000, 1), "the gradient jumps at step 3"),
        (_norms(1, 1, 5000, 1), _norms(1, 1, 1, 5000), "no worse than base: the gradient jumps at step 4"),
    ],
)  # fmt: skip
def test_a_fault_that_base_has_too_is_not_heads_whatever_the_step(base, head, note):
    found = {gate.name: gate for gate in gates({**FACTS, **base}, {**FACTS, **head})}
    assert found["gradients"].outcome == "INCONCLUSIVE"
    assert note in found["gradients"].note


@pytest.mark.parametrize(
    ("base", "head"),
    [
        (_norms(1, 1, 5000, 1), _norms(1, 1, 1, math.nan)),
        ({"norms": [[1.0, 0.0]] * 3}, {"norms": [[0.0, 0.0]] * 3}),
    ],
)
def test_another_fault_than_that_of_base_is_heads(base, head):
    found = {gate.name: gate for gate in gates({**FACTS, **base}, {**FACTS, **head})}
    assert found["gradients"].outcome == "REGRESSION"


def test_nan_is_the_same_as_nan_and_the_last_bit_counts():
    nan = {**FACTS, "losses": [1.0, math.nan, 1.0]}
    assert identical(nan, {**nan, "losses": [1.0, float("nan"), 1.0]})
    assert not identical(FACTS, {**FACTS, "losses": [1.0, 0.9, np.nextafter(0.8, 1).item()]})


@pytest.mark.parametrize(
    ("ratio", "noise", "expected"),
    [
        (1.0, 0.01, "OK"),
        (1.2, 0.01, "REGRESSION"),
        (1.2, 0.5, "INCONCLUSIVE"),
        (1.1, 0.02, "INCONCLUSIVE"),
        (0.5, 0.01, "OK"),
    ],
)
def test_memory_is_held_against_ten_percent(ratio, noise, expected):
    rng = np.random.default_rng(0)
    peaks = [(10**8, round(10**8 * ratio * math.exp(noise * rng.normal()))) for _ in range(10)]
    assert memory(peaks, rng).outcome == expected


def test_memory_that_is_next_to_nothing_and_too_few_peaks_raise_no_alarm():
    rng = np.random.default_rng(0)
    assert memory([(FLOOR // 8, FLOOR)] * 10, rng).outcome == "OK"
    assert memory([(10**8, 2 * 10**8)] * 7, rng).outcome == "INCONCLUSIVE"
    assert memory([], rng).outcome == "INCONCLUSIVE"


def _result(outcome: str = "OK", *gate: str, generations: int = 10, name: str = "adding × rnn") -> Result:
    return Result.of(name, Speed(outcome, generations), [Gate("memory", one, "1", "2") for one in gate])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("results", "strict", "code"),
    [
        ([_result(), _result("IMPROVED")], False, 0),
        ([_result(), _result("INCONCLUSIVE")], False, 0),
        ([_result(), _result("INCONCLUSIVE")], True, 3),
        ([_result("OK", "INCONCLUSIVE")], True, 3),
        ([_result("REGRESSION"), _result("FAILED")], True, 1),
        ([_result("OK", "REGRESSION")], False, 1),
        ([_result("FAILED"), _result()], False, 4),
        ([_result("FAILED", "REGRESSION")], False, 1),
        ([_result("OK", "FAILED")], False, 4),
        ([_result("OK", "OK")], True, 0),
        ([_result("INCONCLUSIVE", generations=0)], True, 5),
        ([], False, 5),
    ],
)
def test_the_exit_code_is_that_of_the_worst(results, strict, code):
    assert exit_code(results, strict=strict) == code


def _report(*results: Result) -> Report:
    return Report("main", "a|b<script>", "sentinel", 0.05, 0, 1.0, list(results))


def test_names_are_shown_as_they_are_in_every_format():
    nasty = "<script>alert(1)</script>|a\n::error::b\u202e" + "x" * 300
    report = _report(_result("REGRESSION", "REGRESSION", name=nasty))
    text = to_markdown(report)
    assert "<script>" not in text
    assert "\u202e" not in text
    assert len(text.splitlines()[4].replace(r"\|", "").split("|")) == 11
    assert "\u202e" not in to_junit(report, strict=True)
    (line,) = annotations(report.cells)
    assert "\n" not in line
    assert '"a|b<script>"' in to_json(report)


def test_a_summary_keeps_to_its_bytes_and_counts_what_it_leaves_out():
    report = _report(*(_result("REGRESSION", "REGRESSION", name=f"cell {at} äöü") for at in range(400)))
    whole = to_markdown(report)
    assert len(re.findall(r"cell \d", whole)) == 800
    cut = to_markdown(report, 20_000)
    assert len(cut.encode()) <= 20_000
    left = int(cut.split(" more lines are left out")[0].split()[-1])
    assert left + len(re.findall(r"cell \d", cut)) == 801  # an empty line between the table and the remarks


def test_at_most_eight_annotations_and_a_total():
    lines = annotations([_result("REGRESSION")] * 20 + [_result()])
    assert [line[:8] for line in lines] == ["::error "] * 8 + ["::notice"]
    assert "20 cells in all" in lines[-1]


def test_a_gate_that_is_fine_and_warns_is_seen_in_every_format():
    gate = Gate("gradients", "OK", "1", "2", "5 seeds; warning: half-life of h <b>halved</b>")
    report = _report(Result.of("adding × rnn", Speed("OK", 10), [gate]))
    assert "half-life of h &lt;b&gt;halved" in to_markdown(report)
    assert "half-life of h &lt;b&gt;halved" in to_junit(report, strict=True)
    assert 'failures="0"' in to_junit(report, strict=True)
    assert "half-life of h" in to_json(report)
    assert remarks(report.cells[0]) == [
        "gradients: OK: base 1, head 2 (5 seeds; warning: half-life of h <b>halved</b>)"
    ]


def test_a_gate_is_said_of_the_cells_that_have_it_and_of_no_other():
    fine = [Gate("FLOPs", "OK", "1", "1"), Gate("accuracy", "IDENTICAL", "1", "1")]
    measured = [Result.of(name, Speed("OK", 10), [*fine, Gate("memory", "OK", "1", "1")]) for name in ("a", "b")]
    assert quiet_gates(measured) == "on every cell: FLOPs OK, accuracy IDENTICAL, memory OK"
    late, failed = Result.of("c", Speed("INCONCLUSIVE", 0), fine), Result.of("d", Speed("FAILED", 0))
    said = "on 3 of 4 cells: FLOPs OK, accuracy IDENTICAL; on 2 of 4 cells: memory OK"
    assert quiet_gates([*measured, late, failed]) == said
    assert f"\nO{said[1:]}.\n" in to_markdown(_report(*measured, late, failed))
    assert quiet_gates([failed]) == quiet_gates([]) == ""


def test_a_row_says_what_is_not_known():
    assert row(_result("FAILED", generations=0)) == ("adding × rnn", "–", "–", "–", "–", "0", "–", "FAILED")
    few = Speed("INCONCLUSIVE", 3, ratio=1.02, excluded=None, p=0.25)
    assert row(Result.of("a", few, step_seconds=Step(0.01, 0.0102)))[1:] == (
        "10", "10.2", "1.020 [?, ?]", "0.25", "3", "–", "INCONCLUSIVE",
    )  # fmt: skip

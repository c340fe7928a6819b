"""A comparison as people and programs read it."""

import json
import subprocess
import sys
from io import StringIO

import pytest
from junitparser import JUnitXml
from rich.console import Console
from sides import conditions, flow, record, side

from bench.compare import compare
from bench.record import GradientNorm
from bench.report.comparison import comparison_object, markdown_comparison, print_comparison
from bench.report.junit import junit

from .conftest import HOSTILE

BASE = [0.91, 0.93, 0.92, 0.90, 0.94]
WORSE = [0.80, 0.83, 0.815, 0.80, 0.83]


@pytest.fixture
def everything():
    """A comparison with every verdict, in conditions that differ."""
    arms = {
        "a-worse": (BASE, WORSE),
        "b-better": (WORSE, BASE),
        "c-same": (BASE, BASE),
        "d-open": (BASE, BASE[::-1]),
        "e-new": ([], BASE),
        "f-gone": (BASE, []),
    }
    other = conditions(libraries={"python": "3.13.1", "keras": "3.12.0"})
    base = [r for name, (values, _) in arms.items() for r in side(values, architecture=name, gradient=flow(30))]
    head = [
        r for name, (_, values) in arms.items()
        for r in side(values, architecture=name, gradient=flow(3), conditions=other)
    ]  # fmt: skip
    broken = [*side(BASE[:4], architecture="g-broken"), record(0.9, 4, architecture="g-broken", status="diverged")]
    return compare([*base, *side(BASE, architecture="g-broken")], [*head, *broken])


def shown(comparison) -> str:
    out = StringIO()
    print_comparison(comparison, Console(width=80, file=out))
    return out.getvalue()


def test_the_terminal_shows_every_verdict_in_80_columns(everything):
    text = shown(everything)
    assert max(map(len, text.splitlines())) <= 80
    counts = "1 failed, 1 missing, 1 worse, 1 better, 1 unclear, 1 equivalent, 1 new"
    assert " ".join(text.split()).startswith(f"7 pairs of task and architecture: {counts}")
    for line in (
        "differs: python: 3.11.7 -> 3.11.7, 3.13.1",
        "digits: accuracy (higher is better), margin 0.0100",
        "missing, in BASE alone: f-gone",
        "new, in HEAD alone: e-new",
        "g-broken, score: HEAD: seed 4 diverged",
        "half-life of h at end 30 -> 3 steps",
    ):
        assert line in text
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert rows["a-worse"].split()[-1] == "worse"
    assert "-0.1050 [-0.1" in rows["a-worse"]
    assert "+0.1050 [0.0" in rows["b-better"]
    assert "identical" in rows["c-same"]
    assert "unclear (" in rows["d-open"]


def test_all_of_a_long_table_is_whole_in_80_columns():
    names = ("transformer", "rnn-uniform", "lstm-chrono")
    base = [r for name in names for r in side([0.00346, 0.0045, 0.0031], architecture=name, accuracy=False)]
    head = [r for name in names for r in side([0.00448, 0.0037, 0.0035], architecture=name, accuracy=False)]
    text = shown(compare(base, head))
    assert text.count("unclear (") == 3 + 1  # and in what is said below
    assert text.count("[-0.00") == 3


def test_warnings_beyond_ten_are_counted():
    base = [r for n in range(14) for r in side(BASE, task_settings={"n": n}, gradient=flow(30))]
    head = [r for n in range(14) for r in side(BASE, task_settings={"n": n}, gradient=flow(3))]
    text = shown(compare(base, head))
    assert text.count("half-life of h") == 10
    assert "... 4 more" in text


def test_json_is_strict_and_holds_every_number(everything):
    text = json.dumps(comparison_object(everything), allow_nan=False)
    rows = {row["architecture"]: row for row in json.loads(text)["rows"]}
    score = rows["a-worse"]["quantities"][0]
    assert (score["name"], score["verdict"], score["paired"], score["not_worse"]) == ("score", "worse", True, False)
    assert score["effect"] == pytest.approx(-0.105)
    assert score["interval"][0] < -0.105 < score["interval"][1] < 0
    assert score["p"] <= score["adjusted_p"] <= 0.05
    assert rows["f-gone"]["verdict"] == "missing"
    assert [cell["status"] for cell in rows["g-broken"]["head"]] == ["ok"] * 4 + ["diverged"]
    never = compare(side(BASE, steps_to_target=9), side(BASE))
    assert json.loads(json.dumps(comparison_object(never), allow_nan=False))["rows"][0]["quantities"][2]["head"] is None


def test_markdown_folds_up_what_is_equivalent_or_unclear(everything):
    text = markdown_comparison(everything, "main", "my|branch")
    head, _, rest = text.partition("<details>")
    assert "main → my\\|branch" in head
    assert "| **worse** |" in head
    assert "c-same" not in head.partition("| task |")[2]
    assert "| c-same |" in rest
    widths = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")}
    assert widths == {9}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text_in_every_form(name):
    head = [r.model_copy(update={"reason": name}) for r in side(WORSE, architecture=name, task=name)]
    found = compare(side(BASE, architecture=name, task=name), head)
    text = markdown_comparison(found, name, name)
    assert "<script>" not in text
    assert "\u202e" not in text + shown(found)
    assert "\x1b" not in text + shown(found)
    assert {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")} == {9}
    assert max(map(len, shown(found).splitlines())) <= 80
    cases = [case for suite in JUnitXml.fromstring(junit(found)) for case in suite]
    assert cases
    json.dumps(comparison_object(found), allow_nan=False)


def test_junit_tells_failures_errors_and_skips_apart(everything):
    xml = JUnitXml.fromstring(junit(everything))
    (suite,) = xml
    by_name = {case.name: case for case in suite}
    kinds = {
        name.partition(":")[0]: [type(result).__name__ for result in case.result]
        for name, case in by_name.items()
        if name.endswith(": score")
    }
    assert kinds == {
        "a-worse": ["Failure"], "b-better": [], "c-same": [], "d-open": ["Skipped"], "e-new": ["Skipped"],
        "f-gone": ["Failure"], "g-broken": ["Error"],
    }  # fmt: skip
    assert (suite.tests, suite.failures, suite.errors) == (len(by_name), 2, 1)
    assert suite.skipped == sum(bool(case.is_skipped) for case in suite)
    assert "difference -0.105" in by_name["a-worse: score"].result[0].message


@pytest.mark.parametrize("char", [*map(chr, range(32)), "\x7f", "\ufffe", "\uffff", "\ud800", "\U0001f600"])
def test_junit_bears_every_character(char):
    found = compare(side(BASE, architecture=f"a{char}b"), side(BASE, architecture=f"a{char}b"))
    (suite,) = JUnitXml.fromstring(junit(found))
    assert all(case.name.startswith("a") for case in suite)


def test_the_same_records_give_the_same_bytes(everything):
    assert markdown_comparison(everything, "a", "b") == markdown_comparison(everything, "a", "b")
    assert junit(everything) == junit(everything)
    assert shown(everything) == shown(everything)


def test_gates_on_gradients_stand_in_the_table():
    bad = GradientNorm(first=1, last=0.1, largest=2, not_finite=3, clipped=None)
    text = shown(compare(side(BASE), side(BASE, gradient_norm=bad)))
    assert "NaN or infinite gradients in 0 of 5 and 5 of 5 seeds" in " ".join(text.split())
    assert "1 worse" in text


def test_comparing_imports_no_framework_and_no_figures():
    code = (
        "import sys; import bench.compare, bench.report.comparison, bench.report.junit, bench.cli.compare;"
        "print([m for m in ('tensorflow', 'keras', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"

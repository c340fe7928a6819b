"""benchmarks/rules.py: which turns each rule is shown, that each decides as its tool does, and ours replayed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drifting import Machine
from scipy.stats import mannwhitneyu

from bench.regress.detector import Detector, generation

ROOT = Path(__file__).parents[1]


def _module():
    spec = importlib.util.spec_from_file_location("rules", ROOT / "benchmarks" / "rules.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["rules"] = module
    spec.loader.exec_module(module)
    return module


rules = _module()
PAIRS = ROOT / "tests" / "regress" / "pairs.npz"
"""What `benchmarks/regress.py --cell 3 --pack` made of its runs on two cores of a virtual machine."""
NUMBERED = np.arange(5 * 2 * 60).reshape(5, 2, 60).astype("float64")
"""Generation g, side s, pair p is 120 g + 60 s + p."""
OURS = rules.Rule("made up", lambda base, head: sum(head) > sum(base))


def _trace(rng: np.random.Generator, slower: float, generations: int = 40) -> np.ndarray:
    """What a drifting machine shows, (generations, 2, pairs), in seconds."""
    base, head = Machine(rng)._in_pairs(generations)
    return np.exp(np.stack([base, head + np.log1p(slower)], axis=1)) * 0.02


def test_in_turns_both_sides_are_of_the_same_generations_and_no_turn_is_shown_twice():
    shown = list(rules.turns(NUMBERED, rules.Rule("two of five", OURS.alarms, processes=2, turns=5)))
    assert len(shown) == 2
    assert shown[1] == (
        [240, 241, 242, 243, 244, 360, 361, 362, 363, 364],
        [300, 301, 302, 303, 304, 420, 421, 422, 423, 424],
    )
    assert [base[0] for base, _ in rules.turns(NUMBERED, OURS)] == [0, 120, 240, 360, 480]


def test_in_blocks_head_is_of_the_generations_after_bases():
    shown = list(rules.blocks(NUMBERED, rules.Rule("two of one", OURS.alarms, processes=2, turns=1)))
    assert shown == [([0, 120], [300, 420])]
    assert [(base[0], head[0]) for base, head in rules.blocks(NUMBERED, OURS)] == [(0, 180), (240, 420)]


def test_half_a_run_is_all_turns_of_base_before_all_of_head():
    ((base, head),) = rules.halves(NUMBERED, OURS)
    assert base == [*range(0, 60), *range(120, 180)]
    assert head == [*range(300, 360), *range(420, 480)]
    assert list(rules.halves(NUMBERED[:1], OURS)) == []


@pytest.mark.parametrize(("slower", "outcome"), [(0.0, "OK"), (0.05, "REGRESSION")])
def test_ours_says_of_a_recorded_run_what_it_said_when_it_was_measured(slower, outcome):
    trace = _trace(np.random.default_rng(3), slower)
    live = iter(trace)
    (speed,) = Detector(lambda _: generation(*next(live)), np.random.default_rng(0)).run(["one"])
    assert speed.outcome == outcome
    assert rules.ours(trace) == (outcome == "REGRESSION")
    assert not rules.ours(trace[:12])  # flagged at most, and never confirmed: that takes ten more


def test_of_real_processes_ours_raises_no_alarm_without_a_change_and_finds_every_slowdown():
    found = rules.read(PAIRS)
    runs = {"aa": 20, "aa-hog": 1, "busy10": 10, "busy5": 10, "busy5-hog": 1}
    assert {kind: len(traces) for kind, traces in found.items()} == runs
    slower = {kind: count if kind.startswith("busy") else 0 for kind, count in runs.items()}
    assert {kind: sum(map(rules.ours, traces)) for kind, traces in found.items()} == slower


def test_of_real_processes_all_of_base_before_all_of_head_is_another_measurement():
    runs = rules.read(PAIRS)["aa"]
    slower = rules.Rule("5 % by the median", lambda base, head: np.median(head) > 1.05 * np.median(base))
    in_turns, of_turns = rules.count(runs, slower, rules.turns)
    in_blocks, of_blocks = rules.count(runs, slower, rules.blocks)
    assert in_turns / of_turns < 0.05
    assert in_blocks / of_blocks > 0.2


@pytest.mark.parametrize(
    ("prev", "current", "percent", "alarm"),
    [
        (100, 230, 200, True),
        (100, 200, 200, False),
        (100, 110.5, 110, True),
        (100, 104, 105, False),
        (100, 50, 105, False),
    ],
)
def test_github_action_benchmark_alarms_above_its_threshold(prev, current, percent, alarm):
    # The example of its changelog of v1.3.0: 230 ns after 100 ns is an alert at 200 %.
    assert rules.github_action_benchmark(percent)([prev] * 3, [current] * 3) == alarm


@pytest.mark.parametrize("check", ["min:5%", "mean:5%", "median:5%"])
def test_pytest_benchmark_fails_what_its_own_command_fails(tmp_path, check):
    pytest.importorskip("pytest_benchmark", reason="pip install pytest-benchmark")
    alarms = rules.pytest_benchmark(check)
    rng = np.random.default_rng(0)
    base = rng.uniform(1, 1.2, 30).tolist()
    which = {"min": np.min, "mean": np.mean, "median": np.median}[check.partition(":")[0]]
    for factor in (0.9, 1.0, 1.049, 1.051, 1.5):
        head = (np.array(rng.uniform(1, 1.2, 30)) * factor).tolist()
        assert alarms(base, head) == (which(head) > 1.05 * which(base))
    (tmp_path / "test_one.py").write_text(TIMED)
    flags = ["-p", "no:cacheprovider", "-q", "--benchmark-storage=kept", "--benchmark-disable-gc"]
    # Either may switch it off: PYTEST_ADDOPTS, and that these tests run in a worker of pytest-xdist.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    codes = []
    for seconds, compare in ((base, []), (base, [check]), ([2 * one for one in base], [check])):
        (tmp_path / "seconds").write_text(repr(seconds))
        more = [f"--benchmark-compare-fail={one}" for one in compare] + ["--benchmark-compare=0001"] * bool(compare)
        command = [sys.executable, "-m", "pytest", *flags, *(more or ["--benchmark-save=base"]), "test_one.py"]
        codes.append(
            subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False).returncode
        )
    assert codes == [0, 0, 1]
    assert [alarms(base, base), alarms(base, [2 * one for one in base])] == [False, True]


TIMED = """
import ast, itertools, pathlib
import pytest_benchmark.fixture as fixture

seconds = ast.literal_eval(pathlib.Path("seconds").read_text())

def test_one(benchmark):
    times = itertools.accumulate(itertools.chain.from_iterable((1.0, one) for one in seconds))
    benchmark._timer = lambda: next(times)
    benchmark.pedantic(lambda: None, rounds=len(seconds), iterations=1)
"""


@pytest.mark.parametrize("factor", [1.1, 1.05])
def test_asv_alarms_where_the_medians_differ_by_the_factor_and_mann_whitney_says_so(factor):
    pytest.importorskip("asv", reason="pip install asv")
    alarms, seen = rules.asv(factor), set()
    rng = np.random.default_rng(1)
    for slower in np.linspace(0.9, 1.4, 60):
        base, head = rng.normal(1, 0.05, 10), rng.normal(slower, 0.05, 10)
        p = mannwhitneyu(base, head, method="exact").pvalue
        expected = np.median(head) / np.median(base) > factor and p < 0.002
        assert alarms(base.tolist(), head.tolist()) == expected
        seen.add((np.median(head) / np.median(base) > factor, p < 0.002))
    assert len(seen) >= 3
    assert rules.asv(1.1)([1.0] * 5 + [1.01] * 5, [1.2] * 5 + [1.21] * 5)


def test_the_table_counts_false_alarms_and_misses_of_what_was_packed(tmp_path):
    rng = np.random.default_rng(0)
    runs = {"aa-00": 0.0, "aa-01": 0.0, "aa-hog-00": 0.0, "busy5-00": 0.05, "busy10-00": 0.1}
    packed = {name: np.round(_trace(rng, slower) * 1e6).astype("int32") for name, slower in runs.items()}
    np.savez_compressed(tmp_path / "pairs.npz", **packed, **{"aa-02": np.zeros((0, 2, 0), "int32")})
    found = rules.read(tmp_path / "pairs.npz")
    assert {kind: len(traces) for kind, traces in found.items()} == {"aa": 2, "aa-hog": 1, "busy10": 1, "busy5": 1}
    always = rules.Rule("always", lambda base, head: True, processes=2)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in rules.table(found, [always]).splitlines()]
    assert lines[0][2:] == ["aa: false alarms", "aa-hog: false alarms", "busy10: missed", "busy5: missed"]
    assert lines[2] == ["turns", "always", "40 of 40", "20 of 20", "0 of 20", "0 of 20"]
    assert lines[3] == ["blocks", "always", "20 of 20", "10 of 10", "0 of 10", "0 of 10"]
    assert lines[4] == ["half a run", "always", "2 of 2", "1 of 1", "0 of 1", "0 of 1"]
    assert lines[5] == ["whole run, in turns", "`archbench regress`", "0 of 2", "0 of 1", "0 of 1", "0 of 1"]

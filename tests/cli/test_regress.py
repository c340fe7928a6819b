"""`archbench regress` from its flags to its exit code, over workers that train nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from sides import record

import bench
from bench.execute.process import environment
from bench.regress import child, job
from bench.regress.detector import Speed
from bench.regress.gates import Gate
from bench.regress.report import Report, Result, to_json
from bench.regress.sides import Side
from bench.store import Store

WORKER = Path(__file__).parents[1] / "support" / "fake_regress_worker.py"
SUITE = 'summary = "two"\n[[grid]]\ntasks = ["adding"]\narchitectures = ["rnn", {name = "lstm", units = 4}]\n'


@pytest.fixture
def regress(archbench: Callable[..., Any], elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`regress({"head": {"seconds": 0.02}}, "--strict")` compares a plug-in in two folders; the workers are made up."""
    (elsewhere / "two.toml").write_text(SUITE)
    for folder in ("base", "head"):
        (elsewhere / folder).mkdir()
        (elsewhere / folder / "own.py").touch()
    monkeypatch.setattr(Side, "command", lambda side, *_: [sys.executable, "-ISs", str(WORKER), side.name])
    monkeypatch.setenv("FAKE_CODE", bench.__file__)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def call(fake: dict[str, Any], *arguments: object, suite: str = "two.toml") -> Any:
        monkeypatch.setenv("FAKE", json.dumps(fake))
        sides = ["--base", "base", "--head", "head", "--plugin", "own.py"]
        return archbench("regress", suite, *sides, "--seed", 1, "--quiet", *arguments)

    return call


def test_two_sides_that_are_the_same_are_identical_and_ok(regress, elsewhere):
    called = regress({}, "--json", "all.json", "--junit", "all.xml", "--markdown", "all.md")
    assert (called.code, called.err) == (0, "")
    assert "accuracy IDENTICAL, gradients IDENTICAL, memory OK" in " ".join(called.out.split())
    found = json.loads((elsewhere / "all.json").read_text())
    assert [cell["cell"] for cell in found["cells"]] == ["adding × rnn", "adding × lstm[units=4]"]
    for cell in found["cells"]:
        assert (cell["outcome"], cell["speed"]["generations"]) == ("OK", 10)
        assert cell["step_seconds"]["base"] == pytest.approx(0.005, rel=0.01)
    suite = ElementTree.parse(elsewhere / "all.xml").getroot()
    assert {suite.get("failures"), suite.get("errors"), suite.get("skipped")} == {"0"}
    assert int(suite.get("tests")) == len(suite.findall("testcase")) == 16
    assert (elsewhere / "all.md").read_text().count("| OK |\n") == 2


def test_a_head_that_is_slower_is_exit_code_1_with_its_ratio(regress, elsewhere):
    called = regress({"head": {"seconds": 0.0105}}, "--junit", "all.xml")
    assert called.code == 1
    assert "2 REGRESSION" in called.out
    suite = ElementTree.parse(elsewhere / "all.xml").getroot()
    assert suite.get("failures") == "2"
    assert all("ratio 1.05" in failure.get("message") for failure in suite.iter("failure"))


def test_a_head_that_is_faster_is_said_and_does_not_fail(regress):
    called = regress({"head": {"seconds": 0.008}})
    assert called.code == 0
    assert "2 IMPROVED" in called.out


@pytest.mark.parametrize(
    ("fake", "said"),
    [
        ({"head": {"facts": {"parameters": 101}}}, "parameters: REGRESSION: base 100, head 101"),
        ({"head": {"facts": {"traces": 20}}}, "retraces: REGRESSION: base 1, head 20"),
        ({"head": {"peak": 120_000_000}}, "memory: REGRESSION: base 100.0 MB, head 120.0 MB"),
    ],
)
def test_an_exact_gate_that_fails_is_exit_code_1(regress, fake, said):
    called = regress(fake)
    assert called.code == 1
    assert said in " ".join(called.out.split())


OTHER = {"losses": [1.0] * 4 + [1.5] * 16}
STEADY = [0.95 + 0.001 * (at % 4) for at in range(16)]


def _trained(folder: Path, values: Sequence[float | None], **fields: Any) -> str:
    """A results folder with a record a value, seeds 0, 1, ...; None is a seed that diverged."""
    store = Store(folder).create()
    cells = []
    for seed, value in enumerate(values):
        lost: dict[str, Any] = {} if value is not None else {"status": "diverged", "reason": "the loss became nan"}
        one = record(0.0 if value is None else value, seed, **lost, **fields)
        norms = np.random.default_rng(seed).uniform(0.5, 1, (40, 2))
        cells.append(store.write(one, {"gradient_norm": norms, "variables": np.array(["a", "b"])}).cell_id)
    (folder / "cells.json").write_text(json.dumps(cells))
    return str(folder)


def _both(folder: Path, base: Sequence[float | None], head: Sequence[float | None], **facts: Any) -> dict[str, Any]:
    return {
        "base": {"trained": _trained(folder / "trained-base", base)},
        "head": {"trained": _trained(folder / "trained-head", head), "facts": OTHER, **facts},
    }


@pytest.mark.parametrize(
    ("head", "strict", "code", "said"),
    [
        (STEADY, True, 0, "accuracy OK, gradients OK"),
        ([value + 0.002 * (at % 2) for at, value in enumerate(STEADY)], True, 0, "accuracy: OK: base 0.9512"),
        ([value - 0.03 - value / 100 for value in STEADY], False, 1, "over 16 seeds, margin 0.01, p"),
        ([0.98, 0.92] * 8, False, 0, "16 seeds settle nothing"),
        ([0.98, 0.92] * 8, True, 3, "accuracy: INCONCLUSIVE"),
        ([*STEADY[:2], None, *STEADY[3:]], False, 1, "head: seed 2 diverged (the loss became nan)"),
    ],
)
def test_where_fingerprints_differ_both_are_trained_over_seeds_and_judged(regress, elsewhere, head, strict, code, said):
    called = regress(_both(elsewhere, STEADY, head), *(["--strict"] if strict else []), "--json", "all.json")
    out = " ".join(called.out.split())
    assert called.code == code, out
    assert said in out
    assert "the loss differs from step 5 on, there by 5.0e-01 of it" in out
    gates = [gate for cell in json.loads((elsewhere / "all.json").read_text())["cells"] for gate in cell["gates"]]
    assert {gate["outcome"] for gate in gates if gate["name"] == "gradients"} == {"OK"}


def test_fingerprints_that_agree_are_trained_over_seeds_where_that_is_asked_for(regress, elsewhere):
    fake = _both(elsewhere, STEADY, [value - 0.03 - value / 100 for value in STEADY], facts={})
    assert regress(fake).code == 0
    called = regress(fake, "--train")
    assert called.code == 1
    assert "accuracy: REGRESSION: base 0.9515" in " ".join(called.out.split())


def test_a_training_that_kills_its_worker_is_exit_code_4(regress, elsewhere):
    fake = _both(elsewhere, STEADY, STEADY, die="train")
    called = regress(fake)
    assert called.code == 4
    assert "accuracy: FAILED: base no score, head no score" in " ".join(called.out.split())
    assert "head 'head': the worker ended with -9" in " ".join(called.out.split())


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--strict"], 3)])
def test_trainings_that_find_no_time_are_inconclusive(regress, elsewhere, monkeypatch, arguments, code):
    """The clock stands still until speed is measured; then the budget has ended."""
    now, train = [0.0], job._train

    def late(*given: Any) -> Any:
        now[0] = 61.0
        return train(*given)

    monkeypatch.setattr("bench.cli.regress.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(job, "_train", late)
    called = regress(_both(elsewhere, STEADY, STEADY), "--budget", 1, "--json", "all.json", *arguments)
    out = " ".join(called.out.split())
    assert called.code == code
    assert "2 INCONCLUSIVE" in out
    assert "the budget ended after 0 seeds a side" in out
    for cell in json.loads((elsewhere / "all.json").read_text())["cells"]:
        outcomes = {gate["name"]: gate["outcome"] for gate in cell["gates"]}
        assert (cell["speed"]["outcome"], outcomes["accuracy"], outcomes["gradients"]) == (
            "OK", "INCONCLUSIVE", "INCONCLUSIVE",
        )  # fmt: skip


def test_a_base_that_cannot_train_or_writes_another_schema_is_one_line_and_exit_code_4(regress, elsewhere):
    fake = _both(elsewhere, STEADY, STEADY)
    for path in (elsewhere / "trained-base").glob("*/1.json"):
        path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    called = regress(fake)
    out = " ".join(called.out.split())
    assert called.code == 4
    assert "base 'base': " in out
    assert "schema" in out
    assert "Traceback" not in called.err


FAULTS = [
    (
        {"base": {"start": "ImportError: cannot import name 'x'"}},
        "base 'base': does not start",
        "cannot import name 'x'",
    ),
    ({"base": {"start": "No module named 'bench.regress'"}}, "base 'base': has no `archbench regress` of its own", ""),
    ({"base": {"hello": {"protocol": 0}}}, "base 'base': its workers speak protocol 0, those of this archbench 1", ""),
    (
        {"head": {"fail": "load"}},
        "head 'head': UsageError: unknown architecture 'lstm'",
        "the other side has this cell",
    ),
    ({"head": {"die": "turn"}}, "head 'head': the worker ended with -9", ""),
    ({"base": {"die": "fingerprint"}}, "base 'base': the worker ended with -9", ""),
    ({"head": {"babble": "warm"}}, "head 'head': its worker answers what is no JSON", ""),
    ({"head": {"seconds": 0.0}}, "the clock is of no use: expected seconds above 0, received 0 s", ""),
    ({"head": {"seconds": -1.0}}, "the clock is of no use: expected seconds above 0, received -", ""),
    ({"head": {"mute": "warm"}}, "head 'head': no answer after 1 s", ""),
]


@pytest.mark.parametrize(("fake", "said", "also"), FAULTS)
def test_a_side_that_cannot_be_measured_is_exit_code_4_with_the_reason(
    regress, monkeypatch, elsewhere, fake, said, also
):
    patience = 1.0 if "mute" in fake.get("head", {}) else 30.0
    monkeypatch.setattr(child.Child.__init__, "__kwdefaults__", {"patience": patience})
    called = regress(fake, "--junit", "all.xml", "--strict")
    out = " ".join(called.out.split())
    assert called.code == 4
    assert said in out
    assert also in out
    assert "2 FAILED" in out
    assert "Traceback" not in called.err
    assert ElementTree.parse(elsewhere / "all.xml").getroot().get("errors") == "2"


def test_no_time_at_all_measures_nothing_and_is_never_green(regress):
    called = regress({}, "--budget", 0)
    assert called.code == 5
    assert "2 INCONCLUSIVE" in called.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--slo", "0.5%"], "--slo: expected a share above 1%, such as 5%, received '0.5%'"),
        (["--slo", "fast"], "--slo: expected a share"),
        (["--budget", "-1"], "--budget: expected a number >= 0"),
        (["--head-faults", "gremlins=1"], "unknown fault 'gremlins'"),
        (["--head", "nowhere"], "--head: expected a commit of this repository or a folder, received 'nowhere'"),
        (["--head", "-x"], "--head: expected a commit"),
        (["--head", "a\nb\x1b[31m"], "--head: expected a commit"),
        (["--head", ""], "--head: expected a commit"),
        (["--head-python", "no-python"], "--head-python: expected a Python, such as venv/bin/python"),
        (["--plugin", "mine.py"], "--plugin: base has no file mine.py"),
    ],
)
def test_a_wrong_flag_is_one_line_and_exit_code_2(regress, arguments, said):
    called = regress({}, *arguments)
    assert called.code == 2
    assert said in called.complaint


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ("[]", "seeds: expected at least one integer >= 0, received an empty list"),
        ("0", "seeds: expected an integer >= 1"),
        ("[-1]", "seeds: expected an integer >= 0"),
    ],
)
@pytest.mark.parametrize("of_grid", [True, False])
def test_a_suite_without_seeds_is_one_line_and_exit_code_2(regress, elsewhere, seeds, said, of_grid):
    line = f"seeds = {seeds}\n"
    (elsewhere / "two.toml").write_text(SUITE + line if of_grid else line + SUITE)
    called = regress({})
    assert called.code == 2
    assert said in called.complaint


def test_a_base_has_to_be_named(archbench):
    called = archbench("regress")
    assert called.code == 2
    assert "--base: expected a git ref or a folder, or --base-python; received neither" in called.complaint
    assert archbench("regress", "nosuite", "--base", ".").code == 2


@pytest.mark.parametrize("flag", ["--json", "--junit", "--markdown"])
@pytest.mark.parametrize("place", ["missing/all", "two.toml/all"])
def test_a_file_without_a_folder_is_one_line_and_exit_code_2_before_anything_is_measured(
    regress, monkeypatch, flag, place
):
    monkeypatch.setattr("bench.cli.regress._measured", lambda _: pytest.fail("measured"))
    called = regress({}, flag, place)
    assert called.code == 2
    assert f"{flag}: expected a file in a folder that can be written to, received {place}" in called.complaint


@pytest.mark.parametrize("printed", [[], ["--markdown", "-"]])
def test_a_file_that_turns_out_not_to_be_writable_loses_nothing_that_is_printed(regress, monkeypatch, printed):
    def full(path: Path, _: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("bench.store.write_atomic", full)
    called = regress({"head": {"facts": {"parameters": 101}}}, "--json", "all.json", *printed)
    assert called.code == 4
    assert "2 REGRESSION" in called.out
    assert called.err == "archbench: cannot write all.json: No space left on device\n"


def test_what_cannot_be_printed_is_written_all_the_same(regress, elsewhere, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench.cli.regress._print", full)
    assert regress({}, "--json", "all.json").code == 4
    assert json.loads((elsewhere / "all.json").read_text())["cells"]


def test_a_closed_pipe_hides_no_regression_and_keeps_no_file_from_being_written(regress, elsewhere):
    """In a process of its own, whose standard output and error nobody reads: `archbench regress ... 2>&1 | head`."""
    regress({"head": {"facts": {"parameters": 101}}}, "--budget", 0)  # leaves the faults in the environment
    program = (
        "import sys; from bench.cli import main; from bench.regress.sides import Side; "
        f"Side.command = lambda side, *_: [sys.executable, '-ISs', {str(WORKER)!r}, side.name]; main()"
    )
    sides = ["--base", "base", "--head", "head", "--plugin", "own.py", "--seed", "1", "--json", "all.json"]
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", program, "regress", "two.toml", *sides]
    done = subprocess.run(command, stdout=writer, stderr=writer, env=environment("tensorflow", 1), check=False)
    os.close(writer)
    assert done.returncode == 1
    assert json.loads((elsewhere / "all.json").read_text())["exit_code"] == 1


def test_github_gets_a_summary_and_escaped_annotations(regress, elsewhere, monkeypatch):
    (elsewhere / "two.toml").write_text(SUITE.replace('"rnn"', '"::error::<script>alert(1)</script>%0A|b"'))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(elsewhere / "summary.md"))
    called = regress({"head": {"seconds": 0.02}})
    errors = [line for line in called.out.splitlines() if line.startswith("::")]
    assert len(errors) == 2
    assert errors[0].startswith("::error title=archbench regress::adding × ::error::<script>alert(1)</script>%250A|b")
    summary = (elsewhere / "summary.md").read_text()
    assert "<script>" not in summary
    assert "&lt;script&gt;" in summary
    (elsewhere / "summary.md").write_text("x" * 899_000)
    regress({"head": {"seconds": 0.02}})
    assert (elsewhere / "summary.md").stat().st_size == 899_000


@pytest.mark.parametrize("before", range(68, 81))
def test_no_wrapped_name_becomes_a_command_to_github(archbench, elsewhere, monkeypatch, before):
    """Wherever the terminal breaks the line: runs of colons at the edge of 80 columns, and the older ##[...]."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    for run in ("::", ":::", "::::", ": ::", "x :::"):
        name = f"{'x' * before}{run}error{run}pwned ##[error]a ###[group]b"
        one = Result.of(name, Speed("FAILED", reason=name), [Gate("FLOPs", "OK", name, name, name)])
        (elsewhere / "all.json").write_text(to_json(Report(name, name, name, 0.05, 4, 1.0, [one])))
        called = archbench("regress", "--render", "all.json")
        assert called.code == 0
        assert "error" in called.out
        lines = called.out.splitlines()
        assert [line for line in lines if line.lstrip().startswith("::") or "##[" in line] == []


def test_progress_is_no_command_to_github_either(archbench, regress, elsewhere, monkeypatch):
    (elsewhere / "two.toml").write_text(SUITE.replace('"rnn"', '"##[error]::error::"'))
    called = archbench("regress", "two.toml", "--base", "base", "--head", "head", "--plugin", "own.py", "--seed", 1)
    assert called.code == 0
    assert "# #[error]: :error: : : IDENTICAL by fingerprint" in called.err
    assert "##[" not in called.err


def test_what_is_rendered_is_what_was_measured_and_exits_with_0(regress, archbench, elsewhere):
    measured = regress({"head": {"seconds": 0.02}}, "--json", "all.json", "--markdown", "all.md", "--junit", "all.xml")
    assert measured.code == 1
    again = archbench("regress", "--render", "all.json", "--markdown", "-", "--junit", "again.xml", "--quiet")
    assert (again.code, again.err) == (0, "")
    assert again.out == (elsewhere / "all.md").read_text()
    assert (elsewhere / "again.xml").read_text() == (elsewhere / "all.xml").read_text()
    table = archbench("regress", "--render", "all.json")
    assert table.out == measured.out
    assert archbench("regress", "--render", "all.json", "--json", "-").out == (elsewhere / "all.json").read_text()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read all.json: No such file or directory; expected a file of `archbench regress --json`"),
        ("", "no report of `archbench regress --json`: Invalid JSON"),
        ("[]", "no report of `archbench regress --json`: Input should be an object"),
        (" " * 4_000_001, "expected a report of at most 4,000,000 bytes, received more"),
    ],
)
def test_what_is_no_report_is_not_rendered(archbench, elsewhere, content, said):
    if content is not None:
        (elsewhere / "all.json").write_text(content)
    called = archbench("regress", "--render", "all.json", "--markdown", "all.md")
    assert called.code == 4
    assert said in called.complaint
    assert not (elsewhere / "all.md").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--base", "main"], "--render: measures nothing, so leave out --base"),
        (["--head-python", "python"], "--render: measures nothing, so leave out --head-python"),
        (["--json", "-", "--markdown", "-"], "--json and --markdown: expected one of them to be -, received both"),
    ],
)
def test_flags_that_exclude_one_another_are_refused(archbench, arguments, said):
    called = archbench("regress", "--render", "all.json", *arguments)
    assert called.code == 2
    assert said in called.complaint


def test_refs_of_git_are_checked_out_and_gone_afterwards(archbench, elsewhere, monkeypatch):
    def git(*arguments: str) -> str:
        settings = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(["git", *settings, *arguments], check=True, capture_output=True, text=True).stdout

    git("init", "-q", "-b", "main")
    (elsewhere / "two.toml").write_text(SUITE)
    (elsewhere / "own.py").touch()
    git("add", ".")
    git("commit", "-qm", "first")
    seen: set[tuple[str, bool]] = set()

    def command(side: Side, *_: object) -> list[str]:
        seen.add((side.name, (side.root / "two.toml").is_file() and side.root != elsewhere))
        return [sys.executable, "-ISs", str(WORKER), side.name]

    monkeypatch.setattr(Side, "command", command)
    monkeypatch.setenv("FAKE_CODE", bench.__file__)
    sides = ["--base", "main", "--head", "HEAD", "--plugin", "own.py"]
    assert archbench("regress", "two.toml", *sides, "--quiet").code == 0
    assert seen == {("base", True), ("head", True)}
    assert len(git("worktree", "list").splitlines()) == 1


@pytest.mark.parametrize("base", [".", "base"])
def test_a_base_without_code_of_its_own_is_one_line_and_exit_code_2_and_measures_nothing(regress, archbench, base):
    called = archbench("regress", "two.toml", "--base", base, "--quiet")
    assert called.code == 2
    assert f"--base: expected code of its own, archbench's bench/ or a --plugin, received '{base}'" in called.complaint


def test_a_side_whose_python_runs_another_bench_is_found_out(regress, elsewhere):
    for folder in ("base", "head"):
        (elsewhere / folder / "bench").mkdir()
        (elsewhere / folder / "bench" / "__init__.py").touch()
    called = regress({})
    assert called.code == 4
    assert f"but its Python runs {bench.__file__}" in "".join(called.out.split("\n"))

"""The action, the one that comments, the workflows and the GitLab template: what they may, and what they run."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from composite import ROOT, Composite, load
from jsonschema import Draft7Validator

from bench.regress.detector import Speed
from bench.regress.gates import Gate
from bench.regress.report import Report, Result, to_json

ACTION, COMMENT, GITLAB = "action.yml", ".github/actions/comment/action.yml", "ci/gitlab.yml"
WORKFLOWS = [str(path.relative_to(ROOT)) for path in sorted((ROOT / ".github/workflows").iterdir())]
SUPPORT = Path(__file__).parent / "support"
HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "a b  c",
    "'; touch pwned #",
    '"; touch pwned; "',
    "a\nb=c",
    "-x",
    "$HOME",
    "*",
]


def _steps(path: str) -> Iterator[dict[str, Any]]:
    found = load(path)
    if "runs" in found:
        yield from found["runs"]["steps"]
    yield from _of_jobs(found)


# What the files say.


@pytest.mark.parametrize(
    ("path", "schema"),
    [(ACTION, "github-actions"), (COMMENT, "github-actions"), (GITLAB, "gitlab-ci")]
    + [(path, "github-workflows") for path in WORKFLOWS],
)
def test_the_published_schema_accepts_the_file(path, schema):
    errors = Draft7Validator(get_builtin_schema(f"vendor.{schema}")).iter_errors(load(path))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize("path", [ACTION, COMMENT, *WORKFLOWS])
def test_no_expression_is_ever_text_of_a_shell(path):
    steps = list(_steps(path))
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []
    assert steps


@pytest.mark.parametrize("path", [ACTION, COMMENT, *WORKFLOWS])
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path):
    lines = re.findall(r"uses: (.*)", (ROOT / path).read_text())
    assert len(lines) == sum("uses" in step for step in _steps(path))
    for line in lines:
        assert line.startswith("./") or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
        assert not line.startswith("./") or (ROOT / line / "action.yml").is_file()


@pytest.mark.parametrize("path", [ACTION, COMMENT])
def test_every_input_is_used_and_every_one_that_is_used_exists(path):
    found = load(path)
    used = set(re.findall(r"inputs\.([\w-]+)", json.dumps(found["runs"])))
    assert used == found["inputs"].keys()


@pytest.mark.parametrize("path", WORKFLOWS)
def test_a_local_action_is_given_inputs_that_it_has(path):
    for step in _steps(path):
        if step.get("uses", "").startswith("./"):
            assert step.get("with", {}).keys() <= load(f"{step['uses']}/action.yml")["inputs"].keys()


def test_what_runs_the_code_of_a_pull_request_may_only_read():
    for path in (".github/workflows/ci.yml", ".github/workflows/regress.yml"):
        found = load(path)
        assert "pull_request" in found["on"]
        assert found["permissions"] == {"contents": "read"}
        assert all("permissions" not in job for job in found["jobs"].values())
        assert "secrets." not in (ROOT / path).read_text()


def test_what_may_comment_runs_no_code_of_a_pull_request():
    found = load(".github/workflows/comment.yml")
    assert found["on"] == {"workflow_run": {"workflows": ["regress"], "types": ["completed"]}}
    assert load(".github/workflows/regress.yml")["name"] == "regress"
    assert found["permissions"] == {}
    (job,) = found["jobs"].values()
    assert job["permissions"] == {"contents": "read", "actions": "read", "pull-requests": "write"}
    (checkout,) = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert checkout["with"] == {"persist-credentials": False}  # no ref: that of the default branch
    assert "workflow_run.event == 'pull_request'" in job["if"]


@pytest.mark.parametrize("path", WORKFLOWS)
def test_no_workflow_gives_away_its_token_or_runs_for_ever(path):
    found = load(path)
    assert "pull_request_target" not in found["on"]
    assert all("timeout-minutes" in job for job in found["jobs"].values())
    for step in _steps(path):
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_the_recipes_use_what_there_is_and_name_every_input():
    text = (ROOT / "docs" / "ci.md").read_text()
    inputs, comments = (load(path)["inputs"] for path in (ACTION, COMMENT))
    template = load(GITLAB)[".archbench-regress"]["variables"]
    recipes = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    steps = [step for recipe in recipes for step in (recipe if isinstance(recipe, list) else _of_jobs(recipe))]
    used = {step["uses"]: [] for step in steps if "uses" in step}
    for step in steps:
        if "uses" in step:
            used[step["uses"]] += step.get("with", {})
    assert (
        {"base", "budget", "suite", "plugins", "base-python"} <= set(used["OWNER/archbench@VERSION"]) <= inputs.keys()
    )
    assert set(used["OWNER/archbench/.github/actions/comment@VERSION"]) <= comments.keys()
    assert [name for name in inputs if f"`{name}`" not in text] == []
    own = [name.removeprefix("ARCHBENCH") for name in template if name.startswith("ARCHBENCH")]
    assert [name for name in own if name not in text] == []
    assert len(own) > 5
    assert set(re.findall(r"ARCHBENCH_[A-Z_]+", text)) <= template.keys()
    for step in steps:  # one installed archbench, compared with itself, is refused
        given = step.get("with", {})
        assert "base" not in given or {"suite", "plugins"} <= given.keys() or "base-python" in given


def _of_jobs(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow.get("jobs", {}).values() for step in job["steps"]]


# What they run.


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """`stage(FAKE_CODE="3")` is an environment where python and gh are the ones of tests/support."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name in ("python", "gh"):
        program = bin_folder / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{SUPPORT}/fake_{name}.py" "$@"\n')
        program.chmod(0o755)
    files = {name: str(tmp_path / name.lower()) for name in ("CALLS", "PAGES", "SENT", "ASKED", "GITHUB_STEP_SUMMARY")}

    def environment(**more: str) -> dict[str, str]:
        return {**files, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", **more}

    return environment


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _measured(tmp_path: Path) -> list[str]:
    """What archbench was called with."""
    (call,) = (call for call in _lines(tmp_path / "calls") if "bench" in call)
    return call[4:]


@pytest.fixture
def action(tmp_path: Path, stage: Callable[..., dict[str, str]]) -> Callable[..., Composite]:
    return lambda **environment: Composite(ACTION, tmp_path, environment=stage(**environment))


def test_the_action_installs_itself_and_measures_with_what_it_is_given(action, tmp_path):
    one = action(FAKE_CODE="0")
    given = {"base": "main", "head": "topic", "suite": "mine.toml", "plugins": "a.py\n\nb c.py\n", "budget": "7"}
    more = {"slo": "10%", "strict": "true", "base_python": "old/bin/python", "head_python": "new/bin/python"}
    assert one.run(**given, **more) == 0
    assert _lines(tmp_path / "calls")[0][:3] == ["-m", "pip", "install"]
    assert _lines(tmp_path / "calls")[0][-1] == str(ROOT)
    json_file = one.outputs["steps.measure.outputs.json"]
    assert _measured(tmp_path) == [
        f"--json={json_file}", "--slo=10%", "--base=main", "--head=topic", "--base-python=old/bin/python",
        "--head-python=new/bin/python", "--budget=7", "--strict", "--plugin=a.py", "--plugin=b c.py", "--", "mine.toml",
    ]  # fmt: skip
    assert one.used == [
        (one.used[0][0], {"name": "archbench-regress", "path": json_file, "if-no-files-found": "ignore"})
    ]
    assert one.used[0][0].startswith("actions/upload-artifact@")


def test_an_input_that_is_left_out_is_no_flag(action, tmp_path):
    one = action(FAKE_CODE="0")
    assert one.run() == 0
    json_file = one.outputs["steps.measure.outputs.json"]
    assert _measured(tmp_path) == [f"--json={json_file}", "--slo=5%", "--", "sentinel"]


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5])
def test_the_exit_code_is_passed_on_after_the_numbers_are_kept(action, code):
    one = action(FAKE_CODE=str(code))
    assert one.run(base="main") == code
    assert one.outputs["steps.measure.outputs.exit-code"] == str(code)
    assert len(one.used) == 1


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (1, 0), (2, 2), (3, 0), (4, 4), (5, 5)])
def test_a_verdict_that_does_not_fail_the_job_is_said_but_what_was_not_measured_fails_it(action, code, expected):
    one = action(FAKE_CODE=str(code))
    assert one.run(base="main", fail="false") == expected
    assert ("::warning" in one.log) == (code in (1, 3))


SLOWER, LOST = Result.of("a", Speed("REGRESSION", 10, ratio=1.2)), Result.of("b", Speed("FAILED", reason="gone"))
UNTRAINED = Result.of("c", Speed("REGRESSION", 10, ratio=1.2), [Gate("accuracy", "FAILED", "no score", "no score")])
QUOTES = Result.of('"outcome": "FAILED"', Speed("REGRESSION", 10, ratio=1.2, reason='"outcome": "FAILED"'))


@pytest.mark.parametrize("code", [1, 3])
@pytest.mark.parametrize(
    ("cells", "excused"),
    [([SLOWER], True), ([QUOTES], True), ([SLOWER, LOST], False), ([UNTRAINED], False), (None, False)],
    ids=["regressed", "a name with quotes", "another failed", "its training failed", "no numbers"],
)
def test_a_regression_is_not_excused_where_a_cell_failed_or_there_are_no_numbers(action, code, cells, excused):
    content = "" if cells is None else to_json(Report("main", ".", "sentinel", 0.05, code, 1.0, cells))
    one = action(FAKE_CODE=str(code), FAKE_JSON=content)
    assert one.run(base="main", fail="false") == (0 if excused else code)
    assert ("::warning" in one.log) == excused


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_inputs_are_arguments_and_nothing_else(action, tmp_path, hostile):
    one = action(FAKE_CODE="0")
    names = ("base", "head", "suite", "budget", "slo", "base_python", "head_python")
    assert one.run(**dict.fromkeys(names, hostile), plugins=hostile) == 0
    called = _measured(tmp_path)
    flags = ("--slo", "--base", "--head", "--base-python", "--head-python", "--budget")
    assert called[1:7] == [f"{flag}={hostile}" for flag in flags]
    assert called[7:] == [*(f"--plugin={line}" for line in hostile.split("\n")), "--", hostile]
    assert one.outputs.keys() == {"steps.measure.outputs.exit-code", "steps.measure.outputs.json"}
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("name", ["strict", "fail"])
@pytest.mark.parametrize("value", ["", "yes", "$(touch pwned)", "true\nfalse"])
def test_a_switch_that_is_neither_true_nor_false_measures_nothing(action, tmp_path, name, value):
    one = action(FAKE_CODE="0")
    assert one.run(**{name: value}) == 2
    assert "expected true or false" in one.log
    assert [call for call in _lines(tmp_path / "calls") if "bench" in call] == []


def test_an_archbench_that_cannot_be_installed_fails_the_job(action, tmp_path):
    assert action(FAKE_CODE="0", PIP_CODE="1").run(base="main") == 1
    assert len(_lines(tmp_path / "calls")) == 1


# The comment.

EVENT = {
    "github.token": "a token",
    "github.repository": "we/bench",
    "github.event.workflow_run.head_repository.owner.login": "fork",
    "github.event.workflow_run.head_branch": "topic $(touch pwned)",
    "github.event.workflow_run.head_sha": "abc",
    "github.event.workflow_run.id": "77",
}
PULLS = [
    {"number": 4, "head": {"sha": "other"}},
    {"number": 5, "head": {"sha": "abc"}},
    {"number": 3, "head": {"sha": "abc"}},
]
MARKER = "<!-- archbench regress: archbench-regress -->"
NASTY = "</table><script>alert(1)</script> @everybody [x](javascript:y) ![](http://b/c.png)\n# a|b"


@pytest.fixture
def comment(tmp_path: Path, stage: Callable[..., dict[str, str]]) -> Callable[..., Composite]:
    """`comment(content)` is the action, about to find an artifact with that regress.json and these comments."""

    def make(content: str | bytes | None, comments: list[Any] = [], **changed: Any) -> Composite:  # noqa: B006
        archive = tmp_path / "all.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("../../evil.json", "{}")
            if content is not None:
                file.writestr("regress.json", content)
        artifacts = [{"id": 1, "size_in_bytes": 5}, {"id": 9, "size_in_bytes": archive.stat().st_size}]
        pages = {
            "repos/we/bench/pulls": [PULLS],
            "repos/we/bench/actions/runs/77/artifacts": [{"artifacts": artifacts}],
            "repos/we/bench/actions/artifacts/9/zip": str(archive),
            "repos/we/bench/issues/5/comments?per_page=100": [comments[:1], comments[1:]],
            **changed,
        }
        (tmp_path / "pages").write_text(json.dumps(pages))
        return Composite(COMMENT, tmp_path, EVENT, stage())

    return make


def _report(name: str = "adding × rnn") -> str:
    return to_json(Report(name, name, name, 0.05, 1, 2.5, [Result.of(name, Speed("FAILED", reason=name))]))


def test_a_report_becomes_a_comment_on_the_pull_request_that_the_event_names(comment, tmp_path):
    assert comment(_report()).run() == 0
    ((method, endpoint, body),) = _lines(tmp_path / "sent")
    assert (method, endpoint) == ("POST", "repos/we/bench/issues/5/comments")
    assert body.startswith(f"{MARKER}\n### archbench regress: ")
    assert "| adding × rnn |" in body
    asked = dict(_lines(tmp_path / "asked"))
    assert asked["repos/we/bench/pulls"] == ["state=open", "head=fork:topic $(touch pwned)"]
    assert asked["repos/we/bench/actions/runs/77/artifacts"] == ["name=archbench-regress"]
    assert not list(tmp_path.rglob("pwned"))
    assert not list(tmp_path.parent.rglob("evil.json"))


def test_the_comment_of_before_is_written_anew_and_nobody_elses(comment, tmp_path):
    said = [
        {"id": 20, "user": {"type": "User"}, "body": f"{MARKER}\nmine"},
        {"id": 21, "user": {"type": "Bot"}, "body": f"another bot quotes {MARKER}"},
        {"id": 22, "user": {"type": "Bot"}, "body": f"{MARKER}\nold"},
        {"id": 23, "user": {"type": "Bot"}, "body": f"{MARKER}\nolder still"},
    ]
    assert comment(_report(), said).run() == 0
    ((method, endpoint, _),) = _lines(tmp_path / "sent")
    assert (method, endpoint) == ("PATCH", "repos/we/bench/issues/comments/22")


def test_names_in_a_comment_are_no_markup_and_call_nobody(comment, tmp_path):
    assert comment(_report(NASTY)).run() == 0
    ((_, _, body),) = _lines(tmp_path / "sent")
    assert "<script" not in body
    assert "</table" not in body
    assert not re.search(r"@\w|(?<!\\)\]\(|^# |http://", body, re.MULTILINE)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "Invalid JSON"),
        ("", "Invalid JSON"),
        ("<b>", "Invalid JSON"),
        (_report()[:-3] + ', "number": 1}', "number: Unexpected keyword argument"),
        (_report().replace('"slo": 0.05', '"slo": NaN'), "slo: "),
        (_report().replace('"outcome": "FAILED"', '"outcome": "OK"', 1), "expected the outcome FAILED"),
        (_report() + " " * 4_000_001, "expected a report of at most 4,000,000 bytes"),
    ],
)
def test_a_file_that_no_archbench_wrote_is_refused_and_no_comment_is_made(comment, tmp_path, content, said):
    one = comment(content)
    assert one.run() == 4
    assert said in one.log
    assert "Traceback" not in one.log
    assert _lines(tmp_path / "sent") == []


def test_an_artifact_that_is_too_large_is_not_even_fetched(comment, tmp_path):
    pages = {"repos/we/bench/actions/runs/77/artifacts": [{"artifacts": [{"id": 9, "size_in_bytes": 1_000_001}]}]}
    one = comment(_report(), **pages)
    assert one.run() == 4
    assert "more than 1,000,000 bytes" in one.log
    assert "repos/we/bench/actions/artifacts/9/zip" not in dict(_lines(tmp_path / "asked"))


@pytest.mark.parametrize("pulls", [[], PULLS[:1], [{"number": "1/../2", "head": {"sha": "abc"}}]])
def test_where_no_pull_request_stands_at_the_commit_nothing_is_said(comment, tmp_path, pulls):
    one = comment(_report(), **{"repos/we/bench/pulls": [pulls]})
    assert one.run() == 0
    assert "::notice" in one.log
    assert _lines(tmp_path / "sent") == []


def test_a_job_that_left_no_report_is_no_error(comment, tmp_path):
    one = comment(_report(), **{"repos/we/bench/actions/runs/77/artifacts": [{"artifacts": []}]})
    assert one.run() == 0
    assert "left no report" in one.log
    assert _lines(tmp_path / "sent") == []


def test_from_measuring_to_the_comment(action, comment, tmp_path):
    (tmp_path / "one.toml").write_text('summary = "one"\n[[grid]]\ntasks = ["adding"]\narchitectures = ["rnn"]\n')
    for folder in ("base", "head"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.py").touch()
    measuring = action(FAKE=json.dumps({"head": {"seconds": 0.02}}))
    assert measuring.run(base="base", head="head", suite="one.toml", plugins="own.py") == 1
    content = Path(measuring.outputs["steps.measure.outputs.json"]).read_text()
    assert "REGRESSION" in (tmp_path / "github_step_summary").read_text()
    assert comment(content).run() == 0
    ((_, _, body),) = _lines(tmp_path / "sent")
    assert re.search(r"\| adding × rnn \|.*\| REGRESSION \|$", body, re.MULTILINE)


# GitLab.


def _gitlab(folder: Path, shell: list[str], environment: dict[str, str], **variables: str) -> int:
    job = load(GITLAB)[".archbench-regress"]
    given = {**job["variables"], "ARCHBENCH_BASE": "main", "ARCHBENCH_INSTALL": "archbench @ x", **variables}
    assert given.keys() == job["variables"].keys()
    (script,) = job["script"]
    (folder / "job.sh").write_text(script)
    ran = subprocess.run(
        [*shell, str(folder / "job.sh")], cwd=folder, env={**os.environ, **environment, **given}, check=False
    )
    return ran.returncode


SHELLS = [["bash", "--noprofile", "--norc", "-euo", "pipefail"], ["sh", "-eu"]]


@pytest.mark.parametrize("shell", SHELLS, ids=["bash", "sh"])
@pytest.mark.parametrize("code", [0, 1, 3, 4, 5])
def test_the_template_measures_and_passes_the_exit_code_on(stage, tmp_path, shell, code):
    given = {"ARCHBENCH_PLUGINS": "a.py\nb c.py", "ARCHBENCH_STRICT": "true", "ARCHBENCH_HEAD_PYTHON": "new/python"}
    assert _gitlab(tmp_path, shell, stage(FAKE_CODE=str(code)), **given) == code
    assert _lines(tmp_path / "calls")[0][-1] == "archbench @ x"
    assert _measured(tmp_path) == [
        "--json=regress.json", "--junit=regress.xml", "--markdown=regress.md", "--slo=5%", "--base=main",
        "--head-python=new/python", "--budget=40", "--strict", "--plugin=a.py", "--plugin=b c.py", "--", "sentinel",
    ]  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS, ids=["bash", "sh"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_variables_are_arguments_and_nothing_else(stage, tmp_path, shell, hostile):
    names = ("BASE", "HEAD", "SUITE", "BUDGET", "SLO", "BASE_PYTHON", "HEAD_PYTHON", "PLUGINS", "INSTALL")
    given = {f"ARCHBENCH_{name}": hostile for name in names}
    assert _gitlab(tmp_path, shell, stage(FAKE_CODE="0"), **given) == 0
    called = _measured(tmp_path)
    flags = ("--slo", "--base", "--head", "--base-python", "--head-python", "--budget")
    assert called[3:9] == [f"{flag}={hostile}" for flag in flags]
    assert called[9:] == [*(f"--plugin={line}" for line in hostile.split("\n")), "--", hostile]
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("shell", SHELLS, ids=["bash", "sh"])
@pytest.mark.parametrize("value", ["", "True", "yes", "1", "true\nfalse", *HOSTILE])
def test_a_switch_of_the_template_that_is_neither_true_nor_false_measures_nothing(stage, tmp_path, shell, value):
    assert _gitlab(tmp_path, shell, stage(FAKE_CODE="0"), ARCHBENCH_STRICT=value) == 2
    assert _lines(tmp_path / "calls") == []
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("shell", SHELLS, ids=["bash", "sh"])
def test_the_template_does_not_guess_what_to_install(stage, tmp_path, shell):
    assert _gitlab(tmp_path, shell, stage(FAKE_CODE="0"), ARCHBENCH_INSTALL="") != 0
    assert _lines(tmp_path / "calls") == []


def test_inconclusive_is_a_warning_there_and_nothing_else_is():
    assert load(GITLAB)[".archbench-regress"]["allow_failure"] == {"exit_codes": 3}

"""Base and head: where their code lies, and that each runs its own."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from cells import BACKEND

from bench.errors import UsageError
from bench.regress.gates import identical
from bench.regress.live import Live, subjects
from bench.regress.sides import checked_out
from bench.suite import Suite

ROOT = Path(__file__).parents[2]


def _sides(
    base: str | None, head: str | None = ".", *, plugins: Sequence[Path] = (), python: str | None = None
) -> None:
    with checked_out([("base", base, python, ""), ("head", head, None, "")], plugins):
        pass


def _touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


@pytest.fixture
def git(elsewhere: Path) -> Callable[..., str]:
    """`git("add", ".")` in a new repository, which is the current folder."""

    def call(*arguments: str) -> str:
        settings = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(["git", *settings, *arguments], check=True, capture_output=True, text=True).stdout

    call("init", "-q", "-b", "main")
    return call


@pytest.mark.parametrize("base", ["a", "checkout/bench"])  # the latter lies a level too deep
def test_a_folder_with_neither_a_bench_nor_a_plugin_is_no_side(elsewhere, base):
    _touch(elsewhere / "bench" / "__init__.py", elsewhere / "checkout" / "bench" / "__init__.py", elsewhere / "a" / "b")
    for sides, name in (((base, "."), "base"), ((".", base), "head")):
        with pytest.raises(
            UsageError, match=f"^--{name}: expected archbench's bench/, .* received '{base}' without it"
        ):
            _sides(*sides)
    with pytest.raises(UsageError, match=r"^--base: expected code of its own, .* received 'a' without it"):
        _sides("a", base)
    _sides("checkout")


def test_the_installed_archbench_is_not_compared_with_itself(elsewhere):
    with pytest.raises(UsageError, match="base and head would be the same installed archbench"):
        _sides(".")
    for python in (sys.executable, str(Path(sys.executable).with_name("python3"))):  # one environment by either name
        with pytest.raises(UsageError, match="base and head would be the same installed archbench"):
            _sides(None, python=python)


def test_a_plugin_that_is_the_same_file_for_both_is_no_code_of_their_own(elsewhere):
    _touch(elsewhere / "base" / "own.py", elsewhere / "own.py", elsewhere.parent / "both.py")
    _sides("base", plugins=[Path("own.py")])
    for one in (elsewhere.parent / "both.py", elsewhere / "base" / "own.py"):
        with pytest.raises(UsageError, match=r"^--base: expected code of its own"):
            _sides("base", plugins=[one])


def test_a_bench_on_one_side_alone_is_refused_whatever_plugins_there_are(elsewhere):
    _touch(elsewhere / "bench" / "__init__.py", elsewhere / "own.py", elsewhere / "base" / "own.py")
    for sides, lacking in ((("base", "."), "base"), ((".", "base"), "head")):
        with pytest.raises(
            UsageError, match=f"^--{lacking}: expected archbench's bench/, which .* has, received 'base'"
        ):
            _sides(*sides, plugins=[Path("own.py")])


def test_two_environments_need_no_code_in_the_folders(elsewhere, tmp_path):
    other = tmp_path / "old" / "bin" / "python"
    other.parent.mkdir(parents=True)
    other.symlink_to(sys.executable)
    _sides(None, python=str(other))
    _sides(".", python=str(other))


def test_a_commit_in_which_the_bench_does_not_lie_at_the_top_is_refused(git, elsewhere):
    _touch(elsewhere / "src" / "bench" / "__init__.py")
    git("add", ".")
    git("commit", "-qm", "below")
    git("mv", "src/bench", "bench")
    with pytest.raises(UsageError, match=r"^--base: expected archbench's bench/, .* received 'main'") as caught:
        _sides("main")
    assert "\n" not in str(caught.value)
    assert len(git("worktree", "list").splitlines()) == 1


def test_from_a_subfolder_both_sides_are_that_subfolder(git, elsewhere, monkeypatch):
    inside = elsewhere / "mono" / "ml"
    _touch(inside / "bench" / "__init__.py", inside / "own.py")
    git("add", ".")
    git("commit", "-qm", "one")
    monkeypatch.chdir(inside)
    asked = [("base", "main", None, ""), ("head", ".", None, "")]
    with checked_out(asked, [Path("own.py")]) as (base, head):
        assert head.root == inside
        assert base.root.parts[-3:] == ("base", "mono", "ml")
        for side in (base, head):
            assert side.own_bench == side.root / "bench" / "__init__.py"
            assert side.plugins == (side.root / "own.py",)


def test_a_commit_without_the_current_folder_is_refused(git, elsewhere, monkeypatch):
    _touch(elsewhere / "bench" / "__init__.py")
    git("add", ".")
    git("commit", "-qm", "one")
    _touch(elsewhere / "new" / "bench" / "__init__.py")
    monkeypatch.chdir(elsewhere / "new")
    with pytest.raises(
        UsageError, match=re.escape("expected a commit with the current folder, 'new/', received 'main'")
    ):
        _sides("main")


def test_real_workers_run_the_bench_and_the_plugin_of_their_own_side(elsewhere, tmp_path, plugin):
    """Base calls the last layer by another name, and its task has targets half as large."""
    for side, name, scale in (("base", "other", 1), ("head", "readout", 2)):
        for package in ("bench", "tasks"):
            shutil.copytree(ROOT / package, elsewhere / side / package, ignore=shutil.ignore_patterns("__pycache__"))
        recurrent = elsewhere / side / "bench" / "architectures" / "recurrent.py"
        recurrent.write_text(recurrent.read_text().replace('name="readout"', f'name="{name}"'))
        task = plugin("own.py", "TASK = task()").read_text().replace("x.sum(", f"{scale} * x.sum(")
        (elsewhere / side / "own.py").write_text(task)
    grid = {"tasks": ["own"], "architectures": [{"name": "rnn", "units": 4}], "training": {"steps": 3, "batch_size": 4}}
    (cell,) = subjects(Suite.model_validate({"summary": "", "grid": [grid], "backend": BACKEND}))
    asked = [("base", "base", None, ""), ("head", "head", None, "")]
    with checked_out(asked, [Path("own.py")]) as (base, head):
        facts = Live(base, head, tmp_path, np.random.default_rng(0)).fingerprint(cell)
    assert [fact["variables"][-1] for fact in facts] == ["other/bias", "readout/bias"]
    assert facts[0]["data"] != facts[1]["data"]
    assert facts[0]["conditions"] == facts[1]["conditions"]
    assert len(facts[0]["losses"]) == len(facts[1]["losses"]) == 3
    assert not identical(*facts)

"""What git says of the code."""

import subprocess
from pathlib import Path

import pytest

from bench.commit import commit_of, git
from bench.errors import UsageError


@pytest.fixture
def repository(elsewhere: Path) -> Path:
    for arguments in (
        ["init", "--quiet"],
        ["config", "user.email", "a@b"],
        ["config", "user.name", "a"],
        ["config", "commit.gpgsign", "false"],
    ):
        subprocess.run(["git", *arguments], check=True)
    (elsewhere / "code.py").write_text("1")
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", "commit", "--quiet", "-m", "one"], check=True)
    return elsewhere


def test_the_commit_that_is_checked_out_is_found_with_its_date(repository):
    found = commit_of(None)
    assert found.id == git("rev-parse", "HEAD")
    assert found.made_at is not None
    assert found.made_at.tzinfo is not None
    assert commit_of("HEAD") == commit_of(found.id[:8]) == found
    assert not found.changed


def test_a_file_that_is_no_longer_as_committed_is_noticed_and_a_new_one_is_not(repository):
    (repository / "results.json").write_text("{}")
    assert not commit_of(None).changed
    (repository / "code.py").write_text("2")
    assert commit_of(None).changed
    assert not commit_of("HEAD").changed


def test_hex_digits_stand_for_themselves_where_git_knows_no_such_commit(elsewhere):
    assert commit_of("0123abc") == ("0123abc", None, False)


@pytest.mark.parametrize("ref", [None, "v1.0", "--help", "abc", "0123ABC", "HEAD\0", "x" * 300, "", "a\nb"])
def test_anything_else_is_refused_in_one_line(elsewhere, ref):
    with pytest.raises(UsageError, match="--commit: expected a commit") as caught:
        commit_of(ref)
    assert "\n" not in str(caught.value)


def test_without_git_there_is_no_commit(elsewhere, monkeypatch):
    monkeypatch.setenv("PATH", str(elsewhere))
    assert git("status") is None

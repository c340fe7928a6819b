"""`archbench history`."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from baselines import commit_id, history_of, realistic, written
from sides import record

from bench.execute.process import environment
from bench.record import Record

Archbench = Callable[..., Any]
ACK = f"""
[[known]]
cell = "adding/lstm"
quantity = "parameters"
commit = "{commit_id(32)[:9]}"
reason = "the layer <b>norm</b>"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written([*realistic()], tmp_path_factory.mktemp("baselines"))


def test_changes_are_shown_by_cell_in_80_columns(
    archbench: Archbench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    called = archbench("history", folder)
    assert (called.code, called.err) == (0, "")
    assert "over 40 baselines of 2 machines, 2026-03-02 to 2026-04-10" in called.out
    assert max(map(len, called.out.splitlines())) <= 80
    rows = {tuple(line.split()[:2]): line for line in called.out.splitlines() if line[:10].isalnum()}
    assert "score" in rows[commit_id(22)[:10], "2026-03-24"]
    assert "parameters" in rows[commit_id(32)[:10], "2026-04-03"]


def test_a_change_fails_only_where_its_kind_is_asked_for(archbench: Archbench, folder: Path, tmp_path: Path) -> None:
    assert archbench("history", folder, "--fail-on", "worse").code == 1
    assert archbench("history", folder, "--fail-on", "better,changed").code == 1
    steady = written([*realistic(12)][10:], tmp_path / "steady")
    assert archbench("history", steady, "--fail-on", "worse,better,changed").code == 0
    called = archbench("history", folder, "--fail-on", "red")
    assert (called.code, "expected worse, better, changed, received 'red'" in called.complaint) == (2, True)


def test_a_cell_that_starts_to_fail_fails_and_is_shown(
    archbench: Archbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    def make(place: float) -> list[Record]:
        lost = {"status": "diverged", "reason": "loss is nan"} if place >= 9 else {}
        return [record(0.3, seed, task="adding", architecture="lstm", **lost) for seed in range(3)]

    folder = written([*history_of(range(12), make).values()], tmp_path / "baselines")
    called = archbench("history", folder, "--fail-on", "worse")
    assert called.code == 1
    assert "1 change to look at: 1 worse." in called.out
    assert f"at {commit_id(9)[:10]}: 3 of 3 seeds without a score" in called.out
    row = next(line for line in called.out.splitlines() if line.startswith(commit_id(9)[:10]))
    assert row.split()[2:] == ["score", "0.300", "→", "none", "–", "worse"]
    about = json.loads(archbench("history", folder, "--json").out)
    (change,) = (change for series in about["series"] for change in series["changes"])
    assert (change["after"], change["alert"], change["direction"]) == (None, True, "worse")
    page = archbench("history", folder, "--html", tmp_path / "h.html")
    assert page.code == 0
    table = (tmp_path / "h.html").read_text().partition('<table id="changed"')[2].partition("</table>")[0]
    assert "3 of 3 seeds without a score" in table
    (folder / "ack.toml").write_text(ACK.replace("parameters", "score").replace(commit_id(32)[:9], commit_id(9)[:9]))
    assert archbench("history", folder, "--fail-on", "worse").code == 0


def test_what_is_acknowledged_is_no_alert_and_what_did_not_happen_is_said(archbench: Archbench, tmp_path: Path) -> None:
    copy = written([*realistic()], tmp_path / "copy")
    before = json.loads(archbench("history", copy, "--json").out)["alerts"]
    (copy / "ack.toml").write_text(ACK + ACK.replace("adding/lstm", "copy/<script>"))
    called = archbench("history", copy, "--json")
    about = json.loads(called.out)
    assert about["alerts"] == before - 1
    assert [each["cell"] for each in about["unmatched"]] == ["copy/<script>"]
    assert "no change of parameters of copy/<script>" in called.err
    assert "known, parameters: the layer <b>norm</b>" in archbench("history", copy).out
    (copy / "ack.toml").write_text("[[known]]\n")
    assert archbench("history", copy).code == 2


def test_the_page_is_written_and_its_path_printed(archbench: Archbench, folder: Path, tmp_path: Path) -> None:
    called = archbench("history", folder, "--html", tmp_path / "sub" / "h.html")
    assert called.out.splitlines()[-1] == str(tmp_path / "sub" / "h.html")
    first = (tmp_path / "sub" / "h.html").read_bytes()
    assert first.startswith(b"<!DOCTYPE html>")
    called = archbench("history", folder, "--html", tmp_path / "sub" / "h.html", "--json")
    json.loads(called.out)
    assert (tmp_path / "sub" / "h.html").read_bytes() == first
    (tmp_path / "file").write_text("")
    assert archbench("history", folder, "--html", tmp_path / "file" / "h.html").code == 4


def test_a_damaged_baseline_is_left_out_aloud(archbench: Archbench, tmp_path: Path) -> None:
    copy = written([*realistic(3)], tmp_path / "copy")
    sorted(copy.iterdir())[0].write_text("{")
    called = archbench("history", copy)
    assert called.code == 4
    assert "over 2 baselines" in called.out
    assert called.err.count("left out") == 1


def test_a_folder_without_baselines_is_nothing_measured(archbench: Archbench, tmp_path: Path) -> None:
    assert archbench("history", tmp_path).code == 5
    assert archbench("history", tmp_path / "none").code == 2


def test_no_framework_is_imported(folder: Path, tmp_path: Path) -> None:
    page = str(tmp_path / "h.html")
    code = (
        f"import sys; sys.argv = ['archbench', 'history', {str(folder)!r}, '--html', {page!r}]\n"
        "from bench.cli import main\ntry: main()\nexcept SystemExit as end: assert end.code == 0\n"
        "assert not {'tensorflow', 'keras', 'jax', 'torch'} & sys.modules.keys()"
    )
    subprocess.run(
        [sys.executable, "-P", "-c", code], check=True, env=environment("tensorflow", 1), stdout=subprocess.DEVNULL
    )

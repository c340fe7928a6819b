"""`archbench baseline`, and `archbench compare` against one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from baselines import commit_id, measured, run_of
from junitparser import JUnitXml
from sides import conditions, record, side

Archbench = Callable[..., Any]
BASE = [0.91, 0.93, 0.92, 0.90, 0.94]
WORSE = [0.80, 0.83, 0.815, 0.80, 0.83]
COMMIT = commit_id(0)
OTHER: dict[str, str | int] = {"processor": "other", "cores": 8}


@pytest.fixture
def saved(archbench: Archbench, elsewhere: Path) -> Path:
    """A baseline of a run whose step takes 0.6 products."""
    run = run_of(elsewhere / "run", [measured(each, ratio=0.6) for each in side(BASE)])
    called = archbench("baseline", "save", run, "--commit", COMMIT)
    assert (called.code, called.err) == (0, "")
    return Path(called.out.strip())


def test_a_baseline_lands_in_the_folder_of_reference_results(saved: Path) -> None:
    assert saved.parent == Path("results/reference/baselines")
    assert saved.is_file()
    assert saved.name.split("-")[1] == COMMIT[:12]


def test_saving_again_is_fine_and_another_one_of_the_name_is_refused(
    archbench: Archbench, saved: Path, elsewhere: Path
) -> None:
    assert archbench("baseline", "save", "run", "--commit", COMMIT).out.strip() == str(saved)
    run = run_of(elsewhere / "again", side(WORSE))
    called = archbench("baseline", "save", run, "--commit", COMMIT)
    assert (called.code, "never overwritten" in called.complaint) == (4, True)
    assert archbench("baseline", "save", run, "--commit", COMMIT, "--to", "other").code == 0


def test_without_a_subcommand_there_is_the_help_page(archbench: Archbench) -> None:
    called = archbench("baseline")
    assert (called.code, called.err) == (0, "")
    assert {"save", "show"} <= set(called.out.split())


def test_without_a_commit_or_a_run_the_error_says_what_to_do(archbench: Archbench, elsewhere: Path) -> None:
    run = run_of(elsewhere / "run", side(BASE))
    called = archbench("baseline", "save", run)
    assert (called.code, "7 to 64 hex digits" in called.complaint) == (2, True)
    assert archbench("baseline", "save", "none", "--commit", COMMIT).code == 2
    empty = run_of(elsewhere / "empty", [])
    assert archbench("baseline", "save", empty, "--commit", COMMIT).code == 2
    assert "No such command" in archbench("baseline", "load").complaint


def test_what_is_doubtful_is_said_beside_the_path(archbench: Archbench, elsewhere: Path) -> None:
    run = run_of(elsewhere / "run", [*side(BASE[:4]), record(0.1, 4, status="failed", reason="x")])
    called = archbench("baseline", "save", run, "--commit", COMMIT)
    assert called.code == 0
    assert "1 of 5 cells have no score" in called.err


def test_a_baseline_is_shown_in_80_columns_and_as_json(
    archbench: Archbench, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = archbench("baseline", "show", saved)
    assert (shown.code, shown.err) == (0, "")
    assert COMMIT[:10] in shown.out
    assert "digits, mlp: 0.600" in shown.out
    lines = archbench("baseline", "show").out
    assert saved.name in lines
    assert max(map(len, [*shown.out.splitlines(), *lines.splitlines()])) <= 80
    about = json.loads(archbench("baseline", "show", saved, "--json").out)
    assert (about["commit"], about["pairs"], len(about["cells"])) == (COMMIT, 1, 5)
    assert about["cells"][0]["step_ratio"] == pytest.approx(0.6)
    (line,) = json.loads(archbench("baseline", "show", saved.parent, "--json").out)
    assert line == {key: value for key, value in about.items() if key != "cells"}


def test_a_folder_without_baselines_is_nothing_measured(archbench: Archbench, elsewhere: Path) -> None:
    (elsewhere / "folder").mkdir()
    called = archbench("baseline", "show", "folder")
    assert (called.code, "no baseline in folder" in called.complaint) == (5, True)
    assert archbench("baseline", "show", "nowhere").code == 2


def test_a_damaged_baseline_is_named_and_the_others_are_shown(archbench: Archbench, saved: Path) -> None:
    broken = saved.with_name("0" * 8 + saved.name[8:])
    broken.write_bytes(saved.read_bytes().replace(b"0.91", b"0.99"))
    called = archbench("baseline", "show", saved.parent)
    assert called.code == 4
    assert saved.name in called.out
    assert "edited: its checksum is another" in called.err
    assert (archbench("baseline", "show", broken).code, archbench("compare", broken, "run").code) == (4, 4)


def test_compare_takes_a_baseline_for_either_side(archbench: Archbench, saved: Path, elsewhere: Path) -> None:
    assert "1 equivalent" in archbench("compare", saved, "run").out
    head = run_of(elsewhere / "head", side(WORSE))
    assert archbench("compare", saved, head, "--fail-on", "worse").code == 1
    assert archbench("compare", head, saved, "--fail-on", "worse").code == 0
    called = archbench("compare", saved, head, "--json", "c.json", "--junit", "c.xml", "--markdown", "c.md")
    assert called.code == 0
    assert json.loads(Path("c.json").read_text())["counts"] == {"worse": 1}
    assert sum(suite.failures for suite in JUnitXml.fromfile("c.xml")) == 1
    assert "**worse**" in Path("c.md").read_text()
    assert archbench("compare", saved, saved).code == 2


def test_of_a_baseline_from_another_machine_all_but_times_is_compared(
    archbench: Archbench, saved: Path, elsewhere: Path
) -> None:
    there = [measured(each, ratio=0.9, machine=OTHER) for each in side(BASE, conditions=conditions(machine=OTHER))]
    head = elsewhere / "head"
    run_of(head, [each.model_copy(update={"parameters": 12_346}) for each in there])
    called = archbench("compare", saved, head, "--fail-on", "worse")
    assert called.code == 1
    assert "Times are not compared, since machines or versions differ" in " ".join(called.out.split())
    assert "some cpu -> other" in called.out
    quantities = json.loads(archbench("compare", saved, head, "--json", "-").out)["rows"][0]["quantities"]
    assert {each["name"]: each["verdict"] for each in quantities} == {
        "score": "equivalent", "parameters": "worse",
    }  # fmt: skip


def test_speed_against_a_baseline_is_the_ratio_and_decides_only_where_asked(
    archbench: Archbench, saved: Path, elsewhere: Path
) -> None:
    head = run_of(elsewhere / "head", [measured(each, ratio=0.9) for each in side(BASE)])
    quantities = json.loads(archbench("compare", saved, head, "--json", "-").out)["rows"][0]["quantities"]
    (ratio,) = (each for each in quantities if each["scale"] == "ratio")
    assert (ratio["name"], ratio["verdict"], ratio["effect"]) == ("step ratio", "worse", pytest.approx(1.5))
    assert archbench("compare", saved, head, "--fail-on", "worse").code == 0
    assert archbench("compare", saved, head, "--fail-on", "worse", "--speed").code == 1


def test_a_baseline_and_a_run_without_a_common_cell_are_nothing_measured(
    archbench: Archbench, saved: Path, elsewhere: Path
) -> None:
    head = run_of(elsewhere / "head", side(BASE, task="adding"))
    called = archbench("compare", saved, head)
    assert (called.code, "nothing in common" in called.complaint) == (5, True)
    both = run_of(elsewhere / "both", [*side(BASE), *side(BASE, architecture="cnn")])
    assert "new, in HEAD alone: cnn" in archbench("compare", saved, both).out
    assert archbench("compare", both, saved, "--fail-on", "missing").code == 1


@pytest.mark.parametrize("name", ["none.json", "x" * 300 + ".json"])
def test_a_baseline_that_is_not_there_is_one_line(archbench: Archbench, saved: Path, name: str) -> None:
    assert (archbench("compare", name, "run").code, archbench("baseline", "show", name).code) == (2, 2)

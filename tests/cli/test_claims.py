"""`archbench claims`, `list claims` and `info CLAIM`."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evidence import cells, jitter, record

from bench.catalogue import claim_names
from bench.cli.claims import exit_code
from bench.execute.process import environment
from bench.store import Store
from bench.verdicts import load_claim

Archbench = Callable[..., Any]


@pytest.fixture
def images(elsewhere: Path) -> Path:
    """A run of the cells of grid-data, in which the claim holds."""
    store = Store(elsewhere / "results" / "reference" / "images").create()
    for cell in cells("grid-data"):
        lead = 0.15 if cell.architecture == "cnn" and not cell.task_settings["permute_pixels"] else 0
        store.write(record(cell, value=0.5 + lead + jitter(cell)))
    return store.folder


def strict(text: str) -> Any:
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_every_claim_of_the_folder_is_listed_and_described(archbench: Archbench) -> None:
    names = claim_names()
    assert len(names) == 8
    assert [item["name"] for item in strict(archbench("list", "claims", "--json").out)] == names
    for name in names:
        text, claim = archbench("info", name).out, load_claim(name)
        assert text.startswith(f"claim {name}: {claim.statement}\n")
        assert claim.source in text
        assert claim.criterion in text


def test_the_reference_is_judged_where_no_run_is_named(archbench: Archbench, images: Path) -> None:
    called = archbench("claims")
    assert (called.code, called.err) == (0, "")
    assert all(name in called.out for name in claim_names())
    assert "supported" in called.out
    assert "to run: archbench run vanishing --arch" in called.out
    assert archbench("claims", images).out == called.out


def test_the_table_holds_in_80_columns(archbench: Archbench, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = archbench("claims", images, "--claim", "grid-data").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("5 seeds" in line for line in lines)


def test_a_chosen_claim_shows_its_criterion_its_numbers_and_what_is_missing(archbench: Archbench, images: Path) -> None:
    called = archbench("claims", images, "--claim", "grid-data,edge-filters")
    assert "holds" in called.out
    assert "missing of claims-filters: 10 of 10 cells" in called.out
    assert "conveyor-belt" not in called.out


def test_the_answer_for_programs_is_json_without_nan(archbench: Archbench, images: Path) -> None:
    answer = {claim["claim"]: claim for claim in strict(archbench("claims", images, "--json").out)}
    assert answer.keys() == set(claim_names())
    assert answer["grid-data"]["verdict"] == "supported"
    assert {"what", "value", "low", "high", "seeds", "criterion", "passes"} <= answer["grid-data"]["numbers"][0].keys()
    (gap,) = answer["edge-filters"]["missing"]
    assert (gap["suite"], gap["cells"], gap["command"]) == (
        "claims-filters",
        10,
        "archbench run claims-filters --arch cnn",
    )


@pytest.mark.parametrize(
    ("outcomes", "fail_on", "strict", "code"),
    [
        ({"supported", "unclear"}, (), False, 0),
        ({"supported", "unclear"}, (), True, 3),
        ({"supported", "unclear"}, ("unclear",), True, 1),
        ({"supported", "unclear"}, ("refuted",), False, 0),
        ({"refuted"}, ("refuted", "unclear"), False, 1),
        ({"partly"}, ("refuted", "unclear"), True, 0),
    ],
)
def test_the_exit_code_is_what_was_asked_for(
    outcomes: set[str], fail_on: tuple[str, ...], strict: bool, code: int
) -> None:
    assert exit_code(outcomes, fail_on, strict=strict) == code


def test_the_exit_code_reaches_the_shell(archbench: Archbench, images: Path) -> None:
    assert archbench("claims", images, "--fail-on", "unclear").code == 1
    assert archbench("claims", images, "--strict").code == 3
    assert archbench("claims", images, "--strict", "--fail-on", "unclear", "--claim", "grid-data").code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "no run in results/reference; name one that `archbench run` wrote, or make one: archbench run vanishing"),
        (["nowhere"], "nowhere: no archbench run"),
        (["--claim", "grid-dat"], "unknown claim 'grid-dat'; did you mean grid-data"),
        (["--fail-on", "partly"], "--fail-on: expected one of refuted, unclear, received 'partly'"),
    ],
)
def test_a_mistake_is_one_line(archbench: Archbench, elsewhere: Path, arguments: list[str], complaint: str) -> None:
    if arguments and arguments[0] == "--claim":
        Store(elsewhere / "run").create()
        arguments = ["run", *arguments]
    called = archbench("claims", *arguments)
    assert called.code == 2
    assert complaint in called.complaint


def test_claims_import_no_framework(elsewhere: Path) -> None:
    Store(elsewhere / "run").create()
    code = (
        "import sys\nfrom bench.cli import main\nsys.argv = ['archbench', 'claims', 'run']\n"
        "try:\n    main()\nexcept SystemExit as exit:\n    assert not exit.code, exit.code\n"
        "found = {'tensorflow', 'keras', 'jax', 'torch'} & sys.modules.keys()\nassert not found, found"
    )
    command = [sys.executable, "-c", code]
    around = environment("tensorflow", 1)
    done = subprocess.run(command, cwd=elsewhere, env=around, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""`archbench compare`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml
from sides import record, side

from bench.record import Record
from bench.store import Store

Archbench = Callable[..., Any]
BASE = [0.91, 0.93, 0.92, 0.90, 0.94]
WORSE = [0.80, 0.83, 0.815, 0.80, 0.83]


def stored(folder: Path, records: list[Record]) -> Path:
    store = Store(folder).create()
    for each in records:
        store.write(each)
    return folder


@pytest.fixture
def base(elsewhere: Path) -> Path:
    return stored(elsewhere / "base", side(BASE))


@pytest.fixture
def head(elsewhere: Path) -> Path:
    return stored(elsewhere / "head", side(WORSE))


def test_a_drop_is_shown_and_fails_only_where_asked(archbench: Archbench, base: Path, head: Path) -> None:
    called = archbench("compare", base, head)
    assert (called.code, called.err) == (0, "")
    assert "1 worse" in called.out
    assert archbench("compare", base, head, "--fail-on", "missing,failed").code == 0
    assert archbench("compare", base, head, "--fail-on", "missing,worse").code == 1
    assert archbench("compare", head, base, "--fail-on", "worse").code == 0


def test_missing_and_failed_seeds_fail_where_asked(archbench: Archbench, base: Path, elsewhere: Path) -> None:
    fewer = stored(elsewhere / "fewer", side(BASE[:3]))
    assert archbench("compare", base, fewer, "--fail-on", "missing").code == 1
    assert archbench("compare", base, fewer, "--fail-on", "worse", "--fail-on", "failed").code == 0
    broken = stored(elsewhere / "broken", [*side(BASE[:4]), record(0.94, 4, status="failed", reason="no memory")])
    assert archbench("compare", base, broken, "--fail-on", "failed").code == 1
    nothing = stored(elsewhere / "nothing", side(BASE, status="failed"))
    assert archbench("compare", base, nothing, "--fail-on", "failed").code == 1


def test_strict_answers_3_to_what_is_unclear(archbench: Archbench, base: Path, elsewhere: Path) -> None:
    near = stored(elsewhere / "near", side(BASE[::-1]))
    assert archbench("compare", base, near).code == 0
    assert archbench("compare", base, near, "--strict").code == 3


@pytest.mark.parametrize(
    ("graver", "verdict"), [({"parameters": 99_999}, "worse"), ({"seeds": [0, 1, 2, 3, 5]}, "missing")]
)
def test_strict_sees_an_unclear_score_beside_what_is_graver(
    archbench: Archbench, base: Path, elsewhere: Path, graver: dict[str, Any], verdict: str
) -> None:
    near = stored(elsewhere / "near", side(BASE[::-1], **graver))
    called = archbench("compare", base, near, "--strict", "--json", "c.json")
    assert called.code == 3
    (row,) = json.loads((elsewhere / "c.json").read_text())["rows"]
    assert (row["verdict"], row["quantities"][0]["verdict"]) == (verdict, "unclear")


def test_a_pair_of_head_alone_that_failed_is_no_news_but_a_failure(
    archbench: Archbench, base: Path, elsewhere: Path
) -> None:
    failed = side(BASE, architecture="cnn", status="failed", reason="no memory")
    added = stored(elsewhere / "added", [*side(BASE), *failed])
    called = archbench("compare", base, added, "--fail-on", "failed")
    assert called.code == 1
    assert "in HEAD alone, 5 seeds; seed 0, 1, 2, 3, 4 failed" in " ".join(called.out.split())


def test_files_are_written_beside_the_table(archbench: Archbench, base: Path, head: Path, elsewhere: Path) -> None:
    called = archbench("compare", base, head, "--markdown", "c.md", "--json", "c.json", "--junit", "c.xml")
    assert "1 worse" in called.out
    assert (elsewhere / "c.md").read_text().startswith("## ")
    about = json.loads((elsewhere / "c.json").read_text())
    assert (about["base"], about["head"], about["counts"]) == (str(base), str(head), {"worse": 1})
    assert sum(suite.failures for suite in JUnitXml.fromfile(str(elsewhere / "c.xml"))) == 1


def test_a_dash_prints_one_form_alone(archbench: Archbench, base: Path, head: Path) -> None:
    assert json.loads(archbench("compare", base, head, "--json", "-").out)["counts"] == {"worse": 1}
    assert archbench("compare", base, head, "--markdown", "-").out.startswith("## ")


def test_a_margin_can_be_given_for_all_tasks_or_for_one(archbench: Archbench, base: Path, head: Path) -> None:
    assert "1 equivalent" in archbench("compare", base, head, "--margin", "0.2").out
    assert "1 equivalent" in archbench("compare", base, head, "--margin", "digits=0.2", "--margin", "0.01").out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--margin", "nan"], "--margin: expected a number above 0 or TASK=NUMBER, received 'nan'"),
        (["--margin", "-1"], "--margin: expected a number above 0 or TASK=NUMBER, received '-1'"),
        (["--margin", "digits="], "--margin: expected a number above 0 or TASK=NUMBER, received 'digits='"),
        (["--margin", "=1"], "--margin: expected a number above 0 or TASK=NUMBER, received '=1'"),
        (["--margin", "digit=1"], "unknown task of --margin 'digit'; did you mean digits?"),
        (["--fail-on", "wrose"], "--fail-on: expected worse, missing, failed, received 'wrose'"),
        (["--fail-on", ""], "--fail-on: expected at least one name or number, received ''"),
        (["--json", "-", "--markdown", "-"], "--markdown and --json: expected one of them to be -, received both"),
        (["--junit", "-"], "--junit: expected a file, received -"),
    ],
)
def test_a_wrong_flag_is_one_line(
    archbench: Archbench, base: Path, head: Path, arguments: list[str], complaint: str
) -> None:
    called = archbench("compare", base, head, *arguments)
    assert called.code == 2
    assert called.complaint == f"archbench: {complaint}"


def test_a_file_that_cannot_be_written_is_one_line(archbench: Archbench, base: Path, head: Path) -> None:
    called = archbench("compare", base, head, "--json", "no/such/c.json")
    assert called.code == 4
    (line,) = called.err.splitlines()
    assert line.startswith("archbench: --json: cannot write no/such/c.json: No such file or directory; name a file")


def test_folders_that_cannot_be_compared_are_one_line(archbench: Archbench, base: Path, elsewhere: Path) -> None:
    (elsewhere / "plain").mkdir()
    newer = stored(elsewhere / "newer", side(BASE))
    (newer / "archbench.json").write_text('{"schema_version": 99}')
    for other, code, what in (
        ("gone", 2, "no archbench run"),
        ("plain", 2, "no archbench run"),
        (base, 2, "received"),
        (base / ".." / "base", 2, "twice"),
        (newer, 4, "expected schema 1, received 99"),
    ):
        called = archbench("compare", base, other)
        assert called.code == code
        assert what in called.complaint


def test_nothing_in_common_is_5_and_never_green(archbench: Archbench, base: Path, elsewhere: Path) -> None:
    empty = stored(elsewhere / "empty", [])
    called = archbench("compare", base, empty)
    assert called.code == 5
    assert called.complaint == f"archbench: nothing in common: {base} has 5 cells, {empty} 0"
    other = stored(elsewhere / "other", side(BASE, backend="jax"))
    called = archbench("compare", base, other, "--fail-on", "worse")
    assert called.code == 5
    assert called.complaint.endswith("the nearest differ in backend tensorflow and jax")


def test_a_damaged_record_is_named_and_counts_as_missing(archbench: Archbench, base: Path, elsewhere: Path) -> None:
    damaged = stored(elsewhere / "damaged", side(BASE))
    file = next(damaged.glob("*/1.json"))
    file.write_text(file.read_text()[:100])
    called = archbench("compare", base, damaged, "--fail-on", "missing")
    assert called.code == 1
    assert "is damaged" in called.err


@pytest.mark.parametrize("empty", [["base"], ["head"], ["base", "head"]], ids=" and ".join)
def test_where_nothing_is_in_common_the_files_asked_for_are_written_and_say_so(
    archbench: Archbench, elsewhere: Path, empty: list[str]
) -> None:
    folders = [stored(elsewhere / name, [] if name in empty else side(BASE)) for name in ("base", "head")]
    called = archbench("compare", *folders, "--markdown", "c.md", "--json", "c.json", "--junit", "c.xml")
    assert called.code == 5
    said = called.complaint.removeprefix("archbench: ")
    assert said in json.loads((elsewhere / "c.json").read_text())["notes"]
    assert "nothing in common" in (elsewhere / "c.md").read_text()
    suites = JUnitXml.fromfile(str(elsewhere / "c.xml"))
    assert (suites.errors, suites.failures) == (1, int("base" not in empty))
    assert archbench("compare", *folders, "--json", "-").code == 5

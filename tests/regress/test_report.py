"""The file of `--json`: what is written is read back, and what no writer would have written is refused."""

import json
import math
import re
import typing
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench.errors import StoreError
from bench.regress.detector import Speed
from bench.regress.gates import Gate, Name
from bench.regress.output import COLUMNS, COMMENT_BYTES, annotations, row, to_junit, to_markdown
from bench.regress.report import LONGEST, MOST_BYTES, Report, Result, Step, read, to_json

SPEED = Speed("REGRESSION", 10, ratio=1.05, low=1.03, high=None, excluded=0.07, p=2**-10, flagged=True, reason="why")
GATES = [Gate("accuracy", "IDENTICAL", "0.9", "0.9"), Gate("memory", "INCONCLUSIVE", "1 MB", "2 MB", "note")]
NASTY = '<script>alert(1)</script>|a\n::error::b\u202e[x](javascript:y) @everybody $(touch pwned) `id` \\| <!-- "'


def _report(*cells: Result) -> Report:
    return Report("main", "HEAD", "sentinel", 0.05, 1, 2.5, list(cells))


REPORTS = [
    _report(),
    _report(Result.of("a × b", SPEED, GATES, Step(0.01, 0.0105))),
    _report(Result.of("a", Speed("FAILED", reason="gone")), Result.of("b", Speed("IMPROVED", 30, ratio=0.5))),
    _report(Result.of(NASTY, Speed("FAILED", reason=NASTY), [Gate("FLOPs", "OK", NASTY, NASTY, NASTY)])),
]


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """`written(edit)` is a report in a file, edited as JSON first."""

    def write(edit: Callable[[Any], Any] = lambda found: None) -> Path:
        found = json.loads(to_json(_report(Result.of("a × b", SPEED, GATES, Step(0.01, 0.0105)))))
        edit(found)
        path = tmp_path / "all.json"
        path.write_text(json.dumps(found))
        return path

    return write


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_that_was_written_is_read_back_as_it_was(report, tmp_path):
    (tmp_path / "all.json").write_text(to_json(report))
    assert read(tmp_path / "all.json") == report


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("unknown", ["", "ratio", "low", "high", "excluded", "p"])
def test_whatever_is_read_is_shown_in_every_format(report, unknown, tmp_path):
    found = json.loads(to_json(report))
    for cell in found["cells"]:
        cell["speed"].update({unknown: None} if unknown else {})
    (tmp_path / "all.json").write_text(json.dumps(found))
    one = read(tmp_path / "all.json")
    assert len(re.findall(r"^\| (?!cell|---)", to_markdown(one), re.MULTILINE)) == len(one.cells)
    cases = sum(1 + len(cell.gates) for cell in one.cells)
    for strict in (True, False):
        assert len([*ElementTree.fromstring(to_junit(one, strict=strict)).iter("testcase")]) == cases
    assert len(annotations(one.cells)) == sum(cell.outcome in ("REGRESSION", "FAILED") for cell in one.cells)
    assert all(len(row(cell)) == len(COLUMNS) for cell in one.cells)


def test_long_texts_lose_their_ends_and_halves_of_characters_are_written_out(tmp_path):
    (tmp_path / "all.json").write_text(to_json(_report(Result.of("x" * 10_000, Speed("FAILED", reason="a\ud800b")))))
    (cell,) = read(tmp_path / "all.json").cells
    assert (len(cell.cell), cell.cell[-2:]) == (LONGEST, "x…")
    assert cell.speed.reason == "a\\ud800b"


def _put(path: str, value: Any) -> Callable[[Any], None]:
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]

    def edit(found: Any) -> None:
        for part in way:
            found = found[part]
        found[last] = value

    return edit


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("pr_number", 7),
        ("cells.0.html", "<b>"),
        ("cells.0.speed.body", ""),
        ("cells.0.gates.0.link", ""),
        ("cells.0.step_seconds.unit", "s"),
        ("schema_version", 2),
        ("base", None),
        ("base", ["a"]),
        ("head", "x" * (LONGEST + 1)),
        ("cells.0.cell", "x" * (LONGEST + 1)),
        ("cells.0.gates.1.note", "x" * (LONGEST + 1)),
        ("cells.0.speed.reason", "x" * (LONGEST + 1)),
        ("cells", {}),
        ("cells.0", None),
        ("cells.0.outcome", "OK"),
        ("cells.0.outcome", "GREEN"),
        ("cells.0.speed.outcome", "IDENTICAL"),
        ("cells.0.gates.0.outcome", "<b>OK</b>"),
        ("cells.0.gates.0.name", NASTY),
        ("cells.0.gates.0.name", "Accuracy"),
        ("cells.0.gates.0.name", "speed"),
        ("cells.0.gates.0.name", ""),
        ("cells.0.gates.0.name", None),
        ("cells.0.gates.0.name", "memory"),
        ("cells.0.gates", [asdict(GATES[0])] * 10_000),
        ("cells.0.speed.ratio", math.nan),
        ("cells.0.speed.ratio", math.inf),
        ("cells.0.speed.ratio", 1e300),
        ("cells.0.speed.ratio", -1.0),
        ("cells.0.speed.ratio", "1.05"),
        ("cells.0.speed.p", 1.5),
        ("cells.0.speed.generations", 10**4299),
        ("cells.0.speed.generations", -1),
        ("cells.0.speed.generations", 1.5),
        ("cells.0.speed.flagged", "yes"),
        ("cells.0.step_seconds.base", -0.1),
        ("cells.0.step_seconds", [0.1, 0.1]),
        ("minutes", -math.inf),
        ("slo", 2.0),
        ("exit_code", 255),
        ("exit_code", "0"),
    ],
)
def test_what_no_writer_would_have_written_is_refused_in_one_line(written, path, value):
    with pytest.raises(StoreError, match="no report of `archbench regress --json`: ") as caught:
        read(written(_put(path, value)))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b'{"base": "\\ud800"}', b"NaN", b"1" * 5000])
def test_what_is_no_json_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "all.json").write_bytes(content)
    with pytest.raises(StoreError, match="no report of") as caught:
        read(tmp_path / "all.json")
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_too_large_is_not_even_parsed(tmp_path):
    (tmp_path / "all.json").write_bytes(b'{"' + b"x" * MOST_BYTES)
    with pytest.raises(StoreError, match="at most 4,000,000 bytes"):
        read(tmp_path / "all.json")


@pytest.mark.parametrize("missing", ["base", "cells", "exit_code", "slo"])
def test_a_field_that_is_missing_is_named(written, missing):
    with pytest.raises(StoreError, match=f"{missing}: Field required"):
        read(written(lambda found: found.pop(missing)))


def test_a_key_that_is_not_ours_cannot_make_the_line_long_or_many(written):
    with pytest.raises(StoreError) as caught:
        read(written(_put("x" * 100_000, 1)))
    assert len(str(caught.value)) < 400


def test_a_comment_of_the_most_that_can_be_read_is_short_enough_for_github():
    speed = Speed("FAILED", reason="&" * LONGEST)
    for outcome in ("REGRESSION", "OK"):
        gates = [Gate(name, outcome, "<" * 900, ">" * 900) for name in typing.get_args(Name)]
        cells = [Result.of("|" * LONGEST, speed, gates) for _ in range(500)]
        report = Report("&" * LONGEST, "&" * LONGEST, "&" * LONGEST, 0.05, 1, 2.5, cells)
        assert len(to_markdown(report, COMMENT_BYTES).encode()) <= COMMENT_BYTES

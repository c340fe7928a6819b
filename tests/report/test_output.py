"""What every format keeps: names stay text, the same records give the same bytes, bad input is said."""

import csv
import json
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import cmarkgfm
import pytest

from bench.errors import StoreError
from bench.record import Record
from bench.report import latex, markdown
from bench.report.output import FORMATS, write_report
from bench.report.text import plain, shorten
from bench.runs import Runs

from .conftest import HOSTILE, make_curves, make_record, runs

TEXTS = tuple(name for name in FORMATS if name != "figures")


class Page(HTMLParser):
    """The tags of a page, and the texts of its table cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.rows: list[list[str]] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [f"{key}={value}" for key, value in attrs if key in ("href", "src")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def github(text: str) -> Page:
    """As GitHub's own parser renders it."""
    return Page(cmarkgfm.github_flavored_markdown_to_html(text))


def markdown_names(folder: Path) -> set[str]:
    page = github((folder / "report.md").read_text(encoding="utf-8"))
    assert page.tags <= {"h2", "h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
    assert page.links == []
    return {row[0] for row in page.rows if len(row) == 6}


def latex_names(folder: Path) -> set[str]:
    lines = (folder / "table.tex").read_text(encoding="utf-8").splitlines()
    cells = [line.removesuffix(r" \\").split(" & ") for line in lines if line.endswith(r"\\")]
    assert {len(row) for row in cells} == {6}
    back = {escape: char for char, escape in latex._ESCAPES.items()}
    token = re.compile("|".join(re.escape(escape) for escape in sorted(back, key=len, reverse=True)))
    return {token.sub(lambda found: back[found[0]], row[0].removeprefix("{}").replace("-{}-", "--")) for row in cells}


def csv_names(folder: Path) -> set[str]:
    names = []
    for file in ("summary.csv", "cells.csv"):
        with (folder / file).open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert all(row.keys() == rows[0].keys() and None not in row.values() for row in rows)
        names.append({row["architecture"] for row in rows})
    assert names[0] == names[1]
    return names[0]


def html_names(folder: Path) -> set[str]:
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert "script" in page.tags
    assert not [link for link in page.links if not link.split("=", 1)[1].startswith(("#", "data:"))]
    return {cell for row in page.rows for cell in row}


def json_names(folder: Path) -> set[str]:
    def refuse(name: str) -> None:
        pytest.fail(f"{name} is no JSON")

    document = json.loads((folder / "report.json").read_text(encoding="utf-8"), parse_constant=refuse)
    return {row["label"] for task in document["tasks"] for row in task["architectures"]}


def _csv(name: str) -> str:
    return f"'{plain(name)}" if name.startswith("=") else plain(name)


def _latex(name: str) -> str:
    return "".join(
        char if char.isascii() or char in "–…ü" else f"U+{ord(char):04X}" for char in shorten(plain(name), 32)
    )


SHOWN: dict[str, tuple[Callable[[Path], set[str]], Callable[[str], str]]] = {
    "html": (html_names, lambda name: shorten(plain(name), 120)),
    "md": (markdown_names, lambda name: shorten(plain(name), 60)),
    "latex": (latex_names, _latex),
    "csv": (csv_names, _csv),
    "json": (json_names, str),
}
"""Of a format: the names that a reader of it sees, and how it shows a name."""


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def written(found: Runs, folder: Path, form: str) -> str:
    paths = write_report(found, folder, formats=[form], title="A title")
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


@pytest.mark.parametrize("form", TEXTS)
def test_names_come_out_as_text(tmp_path: Path, form: str) -> None:
    made = [make_record(each, each, status="ok", value=0.5, reason=each) for each in HOSTILE]
    made += [make_record(each, each, 1, status="failed", reason=each) for each in HOSTILE]
    found = runs(*made, notes=HOSTILE)
    for title in HOSTILE:
        write_report(found, tmp_path, formats=[form], title=title)
        read, shown = SHOWN[form]
        assert read(tmp_path) >= set(map(shown, HOSTILE))
    for content in files(tmp_path).values():
        text = content.decode()
        assert "<script>alert" not in text or form in ("latex", "csv", "json")
        assert not set(text) & set("\x1b\u202e\u200f\r")


@pytest.mark.parametrize("form", TEXTS)
def test_the_same_records_in_any_order_give_the_same_bytes(tmp_path: Path, form: str, records: list[Record]) -> None:
    for name, made in (("a", records), ("b", records[::-1])):
        made = sorted(made, key=lambda record: record.cell_id) if form == "csv" else made  # as read_runs gives them
        write_report(runs(*made, curves=make_curves), tmp_path / name, formats=[form], title="A title")
    assert files(tmp_path / "a") == files(tmp_path / "b") != {}


BAD = {
    "failures": [make_record(seed=seed, status="failed", reason="no memory", curves=None) for seed in range(2)],
    "skips": [make_record(status="skipped", reason="reads images")],
    "one seed": [make_record()],
    "nan": [make_record(seed=seed, value=math.nan) for seed in range(3)],
    "some nan": [make_record(seed=seed, value=math.nan if seed else 0.5) for seed in range(5)],
    "infinite": [make_record(seed=seed, value=math.inf, accuracy=False) for seed in range(5)],
    "zero variance": [make_record(architecture=name, seed=seed, value=0.5) for name in "ab" for seed in range(5)],
    "no scale": [make_record(seed=seed, chance=math.nan) for seed in range(5)],
    "chance is target": [make_record(seed=seed, chance=0.95) for seed in range(5)],
}


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("case", BAD)
def test_bad_input_gives_a_report(tmp_path: Path, form: str, case: str) -> None:
    text = written(runs(*BAD[case]), tmp_path, form)
    assert "adding" in text
    if case in ("failures", "skips"):
        assert str(BAD[case][0].reason) in text
        assert BAD[case][0].status in text
    if case == "nan" and form != "csv":
        assert "no finite score" in text or '"scored": 0' in text


@pytest.mark.parametrize("form", FORMATS)
def test_no_records_are_one_line_that_says_what_is_missing(tmp_path: Path, form: str) -> None:
    with pytest.raises(StoreError, match="there are no records; run: 0 of 3 planned cells") as caught:
        write_report(runs(notes=["run: 0 of 3 planned cells ended"]), tmp_path / "out", formats=[form], title="t")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, form: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        write_report(runs(make_record()), tmp_path / "file", formats=[form], title="t")


def test_what_was_decided_about_several_runs_is_said_in_md_latex_and_json(tmp_path: Path) -> None:
    found = runs(make_record(), notes=["a and b contradict each other"])
    for form in ("md", "latex", "json"):
        assert "a and b contradict each other" in written(found, tmp_path, form)


def test_a_format_asked_for_twice_is_written_once(tmp_path: Path) -> None:
    paths = write_report(runs(make_record()), tmp_path, formats=["csv", "json", "csv"], title="t")
    assert [path.name for path in paths] == ["summary.csv", "cells.csv", "report.json"]


def test_github_calls_nobody_links_no_issue_and_draws_no_emoji() -> None:
    text = markdown.comment(runs(make_record(architecture="@a #1 :+1: @b")), title="@c")
    assert not re.search(r"[@#:][\w+]", text)


def test_markdown_escapes_what_github_would_read() -> None:
    page = github("| a |\n| --- |\n" + "\n".join(f"| {markdown._name(name)} |" for name in HOSTILE))
    assert [row[0] for row in page.rows[1:]] == [shorten(plain(name), 60) for name in HOSTILE]
    assert page.links == []

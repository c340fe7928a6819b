import base64
import hashlib
import random
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.claims._claim import Number, Verdict
from bench.errors import StoreError
from bench.record import Record
from bench.report.html import write_html
from bench.report.rows import Curves
from bench.verdicts import load_claim

from .conftest import HOSTILE, make_curves, make_record
from .html_records import BAD, hostile, quick


class Reader(HTMLParser):
    """Tags, attributes and text of a page; fails on a tag that is closed and was not open."""

    VOID = frozenset({"meta", "input", "br", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in ("style", "script"):
            self.text.append(data)


def written(records: list[Record], folder: Path, curves: Curves = lambda record: {}, **given: object) -> str:
    return write_html(records, curves, folder, title="A title", **given).read_text(encoding="utf-8")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    cells = quick()
    return written(cells.records, tmp_path_factory.mktemp("html"), cells.curves)


def section(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found, name
    return found.group()


def words_of(part: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", part)).split())


def test_the_verdict_is_three_sentences_from_the_data(page: str) -> None:
    said = words_of(section(page, "verdict").split('<ul class="tiles">')[0])
    assert "31 of 32 planned runs finished with a score: 8 architectures on 3 tasks, 2 to 5 seeds each" in said
    assert "1 diverged and 1 pair skipped." in said
    assert "The seeds tell a best group from the rest on 1 of 3 tasks, a single architecture on 1" in said
    assert "Unclear:" in said


def test_a_single_task_names_who_is_best_and_that_all_others_are_told_from_it(tmp_path: Path) -> None:
    made = [
        make_record("copy", name, s, value + 0.001 * s)
        for name, value in (("gru", 0.9), ("rnn", 0.1))
        for s in range(5)
    ]
    said = words_of(section(written(made, tmp_path), "verdict"))
    assert "gru is best with a mean accuracy of 0.902, told apart from the other one." in said
    assert "The one pair of architectures is told apart" in said


def test_the_mean_named_as_best_is_that_of_the_best_group_and_not_of_an_architecture_with_a_failed_seed(
    tmp_path: Path,
) -> None:
    made = [make_record("copy", "frail", s, 0.99, status="failed" if s else "ok", reason="no memory") for s in range(5)]
    made += [make_record("copy", "gru", s, 0.9 + 0.001 * s) for s in range(5)]
    made += [make_record("copy", "rnn", s, 0.1 + 0.001 * s) for s in range(5)]
    said = words_of(section(written(made, tmp_path), "verdict"))
    assert "gru is best with a mean accuracy of 0.902, of those with a score on every seed." in said


def test_every_row_has_a_cell_in_every_column_also_where_it_was_skipped(page: str) -> None:
    tables = re.findall(r"<table.*?</table>", page, re.DOTALL)
    assert any("skipped" in table for table in tables)
    for table in tables:
        head, *rows = [len(re.findall(r"<t[hd][ >]", row)) for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)]
        assert set(rows) == {head}


def test_where_no_seed_differs_there_is_no_interval_of_no_width(tmp_path: Path) -> None:
    page = written([make_record("copy", "gru", s, 0.5) for s in range(5)], tmp_path)
    assert "0.500 5 seeds 0 of 5 solved" in words_of(section(page, "results"))
    assert "[0.500, 0.500]" not in page


def test_the_matrix_holds_mean_interval_and_solved_and_marks_the_best(page: str) -> None:
    cells = re.findall(r"<td.*?</td>", section(page, "results").split("</table>")[0], re.DOTALL)
    best = [words_of(cell) for cell in cells if "<strong>" in cell]
    assert "0.984 [0.980, 0.988] 5 of 5 solved" in best
    assert any("skipped" in cell for cell in cells)
    assert any("1 diverged" in cell for cell in cells)


def test_failures_and_skips_are_listed_with_their_reason(page: str) -> None:
    said = words_of(section(page, "failures"))
    assert "mlp digits 0 diverged loss is NaN at step 200" in said
    assert "lstm digits 0, 1, 2, 3, 4 skipped reads sequences" in said
    assert '<li class="bad"><a href="#failures"><b>1</b>' in page


def test_pairs_say_what_is_told_apart_and_how_many_seeds_would_settle_the_rest(page: str) -> None:
    said = words_of(section(page, "pairs"))
    assert "cnn better mlp" in said
    assert "unclear" in said
    assert "fewer than 3 seeds" in said


def test_every_figure_has_its_data_its_method_and_a_text_alternative(page: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    titles = {words_of(re.search(r"<h[34]>.*?</h[34]>", each, re.DOTALL).group()) for each in figures}  # type: ignore[union-attr]
    assert titles >= {
        "Test scores", "Score against cost", "Learning curves", "Time to target", "Gradient norm over training",
        "How far the gradient reaches back", "Gradient over lag and training", "Half-life of the gradient",
        "Gates over a sequence", "Interquartile mean", "Performance profile",
    }  # fmt: skip
    for each in figures:
        assert "Method: " in each
        assert "<tbody>" in each
        drawings = re.findall(r'<svg id="([^"]+)" class="panel" role="img" aria-labelledby="([^"]+)"', each)
        assert drawings
        for ident, labels in drawings:
            assert labels == f"{ident}-t {ident}-d"
            assert re.search(rf'<title id="{ident}-t">[^<]+</title><desc id="{ident}-d">[^<]+</desc>', each)


def test_learning_curves_have_a_line_for_every_seed(page: str) -> None:
    figure = re.search(r'<figure id="learning-digits-0">.*?</figure>', page, re.DOTALL)
    assert figure
    assert figure.group().split('<ul class="keys">')[0].count('class="line seed"') == 10  # one that diverged among them


def test_speed_shows_three_clocks_and_the_noise(page: str) -> None:
    said = words_of(section(page, "speed"))
    assert "cnn 5.00, 10.0 3.0 % 2.50 5.00" in said


def test_conditions_hold_versions_data_settings_and_a_command_for_every_row(page: str) -> None:
    said = words_of(section(page, "conditions"))
    for text in ("keras 3.9", "processor some cpu", "threads 1", "d" * 64, "lr=0.001"):
        assert text in said
    assert "archbench run --task digits --arch cnn --set cnn.units=32 --steps 1000" in said
    assert len(re.findall('<div class="command">', page)) == 11


def test_claims_are_shown_with_verdict_criterion_and_numbers(tmp_path: Path) -> None:
    claim = load_claim("hidden-state")
    number = Number("a <b>", 1.5, 1.0, 2.0, 5, "> 0", True)
    page = written([make_record()], tmp_path, claims=[(claim, Verdict("supported", "It <i>is</i> so.", (number,)))])
    said = words_of(section(page, "claims"))
    assert claim.statement in said
    assert "supported It <i>is</i> so." in said
    assert "a <b> 1.5 [1, 2] 5 > 0 holds" in said


def test_ids_are_unique_and_links_lead_to_something(page: str) -> None:
    tags = Reader(page).tags
    idents = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(idents) == len(set(idents))
    links = [attrs["href"] for tag, attrs in tags if tag == "a"]
    assert links
    assert all(
        link == "" or (link[0] == "#" and link[1:] in idents) or link.startswith("data:text/csv")
        for link in links
        if link is not None
    )


def test_nothing_in_the_page_could_be_loaded_from_elsewhere(page: str) -> None:
    for tag, attrs in Reader(page).tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form", "foreignobject", "use")
        assert "src" not in attrs
        assert "style" not in attrs  # the policy would refuse it
        assert not any(name.startswith("on") for name in attrs)
        if tag == "image":
            assert (attrs["href"] or "").startswith("data:image/png;base64,")
    assert "url(" not in page
    assert "@import" not in page


def test_the_policy_allows_the_page_s_own_style_and_script_and_nothing_else(page: str) -> None:
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1))  # type: ignore[union-attr]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert (
            rules.pop(f"{tag}-src")
            == f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
        )
    assert rules == {"default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}


def test_the_same_records_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    cells = quick()
    first = write_html(cells.records, cells.curves, tmp_path / "a", title="t").read_bytes()
    random.Random(0).shuffle(cells.records)
    assert write_html(cells.records, cells.curves, tmp_path / "b", title="t").read_bytes() == first


def test_hostile_names_come_out_as_text(tmp_path: Path) -> None:
    page = write_html(hostile(), make_curves, tmp_path, title=HOSTILE[0]).read_text(encoding="utf-8")
    read = Reader(page)
    assert sum(tag == "script" for tag, _ in read.tags) == 1
    assert not {tag for tag, _ in read.tags} & {"b/", "red"}
    text = "".join(read.text)
    for shown in (
        "<script>alert(1)</script>",
        "a\"b'c`d",
        "x|y z",
        "$x$",
        "[bold]red[/bold]",
        "abc\\u202edef\\x1b[31m",
    ):
        assert shown in text
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "n" * 50 in text


@pytest.mark.parametrize("case", BAD)
def test_a_run_of_which_little_can_be_said_still_has_a_page_that_says_so(case: str, tmp_path: Path) -> None:
    page = written(BAD[case], tmp_path, make_curves)
    Reader(page)
    assert not re.search(r'(?:cx|cy|x|y|d|width|height)="[^"]*(?:nan|inf)', page)
    for figure in re.findall(r"<figure.*?</figure>", page, re.DOTALL):
        assert re.search(r'class="(dot|line|segment|cross|pixels)', figure.split('<ul class="keys">')[0]), (
            "a blank figure"
        )


@pytest.mark.parametrize(
    ("case", "sentence"),
    {
        "failures only": "0 of 3 planned runs finished with a score: 1 architecture on 1 task, 3 seeds each; 3 failed.",
        "skips only": "0 of 0 planned runs finished with a score: 1 architecture on 1 task; 1 pair skipped.",
        "one seed": "Unclear: 1 of 1 pair of architectures, with too few seeds for a test",
        "one record": "There is no pair to compare.",
        "not a number": "6 ended without a finite score.",
        "all equal": "gru and rnn lead with a mean accuracy of 0.100.",
        "half-way": "1 to 3 seeds each",
    }.items(),
)  # fmt: skip
def test_the_verdict_says_what_is_wrong_with_a_run(case: str, sentence: str, tmp_path: Path) -> None:
    said = words_of(section(written(BAD[case], tmp_path), "verdict"))
    assert sentence in said


def test_unclear_pairs_say_how_many_seeds_would_settle_them(tmp_path: Path) -> None:
    middles = {"gru": 0.5, "lstm": 0.505, "rnn": 0.512}
    cells = [make_record("copy", name, seed, middles[name] + 0.01 * seed) for name in middles for seed in range(5)]
    said = words_of(section(written(cells, tmp_path), "verdict"))
    assert re.search(
        r"Unclear: 3 of 3 pairs of architectures; about \d+ seeds each would settle the nearest of them, and \d+ "
        r"half of the 3 that more seeds can settle\.",
        said,
    )


@pytest.mark.parametrize(("apart", "told"), [(1e-7, False), (0.01, True)])
def test_seeds_that_lie_apart_are_told_where_it_shows(tmp_path: Path, apart: float, told: bool) -> None:
    page = written([make_record("copy", "gru", seed, 0.5 + apart * seed) for seed in range(3)], tmp_path)
    assert ("Seeds lie furthest apart" in page) is told


def test_runs_that_are_missing_are_planned_ones_and_nothing_says_that_all_is_well(tmp_path: Path) -> None:
    page = write_html([make_record("copy", "gru")], lambda record: {}, tmp_path, title="half", missing=2).read_text()
    assert "1 of 3 planned runs finished with a score" in words_of(section(page, "verdict"))
    assert "1 of 3 runs with a score" in words_of(section(page, "verdict"))
    assert "2 planned runs missing" in words_of(section(page, "verdict"))
    assert "None of those that are here; 2 planned runs are missing." in words_of(section(page, "failures"))


def test_where_it_is_not_known_what_is_missing_nothing_says_that_all_is_well(tmp_path: Path) -> None:
    page = write_html([make_record("copy", "gru")], lambda record: {}, tmp_path, title="odd", missing=None).read_text()
    assert "1 of 1 planned runs finished with a score" in words_of(section(page, "verdict"))
    assert words_of(section(page, "failures")) == "Failures and skips None of those that are here."


def test_a_digit_that_is_no_number_in_a_name_is_text(tmp_path: Path) -> None:
    assert "x10²" in written([make_record("x10²"), make_record("x9²")], tmp_path)


def test_a_run_without_records_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot write a report: there are no records"):
        write_html([], lambda record: {}, tmp_path, title="empty")


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        write_html([make_record()], lambda record: {}, tmp_path / "file", title="x")

"""The page in headless Chromium: what a reader meets, and that nothing leaves it."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench.report.html import write_html
from bench.runs import read_runs
from bench.store import Store

from .conftest import HOSTILE, make_curves, make_record
from .html_records import hostile, quick

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "vanishing"


@dataclass
class Seen:
    """A page, and what came of opening it."""

    page: Any
    problems: list[str] = field(default_factory=list)
    """Console messages, uncaught errors, dialogs."""
    asked: list[str] = field(default_factory=list)
    """What the page asked for beyond itself."""


Open = Callable[..., Seen]


@pytest.fixture(scope="module")
def quick_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cells = quick()
    return write_html(cells.records, cells.curves, tmp_path_factory.mktemp("quick"), title="quick")


@pytest.fixture(scope="module")
def reference_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records, curves, _ = read_runs([Store(REFERENCE).open()])
    return write_html(records, curves, tmp_path_factory.mktemp("vanishing"), title="vanishing")


@pytest.fixture
def visit(browser: Any) -> Iterator[Open]:
    contexts = []

    def visit(path: Path, *, width: int = 1200, scheme: str = "light", **given: Any) -> Seen:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", **given
        )
        contexts.append(context)
        seen = Seen(context.new_page())
        seen.page.on("console", lambda message: seen.problems.append(message.text))
        seen.page.on("pageerror", lambda error: seen.problems.append(str(error)))
        seen.page.on("dialog", lambda dialog: (seen.problems.append(dialog.message), dialog.dismiss()))
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        seen.page.goto(path.as_uri())
        seen.asked = [url for url in seen.asked if url != path.as_uri() and not url.startswith("data:")]
        return seen

    yield visit
    for context in contexts:
        context.close()


def violations(page: Any, *, unfolded: bool = True) -> list[str]:
    """What axe-core finds of the whole page, everything unfolded or as it opens."""
    from axe_playwright_python.sync_playwright import Axe

    if unfolded:
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]} {node['failureSummary']}" for each in found for node in each["nodes"]]


def first_column(page: Any, table: str) -> list[str]:
    return page.evaluate(
        f"[...document.querySelectorAll('#{table} tbody tr:not([hidden])')].map(row => row.cells[0].innerText)"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_without_error_or_request_and_axe_has_nothing_to_say(
    visit: Open, quick_page: Path, scheme: str
) -> None:
    seen = visit(quick_page, scheme=scheme)
    assert violations(seen.page) == []
    assert (seen.problems, seen.asked) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_so_does_the_page_of_the_reference_run(visit: Open, reference_page: Path, scheme: str) -> None:
    seen = visit(reference_page, scheme=scheme)
    assert violations(seen.page, unfolded=False) == []  # unfolded it takes minutes
    assert (seen.problems, seen.asked) == ([], [])


@pytest.mark.slow
def test_the_page_of_the_reference_run_fits_a_narrow_screen(visit: Open, reference_page: Path) -> None:
    page = visit(reference_page, width=360).page
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_tests_of_the_page_see_a_request_and_a_violation_where_there_are_some(visit: Open, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(
        "<html><body><p style='color:#ccc'>pale</p><img src='other.png'><script>oops()</script></body></html>"
    )
    seen = visit(path)
    assert any("other.png" in url for url in seen.asked)
    assert any("oops" in problem for problem in seen.problems)
    assert {each.split(":")[0] for each in violations(seen.page)} >= {"color-contrast", "image-alt", "html-has-lang"}


def test_the_policy_stops_a_script_and_an_image_that_are_not_the_page_s(
    visit: Open, quick_page: Path, tmp_path: Path
) -> None:
    path = tmp_path / "tampered.html"
    added = "<script>document.title = 'taken'</script><img src='https://example.com/x.png' alt='x'>"
    added += "<p style='color:red'>x</p>"
    path.write_text(quick_page.read_text().replace("</main>", f"{added}</main>"))
    seen = visit(path)
    assert seen.page.title() == "quick: archbench report"
    assert sum("Content Security Policy" in problem for problem in seen.problems) == 3


def test_a_column_sorts_by_mouse_both_ways(visit: Open, quick_page: Path) -> None:
    page = visit(quick_page).page
    head = page.locator("#rows thead th", has_text="parameters").first
    page.evaluate("document.querySelector('#rows').scrollIntoView()")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    up = first_column(page, "rows")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    down = first_column(page, "rows")
    assert up[0] == "cnn"  # 9,000 parameters, all others more
    assert [name for name in down if name != "lstm"].index("cnn") == len([n for n in down if n != "lstm"]) - 1
    assert up[-1] == down[-1] == "lstm"  # skipped: at the end either way


def test_intervals_and_thousands_sort_by_their_first_number(visit: Open, tmp_path: Path) -> None:
    made = [
        make_record("x", name, s, value + s * step, accuracy=False, parameters=size)
        for name, value, step, size in (("a", 4251, 2224, 1_234), ("b", 1100, 1, 999), ("c", 4, 1, 20))
        for s in range(3)
    ]
    page = visit(write_html(made, lambda record: {}, tmp_path, title="x")).page
    for column in ("interval", "parameters"):
        page.locator("#rows thead th", has_text=column).first.locator("button").click()
        assert first_column(page, "rows") == (["c", "a", "b"] if column == "interval" else ["c", "b", "a"])


def test_a_column_sorts_and_a_table_filters_by_keyboard(visit: Open, quick_page: Path) -> None:
    page = visit(quick_page).page
    page.locator("#rows thead th", has_text="mean").first.locator("button").focus()
    page.keyboard.press("Enter")
    assert page.locator("#rows thead th", has_text="mean").first.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert page.locator("#rows thead th", has_text="mean").first.get_attribute("aria-sort") == "descending"
    assert first_column(page, "rows")[0] == "cnn"
    page.get_by_label("Filter").nth(1).focus()
    page.keyboard.type("GRU order")
    assert first_column(page, "rows") == ["gru"]
    assert page.locator(".filter [role=status]").nth(1).inner_text() == "1 of 11 rows"
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    assert len(first_column(page, "rows")) == 11


def test_the_theme_follows_the_system_until_the_reader_chooses(visit: Open, quick_page: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    assert visit(quick_page).page.evaluate(ground) == "rgb(255, 255, 255)"
    page = visit(quick_page, scheme="dark").page
    assert page.evaluate(ground) == "rgb(20, 23, 27)"
    page.get_by_role("button", name="Light theme").click()
    assert page.evaluate(ground) == "rgb(255, 255, 255)"


def test_paper_is_white_and_shows_what_is_folded_on_the_screen(visit: Open, quick_page: Path) -> None:
    page = visit(quick_page, scheme="dark").page
    folded = page.locator("details.task:not([open]) svg.panel").first
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert folded.evaluate("each => each.getBoundingClientRect().height") > 50
    assert not page.get_by_role("button", name="Light theme").is_visible()
    assert len(page.pdf()) > 10_000


def test_a_narrow_screen_scrolls_tables_and_never_the_page(visit: Open, quick_page: Path) -> None:
    page = visit(quick_page, width=360).page
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_scripts_everything_is_there(visit: Open, quick_page: Path) -> None:
    page = visit(quick_page, java_script_enabled=False).page
    assert page.locator("#failures").inner_text().count("loss is NaN at step 200") == 1
    assert page.locator("details.task").first.locator("svg.panel").first.is_visible()
    page.locator("details.task:not([open]) summary").first.click()
    assert page.locator("button, input").count() == 0
    with page.expect_download() as download:
        page.get_by_role("link", name="All of this as CSV").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert {row["architecture"] for row in rows} >= {"cnn", "mlp", "gru"}


def test_a_figure_is_saved_as_a_drawing_of_its_own_and_its_data_as_csv(visit: Open, quick_page: Path) -> None:
    page = visit(quick_page).page
    figure = page.locator("#scores figure, #results figure").first
    with page.expect_download() as download:
        figure.get_by_role("button", name="Download SVG").click()
    drawing = ElementTree.parse(download.value.path()).getroot()
    dots = list(drawing.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(dots) > 3
    assert all(dot.get("fill", "").startswith("rgb(") for dot in dots)  # no style sheet comes with it
    with page.expect_download() as download:
        figure.get_by_role("button", name="Download CSV").click()
    rows = list(csv.reader(Path(download.value.path()).read_text().splitlines()))
    assert rows[0][:3] == ["architecture", "mean", "95 % interval"]


def test_a_command_is_copied_or_at_least_selected(visit: Open, quick_page: Path) -> None:
    page = visit(quick_page, permissions=["clipboard-read", "clipboard-write"]).page
    page.locator("details.commands summary").first.click()
    button = page.locator(".command button").first
    button.click()
    assert button.inner_text() in ("Copied", "Selected")
    assert page.locator(".command pre").first.inner_text().startswith("archbench run --task")


def test_a_link_into_a_folded_task_unfolds_it(visit: Open, quick_page: Path) -> None:
    page = visit(quick_page).page
    ident = page.locator("details.task:not([open])").first.get_attribute("id")
    page.evaluate(f"location.hash = '#{ident}'")
    page.wait_for_function(f"document.getElementById('{ident}').open")


def test_hostile_names_run_nothing_and_are_there_to_read(visit: Open, tmp_path: Path) -> None:
    seen = visit(write_html(hostile(), make_curves, tmp_path, title=HOSTILE[0]))
    assert (seen.problems, seen.asked) == ([], [])
    text = seen.page.evaluate("document.body.textContent")
    for shown in ("<script>alert(1)</script>", "a\"b'c`d", "x|y z", "abc\\u202edef\\x1b[31m"):
        assert shown in text
    assert seen.page.title().startswith("<script>alert(1)</script>")
    assert seen.page.evaluate("document.querySelectorAll('script').length") == 1

"""The page of a history: what it shows, that names stay text, and what a browser and axe say."""

import re
from pathlib import Path

import pytest
from baselines import baseline, history_of, measured, realistic
from sides import record, side

from bench.acknowledged import Known
from bench.history import history
from bench.report.html.history import write_history

from .test_html_browser import violations

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = {Path(each.name): each for each in realistic()}
    return write_history(history(found), tmp_path_factory.mktemp("page") / "history.html", title="baselines")


def test_every_change_has_a_row_and_every_series_a_chart_that_says_what_it_shows(page):
    text = page.read_text()
    found = history({Path(each.name): each for each in realistic()})
    table = text.partition('<table id="changed"')[2].partition("</table>")[0]
    assert table.count("<tr>") - 1 == len(found.changes) > 5
    ratios = sum(series.quantity.name == "step ratio" for series in found.series)
    assert text.count('class="panel" role="img"') == len(found.series) + ratios
    assert len(set(re.findall(r'<svg id="([^"]+)" class="panel"', text))) == len(found.series) + ratios
    for series, change in found.alerts:
        assert f"{change.direction}</span>" in table
        assert series.quantity.name in table
    assert "diverged" not in table
    assert "1 of 5 seeds without a score" in text


def test_changes_are_marked_in_the_charts(page):
    found = history({Path(each.name): each for each in realistic()})
    text = page.read_text()
    quiet = [change for _, change in found.changes if not change.alert]
    assert text.count('class="segment change"') == len(found.alerts)
    assert text.count('class="segment known"') == len(quiet)


def test_the_same_baselines_give_the_same_bytes(page, tmp_path):
    found = {Path(each.name): each for each in realistic()}
    assert write_history(history(found), tmp_path / "h.html", title="baselines").read_bytes() == page.read_bytes()


def test_names_reasons_and_machines_are_text(tmp_path):
    def make(count: float):
        return [record(task=HOSTILE, architecture=f"a|b\n\u202e{'x' * 300}", parameters=int(count))]

    found = history_of([1, 1, 2], make)
    known = Known(cell="*", quantity="*", commit=[*found.values()][2].commit[:8], reason=HOSTILE)
    text = write_history(history(found, [known]), tmp_path / "h.html", title=HOSTILE).read_text()
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 5
    assert "\u202e" not in text


def test_a_single_baseline_and_a_history_without_a_change_have_a_page(tmp_path):
    one = baseline(0, [measured(each, ratio=0.5) for each in side([0.9, 0.8])])
    text = write_history(history({Path(one.name): one}), tmp_path / "h.html", title="one").read_text()
    assert "None: every number kept its level." in text
    assert "nan" not in re.sub(r"<script>.*</script>|<style>.*</style>", "", text, flags=re.DOTALL)


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (1200, "dark"), (360, "light")])
def test_a_browser_shows_it_without_a_complaint_and_axe_finds_nothing(browser, page, width, scheme):
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    shown, problems = context.new_page(), []
    shown.on("console", lambda message: problems.append(message.text))
    shown.on("pageerror", lambda error: problems.append(str(error)))
    shown.on("request", lambda request: problems.append(request.url) if not request.url.startswith("file:") else None)
    shown.goto(page.as_uri())
    assert problems == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(shown) == []
    context.close()

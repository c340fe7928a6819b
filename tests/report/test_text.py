import pytest

from bench.report.text import enumerate_words, inert, markdown, plain, shorten, shorten_path, slug

from .conftest import HOSTILE


@pytest.mark.parametrize("name", HOSTILE)
def test_plain_text_is_one_printable_line(name: str) -> None:
    assert plain(name).isprintable()


def test_invisible_characters_are_written_out() -> None:
    assert plain("a\u202eb\x1bc\ud800") == "a\\u202eb\\x1bc\\ud800"


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("<script>", "&lt;script&gt;"),
        ("a|b\nc", "a\\|b c"),
        ("$x$ `y` *z* _w_", "\\$x\\$ \\`y\\` \\*z\\* \\_w\\_"),
        ("[a](http://b)", "\\[a\\]\\(http\\://b\\)"),
        ("&lt;", "&amp;lt;"),
    ],
)
def test_markdown_shows_a_name_as_it_is(name: str, escaped: str) -> None:
    assert markdown(name) == escaped


def test_shortening_keeps_both_ends() -> None:
    assert shorten("abcdefghij", 7) == "abc…hij"
    assert shorten("a" * 300 + "z", 9)[-1] == "z"
    assert shorten("short", 9) == "short"


@pytest.mark.parametrize("name", [*HOSTILE, "../../etc/passwd", "", "日本", "CON"])
def test_a_slug_is_a_safe_file_name(name: str) -> None:
    assert slug(name)
    assert set(slug(name)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(slug(name)) <= 40


def test_slugs_are_unique() -> None:
    assert slug("a b", {"a-b", "a-b-2"}) == "a-b-3"


def test_words_are_enumerated() -> None:
    assert enumerate_words(["a"]) == "a"
    assert enumerate_words(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(("width", "short"), [(20, "dense/lstm/kernel"), (17, "dense/lstm/kernel"), (8, "…/kernel")])
def test_a_path_loses_its_front(width: int, short: str) -> None:
    assert shorten_path("dense/lstm/kernel", width) == short


def test_an_inert_page_calls_nobody() -> None:
    assert inert("@a #1 :+1: a@b 12:30") == "@<!-- -->a #<!-- -->1 :<!-- -->+1: a@<!-- -->b 12:<!-- -->30"
    assert inert("GH-12 (gh-3) a/b#4 :-1:") == "GH-<!-- -->12 (gh-<!-- -->3) a/b#<!-- -->4 :<!-- -->-1:"


def test_an_inert_page_keeps_its_tables_and_what_only_looks_alike() -> None:
    for page in ("| a | b |\n| :--- | ---: |", "high-12", "GH-", "ratio: -1", "a - 1"):
        assert inert(page) == page

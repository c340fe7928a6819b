"""Sentences of the Markdown report as HTML: emphasis, escapes and entities, and nothing else."""

from functools import lru_cache

from markdown_it import MarkdownIt
from markupsafe import Markup

# "zero" knows no rule at all: no link, image or HTML can come of a name, whatever it holds.
_PARSER = MarkdownIt("zero").enable(["emphasis", "escape", "entity", "backticks"])


@lru_cache(maxsize=4096)
def inline(sentence: str) -> Markup:
    """`sentence` as the functions of bench.report.words write it."""
    return Markup(_PARSER.renderInline(sentence))  # noqa: S704  # the parser escapes all text

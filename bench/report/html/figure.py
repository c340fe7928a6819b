"""A figure of the page: its panels, and all that stands beside them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

COLOURS = 8
"""Classes s0..s7 of the style sheet; lines beyond are dashed."""
DASHES = 3


class Data(NamedTuple):
    """A table of text; the first column is untrusted."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    """What was left out."""


class Key(NamedTuple):
    """A legend entry: the class of a mark, its kind (line, dot, cross, band) and its untrusted name."""

    css: str
    kind: str
    name: str


@dataclass(frozen=True)
class Figure:
    """Panels, with the sentence, the method and the data that belong to them."""

    ident: str
    title: str
    panels: Sequence[tuple[str, Markup]]
    """Heading (untrusted; empty for none) and drawing."""
    data: Data
    method: str
    sentence: str = ""
    """Markdown, as bench.report.words writes it."""
    keys: Sequence[Key] = ()
    wide: bool = False
    """One panel as wide as the page."""


def series(place: int) -> str:
    """The classes of the `place`-th of several lines."""
    return f"s{place % COLOURS} d{place // COLOURS % DASHES}"


def finite(values: Iterable[float | None]) -> list[float]:
    """Those that are finite numbers."""
    return [value for value in values if value is not None and math.isfinite(value)]

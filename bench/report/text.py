"""Names and reasons come from users' files and exceptions: here they become harmless one-line text."""

import re
import unicodedata
from collections.abc import Iterable, Set

_HIDDEN = {"Cc", "Cf", "Cs", "Cn"}
"""Unicode categories that a reader cannot see: controls, bidirectional marks, lone surrogates, unassigned."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#|~$!])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def plain(text: object) -> str:
    """`text` on one line, every invisible character written out as its escape."""
    words = " ".join(str(text).split())
    return "".join(_written_out(char) if unicodedata.category(char) in _HIDDEN else char for char in words)


def _written_out(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` characters; the middle goes, since the ends tell names apart."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def shorten_path(text: str, width: int) -> str:
    """`text` in at most `width` characters; the front goes, since the end of a path says what it is."""
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :]


def trim(text: str, width: int) -> str:
    """`text` in at most `width` characters; the end goes."""
    return text if len(text) <= width else text[: width - 1] + "…"


def markdown(text: object) -> str:
    """Untrusted text inside a line of Markdown: it shows as it is and starts no markup, link or HTML."""
    escaped = _MARKDOWN.sub(r"\\\1", plain(text)).translate(_ENTITIES)
    return escaped.replace("://", "\\://").replace("www.", "www\\.")


def inert(page: str) -> str:
    """Markdown in which GitHub, which looks for them in what it rendered, calls nobody, links no issue and draws no
    emoji."""
    return re.sub(r"(@|#|:)(?=[\w+])|:(?=-\d)|\bGH-(?=\d)", r"\g<0><!-- -->", page, flags=re.IGNORECASE)


def slug(text: str, taken: Set[str] = frozenset(), width: int = 40) -> str:
    """A file name for `text`: ASCII letters, digits and single hyphens; not in `taken`."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:width].strip("-") or "task"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def enumerate_words(words: Iterable[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last

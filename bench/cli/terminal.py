"""A terminal's width is for people; what is piped stays whole, a line each."""

import shutil
import sys
import textwrap

_INDENT = "    "
_LEAST = 20


def columns() -> int | None:
    """How many the terminal on standard output has; None where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def fold(line: str) -> str:
    """`line`, in a terminal broken between words, what is broken off further in. A word stays whole, however long."""
    width = columns()
    if width is None or len(line) <= width:
        return line
    inset = line[: len(line) - len(line.lstrip())] + _INDENT
    return textwrap.fill(
        line, max(width, _LEAST), subsequent_indent=inset, break_long_words=False, break_on_hyphens=False
    )


def cut(line: str) -> str:
    """`line`, in a terminal no longer than that is wide."""
    width = columns()
    return line if width is None or len(line) <= width else line[: width - 1] + "…"

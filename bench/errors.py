"""Errors a user can meet. Each says what is wrong, what was expected, what was received and what to do.

BenchError            anything archbench reports in one line instead of a traceback
  UsageError          the command or suite asks for something that does not exist or cannot be (exit 2)
  DataError           a data set is missing, altered or malformed (exit 4)
  PluginError         a user's task or architecture file cannot be used (exit 4)
  StoreError          results cannot be read or written (exit 4)
"""

import difflib
from collections.abc import Iterable

_MOST = 16
"""Names that an error offers where none is near."""


class BenchError(Exception):
    """Base of every error a user can meet; `exit_code` is what the command line returns for it."""

    exit_code = 4


class UsageError(BenchError):
    """A name, setting or flag that does not exist or is out of range."""

    exit_code = 2


class DataError(BenchError):
    """A data set that is missing, altered or malformed."""


class PluginError(BenchError):
    """A user's task or architecture file that cannot be used."""


class StoreError(BenchError):
    """A results folder that cannot be read or written."""


def shown(value: object) -> str:
    """A received value for an error: on one line and not longer than that bears."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 cell", "2 cells"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not in the catalogue, with the nearest names that are, or the first of all."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    more = ", ..." if len(names) > _MOST else ""
    hint = f"did you mean {', '.join(near)}?" if near else f"expected one of {', '.join(names[:_MOST])}{more}"
    return UsageError(f"unknown {kind} {shown(name)}" + (f"; {hint}" if names else ""))

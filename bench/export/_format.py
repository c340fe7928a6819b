"""What a format is, and how the formats are found, loaded and written."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import bench.export
from bench.errors import StoreError, UsageError, unknown
from bench.report.output import save
from bench.runs import Runs


class Request(NamedTuple):
    """What is to be exported."""

    runs: Runs
    place: Path
    """Where to: a file or a folder, as the format says."""
    commit: str | None = None
    """Hash of the commit that was measured; records do not know it."""


class Exported(NamedTuple):
    """What a format makes of a request."""

    files: Iterable[tuple[str, bytes]]
    """Names below the folder, and contents, made as they are asked for; nothing where there is nothing to export."""
    left_out: list[str]
    """What is in the records and not in the files, and why; a line each. Untrusted text."""


@dataclass(frozen=True)
class Format:
    """A foreign format."""

    export: Callable[[Request], Exported]
    file: str | None = None
    """Name of its only file; None where it is a folder."""


def format_names() -> list[str]:
    """The formats: the files of this folder."""
    found = (info.name for info in pkgutil.iter_modules(bench.export.__path__))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def load_format(name: str) -> Format:
    """A format by name. Raises UsageError where there is none, or where a package that it needs is not installed."""
    if name not in format_names():
        raise unknown("format", name, format_names())
    try:
        found = importlib.import_module(f"bench.export.{name.replace('-', '_')}").FORMAT
    except ImportError as error:
        if (error.name or "bench").partition(".")[0] == "bench":
            raise
        raise UsageError(
            f"--to {name}: the package {error.name} is missing or too old; install it: pip install 'archbench[export]'"
        ) from None
    assert isinstance(found, Format)
    return found


def write_export(form: Format, request: Request) -> tuple[list[Path], list[str]]:
    """Write the files of a format; their paths, and what is left out. No paths where there is nothing it could hold.

    Raises StoreError where there are no records, or nothing can be written.
    """
    if not request.runs.records:
        why = "; ".join(["there are no records", *request.runs.notes])
        raise StoreError(f"cannot export: {why}; run `archbench run` first, or name another folder")
    exported = form.export(request)
    paths = [save(request.place if form.file else request.place / name, made) for name, made in exported.files]
    return paths, exported.left_out

"""The formats of a report, and how their files are written. A format is imported when it is asked for: some draw."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Final

from bench.errors import StoreError
from bench.runs import Runs
from bench.store import write_atomic

_WRITERS: Final = {
    "html": "bench.report.html:write_page",
    "md": "bench.report.markdown:write_markdown",
    "latex": "bench.report.latex:write_latex",
    "csv": "bench.report.tables:write_csv",
    "json": "bench.report.document:write_json",
    "figures": "bench.report.gallery:write_figures",
}
"""Format -> module and function, `(runs, folder, *, title) -> paths`; the same records give the same bytes."""
FORMATS: Final = tuple(_WRITERS)


def write_report(runs: Runs, folder: Path, *, formats: Iterable[str] = ("html",), title: str) -> list[Path]:
    """Write a report into `folder`, each format once; the files, or the folder of figures.

    Raises StoreError where there are no records, or nothing can be written.
    """
    if not runs.records:
        why = "; ".join(["there are no records", *runs.notes])
        raise StoreError(f"cannot write a report: {why}; run `archbench run` first, or name another folder")
    paths = []
    for name in dict.fromkeys(formats):
        module, _, function = _WRITERS[name].partition(":")
        paths += getattr(import_module(module), function)(runs, folder, title=title)
    return paths


def save(path: Path, content: str | bytes) -> Path:
    """Write a file of the report, whole or not at all; its path. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A lone surrogate in a name has no UTF-8.
        write_atomic(path, content if isinstance(content, bytes) else content.encode(errors="backslashreplace"))
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}; choose another folder with --out") from None
    return path

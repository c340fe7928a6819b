r"""The report's tables for a paper: `table.tex`, one `table` of booktabs a task, to `\input` or to pick from."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.report import formats, words
from bench.report.aggregate import task_tables
from bench.report.contrasts import best_group
from bench.report.output import save
from bench.report.rows import Row, TaskTable
from bench.report.text import plain, shorten, slug, trim
from bench.runs import Runs

_NAME, _LABEL, _REASON, _NOTE = 32, 160, 160, 500
_ESCAPES: Final = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedblright{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "–": r"\textendash{}",
    "→": r"$\rightarrow$",
    "±": r"$\pm$",
    "…": r"\ldots{}",
    **{char: f"\\{char}" for char in "{}$&#_%"},
}
_EXPONENT: Final = re.compile(r"(-?[\d.]+)e(-?\d+)")
_HEADER: Final = ("architecture", "test score", "solved", "steps to target", "parameters", "ms/step")


def write_latex(runs: Runs, folder: Path, *, title: str) -> list[Path]:
    """Write `table.tex` into `folder`; its path. Raises StoreError."""
    tables = task_tables(runs.records)
    taken = set[str]()
    parts = list(_opening(runs.notes, title))
    for table in tables:
        name = slug(table.label, taken)
        taken.add(name)
        parts.append("\n".join(_table(table, name)))
    return [save(folder / "table.tex", "\n\n".join(parts) + "\n")]


def latex(text: object) -> str:
    """Untrusted text inside a line of LaTeX: it shows as it is and starts no command.

    Characters that pdfTeX's own fonts lack are written as their number, as in U+65E5.
    """
    escaped = re.sub("-(?=-)", "-{}", "".join(map(_escaped, plain(text))))  # two would become a dash
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped  # the end of the line above would take it


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    base = unicodedata.normalize("NFD", char)[0]
    if char.isascii() or ("À" <= char <= "ÿ" and base.isascii()):
        return char
    return f"U+{ord(char):04X}"


def _number(text: str) -> str:
    """A number as `formats` writes it: 1.2e-5 becomes a power of ten, a dash for none stays one."""
    return latex(text) if text == formats.NOTHING else _EXPONENT.sub(r"$\1 \\times 10^{\2}$", text)


def _opening(notes: Sequence[str], title: str) -> Iterator[str]:
    lines = [f"% {trim(plain(line), _NOTE)}" for line in (title, *notes)]
    yield "\n".join([*lines, r"% Needs \usepackage{booktabs}."])


def _table(table: TaskTable, name: str) -> Iterator[str]:
    best = best_group(table)
    yield r"\begin{table}[htbp]"
    yield r"\centering"
    yield rf"\caption{{{_caption(table, bold=bool(best))}}}"
    yield rf"\label{{tab:{name}}}"
    yield r"\small"
    yield r"\begin{tabular}{@{}lrrrrr@{}}"
    yield r"\toprule"
    yield " & ".join(_HEADER) + r" \\"
    yield r"\midrule"
    for row in table.rows:
        if row.planned:
            yield " & ".join(_cells(row, best=row in best)) + r" \\"
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield from _remarks(table)
    yield r"\end{table}"


def _caption(table: TaskTable, *, bold: bool) -> str:
    record = table.any
    seeds = sorted({len(row.planned) for row in table.rows if row.planned})
    count = (
        f"{seeds[0]} to {seeds[-1]} seeds" if len(seeds) > 1 else words.count(seeds[0], "seed") if seeds else "no seed"
    )
    metric = f"{latex(trim(record.metric, _NAME))} ({formats.direction(record)})"
    told = (
        "Bold: the best, and those not told from it (all pairs, Holm, 5\\,\\%)."
        if bold
        else "No architecture is told from the best."
        if sum(bool(row.planned) for row in table.rows) > 1
        else ""
    )
    spread = " $\\pm$ half of its 95\\,\\% interval" if any(row.interval for row in table.rows) else ""
    # In full: the settings that tell two tables apart stand in the middle of a label.
    task = latex(shorten(plain(table.label), _LABEL))
    caption = (
        f"{task}: test {metric}, mean over {count}{spread}. "
        f"Chance {_number(formats.number(record.chance))}, target {_number(formats.number(record.target))}. {told}"
    )
    return caption.rstrip()


def _cells(row: Row, *, best: bool) -> list[str]:
    mean, half = _number(formats.mean(row)), formats.half_width(row)
    return [
        _name(row.architecture),
        (rf"\textbf{{{_bold(mean)}}}" if best else mean) + (rf" $\pm$ {_number(half)}" if half else ""),
        f"{row.solved}/{len(row.planned)}",
        _number(formats.steps_to_target(row)),
        formats.count(row.parameters).replace(",", r"\,") if row.parameters is not None else latex(formats.NOTHING),
        _number(formats.step(row)),
    ]


def _bold(mean: str) -> str:
    return rf"\boldmath {mean}" if "$" in mean else mean


def _remarks(table: TaskTable) -> Iterator[str]:
    """Beneath the table: seeds without a score and skips, with their reasons, and what the mark of times means."""
    remarks = [
        f"{_name(row.architecture)}, seed {shorten(seeds, _NAME)}: {status}: {latex(trim(reason, _REASON))}"
        for row in table.rows
        for seeds, status, reason in row.unfinished
    ]
    if any(formats.SHARED in formats.step(row) for row in table.rows):
        remarks.append(f"Times marked {formats.SHARED} are of the training, other workers beside it")
    if remarks:
        yield r"\par\smallskip\begin{minipage}{\linewidth}\footnotesize"
        yield ".\n".join(remarks) + "."
        yield r"\end{minipage}"


def _name(label: str) -> str:
    return latex(shorten(plain(label), _NAME))

"""What a job found, for people and their CI: lines, Markdown, JUnit XML and GitHub's annotations. Pure.

Names of cells, refs and reasons are somebody else's text and are shown as such.
"""

import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree

from bench.regress.detector import Speed
from bench.regress.gates import Gate
from bench.regress.report import Report, Result
from bench.report.text import inert, markdown, plain, shorten, trim

SUMMARY_BYTES: Final = 900_000
"""GitHub drops a step's whole summary above 1 MiB."""
COMMENT_BYTES: Final = 60_000
"""A comment has at most 65,536 characters."""
_ANNOTATIONS: Final = 8
_NAME, _NOTE = 120, 300
COLUMNS: Final = ("cell", "base ms", "head ms", "ratio [99 %]", "p", "N", "excluded", "speed")
_FINE: Final = ("OK", "IDENTICAL")


def row(result: Result) -> tuple[str, ...]:
    """A cell of COLUMNS."""
    speed, steps = result.speed, result.step_seconds
    base, head = ("–", "–") if steps is None else (f"{1e3 * one:.3g}" for one in (steps.base, steps.head))
    ratio = "–"
    if speed.ratio is not None:
        low, high = ("?" if bound is None else f"{bound:.3f}" for bound in (speed.low, speed.high))
        ratio = f"{speed.ratio:.3f} [{low}, {high}]"
    excluded = "–" if speed.excluded is None else f"> {speed.excluded:.1%}"
    name = shorten(plain(result.cell), _NAME)
    return name, base, head, ratio, _p(speed), str(speed.generations), excluded, speed.outcome


def _p(speed: Speed) -> str:
    return "–" if speed.p is None else f"{speed.p:.2g}"


def remarks(result: Result) -> list[str]:
    """What has to be said of a cell beside its row."""
    lines = [f"speed: {result.speed.outcome}: {result.speed.reason}"] if result.speed.reason else []
    for gate in result.gates:
        if gate.outcome not in _FINE or gate.note:
            note = f" ({gate.note})" if gate.note else ""
            lines.append(f"{gate.name}: {gate.outcome}: base {gate.base}, head {gate.head}{note}")
    return [trim(plain(line), _NOTE) for line in lines]


def quiet_gates(results: Sequence[Result]) -> str:
    """The gates that hold wherever they were asked, as a clause: 'on every cell: ...'; empty where there is none."""
    names = list(dict.fromkeys(gate.name for result in results for gate in result.gates))
    said: dict[int, list[str]] = {}
    for name in names:
        outcomes = [gate.outcome for result in results for gate in result.gates if gate.name == name]
        if set(outcomes) <= set(_FINE):
            fine = "IDENTICAL" if set(outcomes) == {"IDENTICAL"} else "OK"
            said.setdefault(len(outcomes), []).append(f"{name} {fine}")
    return "; ".join(
        f"on {'every cell' if cells == len(results) else f'{cells} of {len(results)} cells'}: {', '.join(gates)}"
        for cells, gates in sorted(said.items(), reverse=True)
    )


def to_markdown(report: Report, limit: int = SUMMARY_BYTES) -> str:
    """A table and the remarks, in at most `limit` bytes: what does not fit is counted."""
    head = [inert(f"### archbench regress: {markdown(report.headline)}"), ""]
    head += ["| " + " | ".join((*COLUMNS, "verdict")) + " |", "|" + " --- |" * (len(COLUMNS) + 1)]
    lines = [inert("| " + " | ".join(map(markdown, (*row(result), result.outcome))) + " |") for result in report.cells]
    notes = [
        inert(f"- {markdown(shorten(plain(result.cell), _NAME))}: {markdown(line)}")
        for result in report.cells
        for line in remarks(result)
    ]
    fine = quiet_gates(report.cells)
    foot = [f"\n{fine[0].upper()}{fine[1:]}."] if fine else []
    left, kept = limit - sum(len(line.encode()) + 1 for line in (*head, *foot)) - 200, []
    for at, line in enumerate(body := [*lines, "", *notes]):
        left -= len(line.encode()) + 1
        if left < 0:
            foot = [f"\n{len(body) - at} more lines are left out, for want of room.", *foot]
            break
        kept.append(line)
    return "\n".join([*head, *kept, *foot]) + "\n"


def to_junit(report: Report, *, strict: bool) -> str:
    """A test case for each gate of each cell: regressions are failures, what could not be measured is an error."""
    suite = ElementTree.Element("testsuite", name="archbench regress")
    counts = {"failure": 0, "error": 0, "skipped": 0}
    cases = [
        (result, *said)
        for result in report.cells
        for said in (_speed_case(result.speed), *map(_gate_case, result.gates))
    ]
    for result, name, outcome, message in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=trim(plain(result.cell), _NOTE), name=name)
        kinds = {"REGRESSION": "failure", "FAILED": "error", "INCONCLUSIVE": "failure" if strict else "skipped"}
        if outcome in kinds:
            counts[kinds[outcome]] += 1
            ElementTree.SubElement(case, kinds[outcome], message=trim(plain(f"{outcome}: {message}"), 3 * _NOTE))
        else:
            ElementTree.SubElement(case, "system-out").text = trim(plain(f"{outcome}: {message}"), 3 * _NOTE)
    suite.set("tests", str(len(cases)))
    for kind, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(counts[kind]))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _gate_case(one: Gate) -> tuple[str, str, str]:
    return one.name, one.outcome, f"base {one.base}, head {one.head} {one.note}".strip()


def _speed_case(one: Speed) -> tuple[str, str, str]:
    ratio = "" if one.ratio is None else f"ratio {one.ratio:.3f}, p {_p(one)}, {one.generations} generations"
    return "speed", one.outcome, "; ".join(filter(None, (ratio, one.reason)))


def annotations(results: Sequence[Result]) -> list[str]:
    """GitHub's error lines, of the first few cells that are not fine, and how many there are in all."""
    bad = [result for result in results if result.outcome in ("REGRESSION", "FAILED")]
    lines = []
    for result in bad[:_ANNOTATIONS]:
        ratio = f"speed {result.speed.outcome}"
        if result.speed.ratio is not None:
            ratio += f", ratio {result.speed.ratio:.3f}"
        said = "; ".join([ratio, *remarks(result)])
        lines.append(f"::error title=archbench regress::{_escaped(f'{shorten(plain(result.cell), _NAME)}: {said}')}")
    if len(bad) > _ANNOTATIONS:
        lines.append(f"::notice title=archbench regress::{len(bad)} cells in all have regressed or failed")
    return lines


def _escaped(text: str) -> str:
    return re.sub("[%\r\n]", lambda found: f"%{ord(found[0]):02X}", text)

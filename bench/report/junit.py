"""A comparison as JUnit XML, which CI systems show: a test case for every quantity of every task and architecture."""

import re
from typing import Final
from xml.etree import ElementTree as ET

from bench.compare import Comparison
from bench.quantities import Quantity
from bench.report.comparison import parts
from bench.report.text import plain, shorten, trim

_NAME: Final = 120
_REASON: Final = 300
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, however they are written."""


def junit(comparison: Comparison) -> bytes:
    """A suite a task. Worse and missing are failures, failed cells are errors, what is unclear or new is skipped.

    Two runs with nothing in common are an error of their own: no form of them may look like success.
    """
    root = ET.Element("testsuites", name="archbench compare")
    if not comparison.common:
        suite = ET.SubElement(root, "testsuite", name="archbench compare")
        case = ET.SubElement(
            suite, "testcase", classname="archbench", name="BASE and HEAD have cells in common", time="0"
        )
        message = _text("; ".join(comparison.notes) or "nothing in common", _REASON)
        ET.SubElement(case, "error", type="nothing-measured", message=message).text = message
        _count(suite)
    for part in parts(comparison):
        cases = [(label, quantity) for label, row in part.rows for quantity in row.quantities if not quantity.advisory]
        suite = ET.SubElement(root, "testsuite", name=_text(part.task))
        for label, quantity in cases:
            _case(suite, _text(part.task), _text(label), quantity)
        _count(suite)
    _count(root)
    ET.indent(root)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + bytes(ET.tostring(root, encoding="utf-8"))


def _case(suite: ET.Element, task: str, label: str, quantity: Quantity) -> None:
    case = ET.SubElement(suite, "testcase", classname=task, name=f"{label}: {quantity.name}", time="0")
    message = _text(_sentence(quantity), _REASON)
    match quantity.verdict:
        case "worse" | "missing":
            ET.SubElement(case, "failure", type=quantity.verdict, message=message).text = message
        case "failed":
            ET.SubElement(case, "error", type=quantity.verdict, message=message).text = message
        case "unclear" | "new":
            ET.SubElement(case, "skipped", message=message)
        case _:
            ET.SubElement(case, "system-out").text = message


def _sentence(quantity: Quantity) -> str:
    known = [f"BASE {quantity.base:.4g}" if quantity.base is not None else ""]
    known.append(f"HEAD {quantity.head:.4g}" if quantity.head is not None else "")
    if quantity.effect is not None:
        interval = quantity.interval
        ends = f" [{interval.low:.4g}, {interval.high:.4g}]" if interval else ""
        known.append(f"{quantity.scale} {quantity.effect:.4g}{ends}")
    return f"{quantity.verdict}: " + "; ".join(filter(None, [*known, quantity.note]))


def _count(element: ET.Element) -> None:
    for key, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        # The root's own schema knows no skipped.
        if element.tag == "testsuite" or key != "skipped":
            element.set(key, str(sum(1 for _ in element.iter(tag))))
    element.set("time", "0")


def _text(text: str, width: int = _NAME) -> str:
    return _NO_XML.sub("?", trim(shorten(plain(text), max(width, _NAME)), width))

"""The page: its sections put together, and nothing in it that asks for another file."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench import __version__
from bench.claims._claim import Claim, Verdict
from bench.errors import StoreError
from bench.record import Record
from bench.report import words
from bench.report.across import across
from bench.report.aggregate import task_tables
from bench.report.contrasts import best_group, contrasts
from bench.report.flow_table import FLOW_COLUMNS, INTERVENTIONS, intervention_table
from bench.report.html import filter_charts, flow_charts, length_charts, score_charts, sections, target_charts
from bench.report.html.figure import Data, Figure
from bench.report.html.inline import inline
from bench.report.html.sections import Compared, Part
from bench.report.lengths import climbs
from bench.report.output import save
from bench.report.rows import Curves, TaskTable, remembered
from bench.report.tables import csv_text, summary
from bench.report.text import markdown, plain, shorten, slug

_NUMBER = re.compile(r"[*<>≥ \[\]\d.,–%→e+\-]+|never|inf|nan")
_CHIPS = {"better": "yes", "supported": "yes", "worse": "no", "refuted": "no", "failed": "no", "diverged": "no",
          "timeout": "no", "out-of-memory": "no", "no finite score": "no", "partly": "some", "changed": "some",
          "gradient flow not measured": "some"}  # fmt: skip


def write_html(
    records: Iterable[Record],
    curves: Curves,
    folder: Path,
    *,
    title: str,
    claims: Sequence[tuple[Claim, Verdict]] = (),
    notes: Sequence[str] = (),
    missing: int | None = 0,
) -> Path:
    """Writes `report.html` into `folder` and returns its path. The same records give the same bytes.

    `curves`: the arrays beside a record (bench.store.Store.curves). `claims`: those that the records are evidence for,
    judged. `notes`: what to know about how the runs were read (bench.runs), untrusted. `missing`: planned cells that
    have no record, None where it is not known how many. Raises StoreError where there are no records or the folder
    cannot be written.
    """
    records = list(records)
    tables = task_tables(records)
    if not tables:
        raise StoreError(
            "cannot write a report: there are no records; run `archbench run` first or name another folder"
        )
    page = _page(records, tables, curves, title, claims, missing) | {"notes": notes, "missing": missing}
    return save(folder / "report.html", render("report.html.j2", page))


def render(template: str, found: Mapping[str, Any]) -> str:
    """A page from one of our templates, with the style and the script that all of them have."""
    style, script = _asset("style.css"), _asset("script.js")
    own = {"version": __version__, "style": style, "script": script, "policy": _policy(style, script)}
    return _environment().get_template(template).render({**own, **found})


def _page(
    records: Sequence[Record],
    tables: Sequence[TaskTable],
    curves: Curves,
    title: str,
    claims: Sequence[tuple[Claim, Verdict]],
    missing: int | None,
) -> dict[str, Any]:
    compared = _compared(tables)
    parts = [_charts(one, remembered(curves)) for one in compared]  # a task's arrays at a time in memory
    by_section = {
        section: [part for each in parts if (part := each[section])]
        for section in ("scores", "costs", "learning", "gradient")
    }
    latest = [record for table in tables for row in table.rows for record in row.records]
    times = [record.measured_at for record in latest]
    found: dict[str, Any] = {
        "title": title,
        "when": f"Measured from {min(times).isoformat(' ', 'minutes')} to {max(times).isoformat(' ', 'minutes')}.",
        "verdict": sections.verdict(compared, missing or 0),
        "leads": [words.lead(table) for table in tables],
        "matrix": sections.matrix(compared),
        "rows": sections.rows_table(compared),
        "summary": "data:text/csv;charset=utf-8," + quote(csv_text(summary(records))),
        "failures": sections.failures(compared),
        **by_section,
        "pairs": [part for one in compared if (part := sections.pairs(one))],
        "pairs_intro": sections.PAIRS_INTRO,
        "across": target_charts.across_section(across(tables)),
        "lengths": length_charts.across_lengths(climbs(records)),
        "speed": [part for one in compared if (part := sections.speed(one))],
        "claims": sections.claims(claims),
        "machines": sections.machines(latest),
        "conditions": [sections.condition_part(one) for one in compared],
        "meanings": list((sections.MEANINGS | FLOW_COLUMNS).items()),
    }
    contents = [(anchor, label) for anchor, label in _CONTENTS if found.get(anchor) or anchor in _ALWAYS]
    shown = {anchor for anchor, _ in contents}
    tiles = [tile for tile in sections.tiles(compared, missing or 0) if tile.link in shown]
    return found | {"contents": contents, "tiles": tiles}


_CONTENTS = (
    ("results", "Results"),
    ("failures", "Failures and skips"),
    ("costs", "Score against speed and size"),
    ("pairs", "Pairwise comparisons"),
    ("across", "Across tasks"),
    ("learning", "Learning"),
    ("lengths", "Across lengths"),
    ("gradient", "Gradient flow"),
    ("speed", "Speed"),
    ("claims", "Claims"),
    ("conditions", "Conditions and commands"),
    ("meanings", "What the columns mean"),
)
_ALWAYS = {"results", "failures", "speed", "conditions", "meanings"}


def _compared(tables: Sequence[TaskTable]) -> list[Compared]:
    found, taken = [], set[str]()
    for table in tables:
        ident = slug(table.label, taken)
        taken.add(ident)
        tested = contrasts(table)
        found.append(Compared(ident, table, tested, best_group(table, tested)))
    return found


def _charts(one: Compared, curves: Curves) -> dict[str, Part | None]:
    """The figures of a task, by section; None where there is nothing to draw."""
    table = one.table
    drawn: dict[str, list[Callable[[str], Figure | None]]] = {
        "scores": [partial(score_charts.scores, table)],
        "costs": [partial(score_charts.costs, table)],
        "learning": [
            partial(score_charts.learning, table, curves),
            partial(target_charts.to_target, table),
            partial(filter_charts.filters, table, curves),
        ],
        "gradient": [
            partial(flow_charts.norms, table, curves),
            partial(flow_charts.reach, table, curves),
            partial(flow_charts.lag_maps, table, curves),
            partial(flow_charts.lives, table),
            partial(flow_charts.gates, table, curves),
        ],
    }
    found: dict[str, Part | None] = {}
    for section, draws in drawn.items():
        figures = [fig for i, draw in enumerate(draws) if (fig := draw(f"{section}-{one.ident}-{i}"))]
        tables = []
        if section == "gradient" and (interventions := intervention_table(table)):
            tables = [(f"{INTERVENTIONS} Metric: {markdown(table.any.metric)}.", Data(*interventions))]
        found[section] = Part(one.ident, table.label, figures, tables=tables) if figures or tables else None
    return found


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("bench.report.html"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined, keep_trailing_newline=True,
    )  # fmt: skip
    found.filters |= {"name": lambda text, width: shorten(plain(text), width), "inline": inline, "chip": _chip}
    found.tests["numeric"] = lambda text: bool(_NUMBER.fullmatch(text))
    return found


def _chip(status: str) -> str:
    return _CHIPS.get(status, "")


def _asset(name: str) -> Markup:
    """A file of ours that stands in the page as it is."""
    return Markup((Path(__file__).parent / "templates" / name).read_text(encoding="utf-8"))  # noqa: S704  # our own file


def _policy(style: str, script: str) -> str:
    """Nothing is loaded, and no style and no script runs but the two of the page."""
    own = {name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for name, text in
           (("style", style), ("script", script))}  # fmt: skip
    return (
        f"default-src 'none'; style-src 'sha256-{own['style']}'; script-src 'sha256-{own['script']}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )

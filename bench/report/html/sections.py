"""What each section of the page shows, as text and tables: computed elsewhere, arranged here."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bench.claims._claim import Claim, Verdict
from bench.record import Record
from bench.report import conditions, formats, words
from bench.report.contrasts import Contrast
from bench.report.html.command import command
from bench.report.html.figure import Data, Figure
from bench.report.rows import Row, TaskTable
from bench.report.speed_table import SPEED_COLUMNS, speed_table
from bench.report.text import enumerate_words, markdown, plain


@dataclass(frozen=True)
class Part:
    """What a section shows of one task."""

    ident: str
    label: str
    """Untrusted."""
    figures: Sequence[Figure] = ()
    remark: str = ""
    data: Data | None = None
    tables: Sequence[tuple[str, Data]] = ()
    training: Sequence[tuple[str, Sequence[str]]] = ()
    commands: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Compared:
    """A task's table with its tests, made once for all sections."""

    ident: str
    table: TaskTable
    contrasts: Sequence[Contrast]
    best: frozenset[Row]


class Tile(NamedTuple):
    """A number at the top of the page."""

    value: str
    what: str
    link: str
    css: str = ""


def verdict(compared: Sequence[Compared], missing: int) -> list[str]:
    """Three sentences, in Markdown: what ran, and how many planned runs are `missing`; what can be told apart; what
    not."""
    return [_ran(compared, missing), _told(compared), _open(compared)]


def _ran(compared: Sequence[Compared], missing: int) -> str:
    rows = [row for one in compared for row in one.table.rows]
    planned = sum(len(row.planned) for row in rows)
    scored = sum(len(row.scored) for row in rows)
    lost = Counter(
        "ended without a finite score" if record.status == "ok" else record.status
        for row in rows for record in row.planned if not row.has_score(record)
    )  # fmt: skip
    skipped = sum(not row.planned for row in rows)
    seeds = sorted({len(row.planned) for row in rows if row.planned})
    each = f", {_range(seeds)} {'seed' if seeds == [1] else 'seeds'} each" if seeds else ""
    parts = [f"{count} {what}" for what, count in sorted(lost.items())]
    parts += [f"{words.count(skipped, 'pair')} skipped"] if skipped else []
    parts += [f"{missing} missing here"] if missing else []
    tail = f"; {enumerate_words(parts)}" if parts else ""
    arms = words.count(len({row.architecture for row in rows}), "architecture")
    where = f"{arms} on {words.count(len(compared), 'task')}{each}"
    return f"{scored} of {planned + missing} planned runs finished with a score: {where}{tail}."


def _range(seeds: Sequence[int]) -> str:
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"


def _told(compared: Sequence[Compared]) -> str:
    if not any(one.table.ranked for one in compared):
        return "Nothing can be said of who is best: no run has a score."
    if len(compared) == 1:
        return _told_one(compared[0])
    groups = [one.best for one in compared if one.best]
    alone = sum(len(group) == 1 for group in groups)
    held = Counter(row.architecture for group in groups for row in group)
    if not held:
        return f"On none of {len(compared)} tasks do the seeds tell any architecture from the best one."
    often = [
        f"{words.bold(name)} ({count})" for name, count in sorted(held.items(), key=lambda item: (-item[1], item[0]))
    ]
    more = f" and {len(often) - 4} more" if len(often) > 4 else ""
    single = f"a single architecture on {alone}" if alone else "never a single architecture"
    where = f"on {len(groups)} of {len(compared)} tasks"
    who = "most often in it" if max(held.values()) > 1 else "in it"
    return f"The seeds tell a best group from the rest {where}, {single}; {who}: {', '.join(often[:4])}{more}."


def _told_one(one: Compared) -> str:
    # Not always the greatest mean: a row with a failed seed may have that, and is never in the best group.
    first = next(row for row in one.table.ranked if row in one.best or not one.best)
    mean = f"a mean {markdown(one.table.any.metric)} of {formats.number(first.mean)}"
    if not one.best:
        leaders = one.table.best
        verb, them = ("leads", "it") if len(leaders) == 1 else ("lead", "them")
        alone = sum(bool(row.planned) for row in one.table.rows) == len(leaders)
        rest = "" if alone else f", but the seeds tell no other from {them}"
        return f"{words.names(leaders)} {verb} with {mean}{rest}."
    names = words.names([row for row in one.table.rows if row in one.best])
    others = sum(bool(row.planned) for row in one.table.rows) - len(one.best)
    if len(one.best) == 1:
        from_whom = "the other one" if others == 1 else f"all {others} others"
        how = f"told apart from {from_whom}" if _all_told(one) else "of those with a score on every seed"
        return f"{names} is best with {mean}, {how}."
    behind = f"{words.count(others, 'other')} behind"
    return f"{names} are best and not told from the first of them, which has {mean}; {behind}."


def _all_told(one: Compared) -> bool:
    best = next(iter(one.best)).architecture
    return all(pair.verdict != "unclear" for pair in one.contrasts if best in (pair.a, pair.b))


def _open(compared: Sequence[Compared]) -> str:
    pairs = [pair for one in compared for pair in one.contrasts]
    unclear = [pair for pair in pairs if pair.verdict == "unclear"]
    few = sum(pair.test is None for pair in unclear)
    if not pairs:
        return "There is no pair to compare."
    if not unclear:
        all_of_them = (
            "The one pair of architectures is" if len(pairs) == 1 else f"All {len(pairs)} pairs of architectures are"
        )
        return f"{all_of_them} told apart, at 5 % over all pairs of a task."
    start = f"Unclear: {len(unclear)} of {words.count(len(pairs), 'pair')} of architectures"
    if few == len(unclear):
        return f"{start}, with too few seeds for a test: {words.ENOUGH_SEEDS} each are asked for."
    return f"{start}{_settled(sorted(pair.settles for pair in unclear if pair.settles is not None))}."


def _settled(seeds: Sequence[int]) -> str:
    """How many seeds would settle the nearest pair, and half of the pairs that seeds can settle."""
    if not seeds:
        return ""
    said = f"; about {seeds[0]} seeds each would settle the nearest of them"
    if len(seeds) > 2:
        said += f", and {seeds[len(seeds) // 2]} half of the {len(seeds)} that more seeds can settle"
    return said


def tiles(compared: Sequence[Compared], missing: int) -> list[Tile]:
    """The numbers of the first screen, failures among them whether there are any or not."""
    rows = [row for one in compared for row in one.table.rows]
    planned, scored = sum(len(row.planned) for row in rows), sum(len(row.scored) for row in rows)
    solved = sum(row.solved for row in rows)
    skipped = sum(len(row.records) for row in rows if not row.planned)
    pairs = [pair for one in compared for pair in one.contrasts]
    told = sum(pair.verdict != "unclear" for pair in pairs)
    timed = sum(row.timed is not None for row in rows)
    lost = planned - scored
    found = [
        Tile(f"{scored} of {planned + missing}", "runs with a score", "results"),
        Tile(f"{solved} of {planned + missing}", "runs solved their task", "learning"),
        Tile(str(lost), "runs failed or without a score", "failures", "bad" if lost else "good"),
        Tile(str(missing), "planned runs missing", "failures", "bad") if missing else None,
        Tile(str(skipped), "cells skipped", "failures"),
        Tile(f"{told} of {len(pairs)}", "pairs told apart", "pairs") if pairs else None,
        Tile(f"{timed} of {len(rows)}", "timed alone", "speed"),
    ]  # fmt: skip
    return [tile for tile in found if tile]


class Matrix(NamedTuple):
    """Architectures by tasks."""

    intro: str
    heads: Sequence[Mapping[str, str]]
    rows: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]


def matrix(compared: Sequence[Compared]) -> Matrix:
    """A row an architecture label, in the order of the tables."""
    labels = list(dict.fromkeys(row.architecture for one in compared for row in one.table.rows))
    own = [{row.architecture: row for row in one.table.rows} for one in compared]
    heads = [
        {"label": one.table.label, "about": f"{plain(one.table.any.metric)}, {formats.direction(one.table.any)}"}
        for one in compared
    ]
    rows = [
        (label, [_cell(one, found.get(label)) for one, found in zip(compared, own, strict=True)]) for label in labels
    ]
    return Matrix(
        "Mean test score over seeds, its 95 % interval, and the seeds that reached the target of those "
        "planned. ● marks "
        "the best group of a task: the best mean and those that the tests do not tell from it. The stronger "
        "the tint, the further from chance to target.",
        heads,
        rows,
    )


def _cell(one: Compared, row: Row | None) -> dict[str, Any]:
    if row is None or not row.planned:
        return {"css": "", "value": "", "mean": "", "lost": "not run" if row is None else "skipped"}
    if not row.scored:
        empty = {"css": "", "value": "", "best": False, "interval": "", "solved": f"0 of {len(row.planned)} solved"}
        return empty | {"mean": formats.NOTHING, "lost": row.failures}
    return {
        "css": f"q{_shade(one.table, row)}",
        "value": repr(row.mean),
        "mean": formats.number(row.mean),
        "best": row in one.best,
        "interval": formats.interval(row.interval) if row.interval else words.count(len(row.scored), "seed"),
        "solved": f"{row.solved} of {len(row.planned)} solved",
        "lost": row.failures,
    }


def _shade(table: TaskTable, row: Row) -> int:
    """0 at chance to 4 at the target."""
    chance, target = table.any.chance, table.any.target
    if not math.isfinite(target - chance) or target == chance:
        return 0
    return math.floor(4 * min(max((row.mean - chance) / (target - chance), 0.0), 1.0) + 1e-9)


def rows_table(compared: Sequence[Compared]) -> Data:
    """Every row of every task, skipped ones too."""
    header = ["architecture", "task", "mean", "95 % interval", *list(formats.COLUMNS)[2:]]
    return Data(header, [_row(one.table, row) for one in compared for row in one.table.rows])


def _row(table: TaskTable, row: Row) -> list[str]:
    if not row.planned:
        return [row.architecture, table.label, "skipped", *[formats.NOTHING] * (len(formats.COLUMNS) - 1)]
    return [
        row.architecture,
        table.label,
        formats.mean(row),
        formats.interval(row.interval),
        f"{row.solved} of {len(row.planned)}",
        formats.steps_to_target(row),
        formats.count(row.parameters),
        formats.count(row.embedding_parameters),
        formats.known(row.train_seconds),
        formats.step(row),
        formats.gradient(row),
        formats.count(row.not_finite),
        row.failures or "none",
    ]


def failures(compared: Sequence[Compared]) -> Data:
    """All that has no score or no measurement, with its reason."""
    rows = [
        [row.architecture, one.table.label, seeds, status, reason]
        for one in compared
        for row in one.table.rows
        for seeds, status, reason in row.unfinished
    ]
    statuses = Counter(row[3] for row in rows)
    note = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    return Data(
        ["architecture", "task", "seeds", "status", "reason"],
        rows,
        f"{words.count(len(rows), 'line')}, seeds of one reason together ({note}). Failed seeds stay in every "
        "denominator.",
    )


PAIRS_INTRO = (
    "Difference of means (first less second) with Welch's 95 % interval of that pair alone. Verdicts keep all pairs of "
    "a task to 5 % together (Holm): Welch's t, the rank test where no seed differs, Fisher's exact test where a seed "
    "has no score. No p on scores is below that of a permutation of all scores of the task. Unclear is no sign of "
    "equality; the last column says how many seeds each would settle a difference of this size with even chances."
)


def pairs(one: Compared) -> Part | None:
    """The table of a task's pairs; None where there is no pair."""
    if not one.contrasts:
        return None
    header = [
        "first",
        "verdict",
        "second",
        "difference",
        "95 % interval",
        "p",
        "rank p",
        "solved p",
        "test",
        "seeds to settle",
        "remark",
    ]
    told = sum(pair.verdict != "unclear" for pair in one.contrasts)
    return Part(
        one.ident,
        one.table.label,
        remark=f"{told} of {words.count(len(one.contrasts), 'pair')} told apart",
        data=Data(header, [_pair(pair) for pair in one.contrasts]),
    )


def _pair(pair: Contrast) -> list[str]:
    return [
        pair.a,
        pair.verdict,
        pair.b,
        formats.known(pair.difference),
        formats.interval(pair.interval),
        _p(pair.p) if pair.test else formats.NOTHING,
        _p(pair.rank_p),
        _p(pair.fisher_p),
        pair.test or "none",
        formats.NOTHING if pair.settles is None else f"{pair.settles:,}",
        pair.reason,
    ]


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def speed(one: Compared) -> Part | None:
    """The table of the speed phase; None where nothing was timed."""
    found = speed_table(one.table)
    return Part(one.ident, one.table.label, data=Data(*found)) if found else None


def condition_part(one: Compared) -> Part:
    """Training, data and commands of a task."""
    return Part(
        one.ident,
        one.table.label,
        data=_conditions(conditions.data(one.table)),
        training=conditions.training(one.table),
        commands=[(row.architecture, plain(command(row.records))) for row in one.table.rows],
    )


def machines(records: Iterable[Record]) -> Data:
    """Versions, machine, device and threads."""
    return _conditions(conditions.machines(records))


def _conditions(found: Sequence[conditions.Condition]) -> Data:
    return Data(["condition", "value", "records"], [[name, value, str(count)] for name, value, count in found])


@dataclass(frozen=True)
class Judged:
    """A claim and its verdict, for the page."""

    name: str
    statement: str
    source: str
    criterion: str
    verdict: str
    sentence: str
    numbers: Data
    missing: Sequence[Any] = field(default_factory=tuple)


def claims(found: Iterable[tuple[Claim, Verdict]]) -> list[Judged]:
    """Each claim with its numbers."""
    passes = {True: "holds", False: "fails", None: "open"}
    return [
        Judged(
            claim.name,
            claim.statement,
            claim.source,
            claim.criterion,
            verdict.outcome,
            verdict.sentence,
            Data(
                ["number", "value [95 % interval]", "runs", "has to be", "outcome"],
                [
                    [one.what, str(one), str(one.seeds), one.criterion or formats.NOTHING,
                     passes[one.passes] if one.criterion else formats.NOTHING]
                    for one in verdict.numbers
                ],
            ),
            verdict.missing,
        )
        for claim, verdict in found
    ]  # fmt: skip


MEANINGS = {
    "mean": formats.COLUMNS["test score"],
    "95 % interval": "Student's, of the mean over seeds; none below three seeds, where a seed has no score, or where "
    "no seed differs.",
    **{name: meaning for name, meaning in formats.COLUMNS.items() if name != "test score"},
    **SPEED_COLUMNS,
}

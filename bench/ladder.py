"""Success against length: who solves what length of a task, and how long a sequence a seed still solves. Pure.

Length is the task setting `length`. Every cell that was to be trained counts: one that failed or diverged is not
solved.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from bench.record import Record
from bench.stats import Interval, binomial_interval

SIZES = ("length", "validation_size", "test_size")
BUDGET = ("steps", "epochs", "evaluations", "probe_every", "spectrum")
"""What may differ between the lengths of one ladder."""


@dataclass(frozen=True)
class Rung:
    """One length: `solved` of `seeds`, and Clopper and Pearson's 95 % interval of that share."""

    length: int
    solved: int
    seeds: int
    interval: Interval


@dataclass(frozen=True)
class Ladder:
    """One arm on one task over its lengths, ascending."""

    task: str
    architecture: str
    records: tuple[Record, ...]
    """One a length and seed, by length, then seed."""
    rungs: tuple[Rung, ...]
    longest: Mapping[int, int | None]
    """Seed -> the longest length it solves, whatever happened at shorter ones; None: it solves none."""

    @property
    def fails_from(self) -> int | None:
        """The shortest length that most seeds do not solve; None: none was tried."""
        return next((rung.length for rung in self.rungs if 2 * rung.solved < rung.seeds), None)


def ladders(records: Iterable[Record]) -> list[Ladder]:
    """A ladder for each task and arm that has a length, sorted by task, then arm.

    Cells of other settings, optimizers or backends are ladders of their own; the training budget may differ between
    lengths. Of two records with one length and seed the newer stands. Skipped pairs are in none.
    """
    groups: dict[str, dict[tuple[int, int], Record]] = {}
    for record in sorted(records, key=lambda record: record.measured_at):
        length = record.task_settings.get("length")
        if record.status != "skipped" and isinstance(length, int) and not isinstance(length, bool):
            groups.setdefault(_key(record), {})[length, record.seed] = record
    return [_ladder([group[at] for at in sorted(group)]) for _, group in sorted(groups.items())]


def _ladder(records: list[Record]) -> Ladder:
    lengths: dict[int, list[Record]] = {}
    longest: dict[int, int | None] = {}
    for record in records:
        length = int(record.task_settings["length"])
        lengths.setdefault(length, []).append(record)
        # By length, ascending: a later one that is solved is longer.
        longest[record.seed] = length if solved(record) else longest.get(record.seed)
    return Ladder(
        task=records[0].task,
        architecture=records[0].architecture,
        records=tuple(records),
        rungs=tuple(_rung(length, group) for length, group in lengths.items()),
        longest=dict(sorted(longest.items())),
    )


def _rung(length: int, records: list[Record]) -> Rung:
    count = sum(map(solved, records))
    return Rung(length, count, len(records), binomial_interval(count, len(records)))


def solved(record: Record) -> bool:
    """The cell ended ok and solved its task."""
    return record.status == "ok" and record.solved


def _key(record: Record) -> str:
    settings = {key: value for key, value in record.task_settings.items() if key not in SIZES}
    training = {key: value for key, value in asdict(record.training).items() if key not in BUDGET}
    own = record.architecture_settings, record.identity.get("params"), record.backend
    return json.dumps([record.task, record.architecture, settings, *own, training], sort_keys=True)

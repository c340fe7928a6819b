"""The exact conditions of the records, gathered: what was the same for all, and what was not."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from bench.record import Record
from bench.report.rows import TaskTable

Condition = tuple[str, str, int]
"""Name, value, number of records."""


def machines(records: Iterable[Record]) -> list[Condition]:
    """Code, libraries, machine, device and threads; a name with several values comes several times."""
    return _counted(_machine(record) for record in records)


def data(table: TaskTable) -> list[Condition]:
    """Hash and sizes of a task's data."""
    return _counted(_data(record) for row in table.rows for record in row.records)


def training(table: TaskTable) -> list[tuple[str, Sequence[str]]]:
    """Each set of training settings of a task, with the architectures trained so."""
    users: dict[str, list[str]] = {}
    for row in table.rows:
        given = {name: value for name, value in asdict(row.records[0].training).items() if value is not None}
        settings = ", ".join(f"{name}={json.dumps(value)}" for name, value in given.items())
        users.setdefault(settings, []).append(row.architecture)
    return sorted(users.items())


def _machine(record: Record) -> Iterator[tuple[str, Any]]:
    yield "backend", record.backend
    if found := record.conditions:
        yield "archbench", found.code
        yield from found.libraries.items()
        yield from found.machine.items()
        yield "device", found.device
        yield "threads", found.threads


def _data(record: Record) -> Iterator[tuple[str, Any]]:
    yield "task settings", ", ".join(f"{key}={value}" for key, value in record.task_settings.items()) or "none"
    if found := record.conditions:
        yield "SHA-256", found.data_hash
        fresh = "fresh at every step"
        yield "training samples", fresh if found.train_samples is None else found.train_samples
        yield "validation samples", found.validation_samples
        yield "test samples", found.test_samples


def _counted(records: Iterable[Iterable[tuple[str, Any]]]) -> list[Condition]:
    counts: dict[str, Counter[str]] = {}
    for record in records:
        for name, value in record:
            counts.setdefault(name, Counter())[str(value)] += 1
    return [(name, value, count) for name, values in counts.items() for value, count in sorted(values.items())]

"""Labels from records alone: a name and those settings that vary in the report, so that no catalogue is needed."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bench.record import Record

_KNOWN = set(Record.model_fields)
_TEXT = json.JSONEncoder(sort_keys=True, default=str)


class Labels:
    """Labels for the records of one report, which decides what varies."""

    def __init__(self, records: Iterable[Record]) -> None:
        by_task = _groups(records, _task_key)
        self.tables = {task: _groups(of_task, _row_key) for task, of_task in by_task.items()}
        """Rows by table: the records of a table belong together, and those of a row differ only in seed."""
        # One of each row: thousands of seeds vary in nothing that a label shows.
        records = [row[0] for rows in self.tables.values() for row in rows.values()]
        self._task_varies = _varying_by((r.task, r.task_settings) for r in records)
        self._architecture_varies = _varying_by(
            (f"{r.task} {r.architecture}", r.architecture_settings) for r in records
        )
        self._training_varies: dict[str, set[str]] = {}
        self._rest_varies: dict[tuple[str, str], set[str]] = {}
        for key, rows in self.tables.items():
            of_task = [row[0] for row in rows.values()]
            self._training_varies[key] = _varying(vars(record.training) for record in of_task)
            for own, twins in _groups(of_task, _own_key).items():
                # Of the rest, what a backend has of its own, such as versions, is told by the backend's name.
                of_backends = _groups(twins, lambda record: record.backend).values()
                varying = (_varying(map(_rest, of_backend)) for of_backend in of_backends)
                self._rest_varies[key, own] = set().union(*varying)
        self._backends = len({record.backend for record in records})

    def task(self, group: Sequence[Record]) -> str:
        """The label of a table."""
        first = group[0]
        return _label(first.task, _only(first.task_settings, self._task_varies[first.task]))

    def architecture(self, group: Sequence[Record]) -> str:
        """The label of a row: settings that vary over the tables of its task, then what else varies within its own."""
        first = group[0]
        key = _task_key(first)
        shown = _only(first.architecture_settings, self._architecture_varies[f"{first.task} {first.architecture}"])
        shown |= _only(vars(first.training), self._training_varies[key])
        shown |= _only(_rest(first), self._rest_varies[key, _own_key(first)])
        if self._backends > 1:
            shown["backend"] = first.backend
        return _label(first.architecture, shown)


def _groups(records: Iterable[Record], key: Callable[[Record], str]) -> dict[str, list[Record]]:
    """The records that share a key, in order of the keys."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return dict(sorted(groups.items()))


def _task_key(record: Record) -> str:
    return _key(record.task, record.task_settings)


def _row_key(record: Record) -> str:
    own = record.architecture_settings, vars(record.training), record.backend, _rest(record)
    return _key(record.architecture, *own)


def _own_key(record: Record) -> str:
    return _key(record.architecture, record.architecture_settings)


def _key(*parts: Any) -> str:
    return _TEXT.encode(parts)


def _varying_by(named: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, set[str]]:
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for name, settings in named:
        by_name.setdefault(name, []).append(settings)
    return {name: _varying(settings) for name, settings in by_name.items()}


def _varying(settings: Iterable[Mapping[str, Any]]) -> set[str]:
    """Names of the settings that do not have one value throughout; absent counts as a value."""
    # As text: 1, 1.0 and True are equal in Python and would pass for one value.
    seen = {_key(dict(each)): each for each in settings}.values()
    names = {name for each in seen for name in each}
    return {name for name in names if len({_key(each[name]) if name in each else None for each in seen}) > 1}


def _only(settings: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name in names}


def _rest(record: Record) -> dict[str, Any]:
    """What decides the numbers beyond the record's own fields, such as `--params` or the version of the code."""
    flat: dict[str, Any] = {}
    for name, value in record.identity.items():
        if name not in _KNOWN:
            flat |= {f"{name}.{key}": v for key, v in value.items()} if isinstance(value, Mapping) else {name: value}
    return flat


def _label(name: str, settings: Mapping[str, Any]) -> str:
    shown = ", ".join(f"{key}={_text(value)}" for key, value in settings.items())
    return f"{name} [{shown}]" if shown else name


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)[:24]


def distinct(named: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """A label for each (name, settings): the name, and those settings that vary among equal names."""
    varying = _varying_by(named)
    return [_label(name, _only(settings, varying[name])) for name, settings in named]

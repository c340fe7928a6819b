"""asv (airspeed velocity): a results folder for `asv compare`, `asv publish` and `asv show`, and an `asv.conf.json`.

    asv.conf.json                      if there is none yet; `repo` is the Git repository around it
    results/benchmarks.json            a benchmark a row and quantity; its version is the hash of the settings
    results/MACHINE/machine.json       MACHINE is the processor and its number of cores
    results/MACHINE/COMMIT-ENV.json    ENV is the versions of Python, Keras and the backend

    test-error      unit error, samples a seed; step-time, inference-time in seconds; peak-memory in bytes; all lower
                    is better

asv's result format 2. An error that a failed seed leaves unknown is null, which asv shows as failed; skipped pairs, and
errors of metrics that may exceed 1, are not there. asv takes results of another version of a benchmark, which are of
other settings, for not comparable.
"""

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import stats

from bench.errors import UsageError, shown
from bench.export._format import Exported, Format, Request
from bench.export._measures import Measure, Subject, as_json, distinct, left_out, parts, subjects
from bench.record import Conditions
from bench.report.text import plain, shorten, slug

_COLUMNS: Final = (
    "result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b", "stats_q_25",
    "stats_q_75", "stats_number", "stats_repeat", "samples", "profile",
)  # fmt: skip
_UNITS: Final = {"test-error": "error", "step-time": "seconds", "inference-time": "seconds", "peak-memory": "bytes"}
_TYPES: Final = {"test-error": "track", "step-time": "time", "inference-time": "time", "peak-memory": "peakmemory"}
_NO_ERROR: Final = Measure("test-error", math.nan)
_WIDE: Final = 80
_TITLE: Final = 240


def result_files(found: Sequence[Subject], commit: str) -> dict[str, Any]:
    """Path in the results folder -> document."""
    keyed = _keyed(found)
    files: dict[str, Any] = {"benchmarks.json": {"version": 2, **dict(_benchmarks(keyed))}}
    for machine, environment, conditions, rows in _grouped(keyed):
        files[f"{machine}/machine.json"] = {"version": 1, **_machine(machine, conditions)}
        files[f"{machine}/{commit[:8]}-{environment}.json"] = _results(machine, environment, conditions, rows, commit)
    return files


def _keyed(found: Sequence[Subject]) -> list[tuple[str, Subject]]:
    """Rows that were to be measured and asv can be told of, by a name that is good in a file name; asv groups names by
    their dots."""
    planned = [subject for subject in found if subject.row.planned and _measures(subject)]
    names = [".".join(slug(part, width=_WIDE) for part in parts(subject.record)) for subject in planned]
    return list(zip(distinct(names, [subject.row for subject in planned]), planned, strict=True))


def _measures(subject: Subject) -> list[Measure]:
    """Those of the row, and where a seed of it has failed its error as unknown."""
    return [_NO_ERROR, *subject.measures] if subject.row.failures else subject.measures


def _benchmarks(keyed: Iterable[tuple[str, Subject]]) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = [subject.row for _, subject in keyed]
    titles = distinct([_title(subject) for _, subject in keyed], rows)
    for (key, subject), title in zip(keyed, titles, strict=True):
        for measure in _measures(subject):
            name = f"{key}.{measure.quantity}"
            yield (
                name,
                {
                    "name": name,
                    "pretty_name": f"{measure.quantity} {title}",
                    "code": subject.settings_text,
                    "version": subject.version,
                    "type": _TYPES[measure.quantity],
                    "unit": _UNITS[measure.quantity],
                    "params": [],
                    "param_names": [],
                    "timeout": 60.0,
                },
            )


def _title(subject: Subject) -> str:
    """What is seen above a graph: asv's grid cuts it after some 45 letters, and has the task as a heading."""
    task, architecture, backend = parts(subject.record)
    return shorten(f"{architecture} {task} {backend}", _TITLE)


def _grouped(
    keyed: Sequence[tuple[str, Subject]],
) -> list[tuple[str, str, Conditions, list[tuple[str, Subject]]]]:
    """By machine and environment, which asv keeps apart.

    A row whose seeds all failed before either was known is told of in those of another row of its backend.
    """
    known = {subject.record.backend: found for _, subject in reversed(keyed) if (found := _conditions(subject))}
    groups: dict[tuple[str, str], tuple[Conditions, list[tuple[str, Subject]]]] = {}
    for key, subject in keyed:
        conditions = _conditions(subject) or known.get(subject.record.backend)
        if conditions is not None:
            names = _machine_name(conditions), _environment(conditions, subject.record.backend)
            groups.setdefault(names, (conditions, []))[1].append((key, subject))
    return [(*names, *group) for names, group in sorted(groups.items(), key=lambda item: item[0])]


def _conditions(subject: Subject) -> Conditions | None:
    timed = subject.row.timed
    if timed and timed.speed:
        return timed.speed.conditions
    return next((record.conditions for record in subject.row.records if record.conditions), None)


def _machine_name(found: Conditions) -> str:
    return slug(f"{found.machine.get('processor', 'unknown')} {found.machine.get('cores', '')} cores {found.device}")


def _environment(found: Conditions, backend: str) -> str:
    libraries = found.libraries
    known = [f"{name}{libraries[name]}" for name in ("python", "keras", backend) if name in libraries]
    return slug("-".join(known) or backend, width=_WIDE)


def _machine(name: str, found: Conditions) -> dict[str, str]:
    keys = {"os": "system", "cpu": "processor", "num_cpu": "cores", "ram": "memory_bytes"}
    known = {asv: found.machine.get(ours, "unknown") for asv, ours in keys.items()} | {"arch": found.device}
    # In asv's pages each is part of a file name.
    return {"machine": name} | {key: shorten(plain(value), _WIDE) for key, value in known.items()}


def _results(
    machine: str, environment: str, conditions: Conditions, rows: Sequence[tuple[str, Subject]], commit: str
) -> dict[str, Any]:
    newest = max(record.measured_at for _, subject in rows for record in subject.row.records)
    libraries = {slug(name): shorten(plain(version), _WIDE) for name, version in conditions.libraries.items()}
    milliseconds = int(newest.timestamp() * 1000)
    python = libraries.get("python", "unknown")
    return {
        "version": 2,
        "commit_hash": commit,
        "env_name": environment,
        "date": milliseconds,
        "params": {**_machine(machine, conditions), **libraries, "python": python},
        "python": python,
        "requirements": libraries,
        "env_vars": {},
        "result_columns": list(_COLUMNS),
        "results": {
            f"{key}.{measure.quantity}": _result(measure, subject.version, milliseconds)
            for key, subject in rows
            for measure in _measures(subject)
        },
        "durations": {},
    }


def _result(measure: Measure, version: str, milliseconds: int) -> list[Any]:
    """The columns of one benchmark without parameters: lists of one, and null for what failed."""
    if math.isnan(measure.value):
        return [None, [], version, milliseconds]
    spread: list[Any] = [None] * 6
    if measure.low is not None and measure.high is not None:
        ends = measure.low, measure.high, len(measure.samples)
        low, high = _interval(measure.value, *ends, tail=0.005)
        # Of a time only its median and the noise of that are known: its quartiles are those of the noise.
        quartiles = (
            np.quantile(measure.samples, (0.25, 0.75)).tolist()
            if measure.samples
            else _interval(measure.value, *ends, tail=0.25)
        )
        spread = [[each] for each in (low, high, *quartiles, 1, measure.count)]
    samples = [list(measure.samples)] if measure.samples else None
    # `asv compare` prints all digits of an error.
    value = float(f"{measure.value:.6g}") if measure.samples else measure.value
    return [[value], [], version, milliseconds, None, *spread, samples]


def _interval(value: float, low: float, high: float, seeds: int, *, tail: float) -> tuple[float, float]:
    """The 95 % interval for another tail: Student's of a mean over seeds, or normal in the logarithm of a time."""
    if seeds:
        wider = float(stats.t.isf(tail, seeds - 1) / stats.t.isf(0.025, seeds - 1))
        return value - (value - low) * wider, value + (high - value) * wider
    wider = float(stats.norm.isf(tail) / stats.norm.isf(0.025))
    return value * (low / value) ** wider, value * (high / value) ** wider


def _configuration(place: Path) -> dict[str, Any]:
    """An asv.conf.json for the repository around the folder, else around the working folder."""
    around = [*place.resolve().parents, Path.cwd(), *Path.cwd().parents]
    repository = next((folder for folder in around if (folder / ".git").exists()), Path.cwd())
    return {
        "version": 1,
        "project": repository.name,
        "repo": os.path.relpath(repository, place),
        "branches": ["HEAD"],
        "dvcs": "git",
        "results_dir": "results",
        "html_dir": "html",
        "environment_type": "existing",
    }


def _export(request: Request) -> Exported:
    commit = (request.commit or "").lower()
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise UsageError(f"--commit: expected the 40 hex digits of the commit measured, received {shown(commit)}")
    found = subjects(request.runs.records)
    files = result_files(found, commit)
    if len(files) == 1:
        return Exported([], left_out(found))
    made = [(f"results/{name}", as_json(document)) for name, document in files.items()]
    if not (request.place / "asv.conf.json").exists():
        made.append(("asv.conf.json", as_json(_configuration(request.place))))
    return Exported(made, left_out(found))


FORMAT = Format(_export)

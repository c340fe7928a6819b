"""The command that trains a row of the report again."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict

from bench.record import Record
from bench.setting import Value


def command(records: Sequence[Record]) -> str:
    """`archbench run` with everything that decides the numbers of `records`, which differ only in seed.

    It gives the same cells where code, libraries and, for a plug-in, its file are the same: they are part of a cell's
    identity, and no flag sets them.
    """
    first = records[0]
    seeds = ",".join(str(seed) for seed in sorted({record.seed for record in records}))
    parts = ["archbench", "run", "--task", first.task, "--arch", first.architecture]
    for owner, settings in ((first.task, first.task_settings), (first.architecture, first.architecture_settings)):
        for key, value in settings.items():
            parts += ["--set", f"{owner}.{key}={_text(value)}"]
    if (params := first.identity.get("params")) is not None:
        parts += ["--params", str(params)]
    for key, value in asdict(first.training).items():
        parts += _flag(key, value)
    parts += ["--seed", seeds, "--backend", first.backend]
    if (threads := first.identity.get("threads")) is not None:
        parts += ["--threads", str(threads)]
    return shlex.join(parts)


def _flag(key: str, value: Value | None) -> list[str]:
    name = f"--{key.replace('_', '-')}"
    if isinstance(value, bool):
        return [name if value else f"--no-{key.replace('_', '-')}"]
    if value is None:  # nothing bounds the norm only where it is said; what else is not given is not set
        return [name, "none"] if key == "clip" else []
    return [name, _text(value)]


def _text(value: Value) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)

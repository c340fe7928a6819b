"""A run packed into one file that can be committed: what `compare` and the gates ask of its records, and no curves.

    <machine>-<commit>-<environment>.json

One file per machine, commit and environment, named by their hashes and never written again. Of a record all is kept but
what the bulk of it is: gradient flow between init and end, gates and interventions; of the curves, what tells whether a
variable still learns.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from bench.commit import Commit
from bench.compare import groups
from bench.errors import BenchError, StoreError, UsageError
from bench.gates import Curves, tail
from bench.quantities import scored
from bench.record import SCHEMA_VERSION, Conditions, Number, Record
from bench.seal import EMPTY, intact, sealed
from bench.sources import digest
from bench.store import damage, write_atomic

BASELINE_SCHEMA: Final = 1
FOLDER: Final = Path("results") / "reference" / "baselines"
NAMES: Final = "[0-9a-f]" * 8 + "-" + "[0-9a-f]" * 12 + "-" + "[0-9a-f]" * 8 + ".json"
"""A pattern of the names of baselines, so that a folder may hold other files too."""
_MOST_BYTES: Final = 64 * 2**20
_KEPT: Final = ("init", "end")


class Baseline(BaseModel):
    """One run's records at one commit on one machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1]
    checksum: str
    """SHA-256 of the file with this empty, first 16 hex digits: tells an edited file."""
    commit: Annotated[str, Field(pattern="^[0-9a-f]{7,64}$")]
    committed_at: AwareDatetime
    """When the commit was made; of one that git does not know, when the last of the records was measured."""
    changed: bool
    """The working tree was not as committed when the baseline was saved."""
    records: Annotated[tuple[Record, ...], Field(min_length=1)]
    """The newest of each cell, by what was asked for and seed."""
    last_norms: dict[str, dict[str, Number]]
    """Cell id -> variable -> the largest norm of its gradient over the last tenth of the steps: 0 where it is dead."""

    def curves(self, record: Record) -> Mapping[str, np.ndarray]:
        """What is kept of the arrays beside a record, in their form: a row of norms stands for the last tenth."""
        norms = self.last_norms.get(record.cell_id)
        if norms is None:
            return {}
        return {"gradient_norm": np.array([[*norms.values()]]), "variables": np.array([*norms])}

    @cached_property
    def machine(self) -> dict[str, str]:
        """Processor, cores and device."""
        return _only("machines", (_machine(where) for where in self._conditions))

    @cached_property
    def environment(self) -> dict[str, str]:
        """Versions of the libraries and of the operating system."""
        found: dict[str, str] = {}
        for where in self._conditions:
            known = {**where.libraries, "system": str(where.machine.get("system", "unknown"))}
            for name, value in known.items():
                if found.setdefault(name, value) != value:
                    raise UsageError(f"RUN: expected one version of {name}, received {found[name]} and {value}")
        return dict(sorted(found.items()))

    @property
    def measured_at(self) -> datetime:
        """When the last record was."""
        return max(record.measured_at for record in self.records)

    @cached_property
    def machine_id(self) -> str:
        """Eight hex digits that tell machines apart."""
        return _hash(self.machine)

    @property
    def name(self) -> str:
        """The file's, of hex digits alone. Sources are part of the environment, for a tree that is not as committed."""
        sources = sorted({json.dumps(record.identity.get("sources"), sort_keys=True) for record in self.records})
        return f"{self.machine_id}-{self.commit:0<12.12}-{_hash([self.environment, sources])}.json"

    def doubts(self, planned: Set[str] | None) -> Iterator[str]:
        """Sentences on what may make it another baseline than was meant.

        `planned`: the cells of the run's plan; None where that cannot be read.
        """
        codes = {where.code for record in self.records if (where := record.conditions)}
        if len(codes) > 1:
            yield f"RUN holds results of {len(codes)} versions of the code: {', '.join(sorted(codes))}; all are kept"
        if planned is None:
            yield "the run's plan.json cannot be read: whether cells are missing is not known"
        elif missing := len(planned - {record.cell_id for record in self.records}):
            yield f"{missing} of the run's {len(planned)} planned cells are not in the baseline: not ended, or skipped"
        if lost := sum(not scored(record) for record in self.records):
            yield f"{lost} of {len(self.records)} cells have no score, and stand in the baseline as such"
        if self.changed:
            yield f"the working tree is not commit {self.commit[:12]}: files differ; the baseline says so"
        if self.measured_at < self.committed_at:
            yield f"the run is older than commit {self.commit[:12]}; name the one that was measured with --commit"

    @property
    def _conditions(self) -> list[Conditions]:
        trained = [record.conditions for record in self.records if record.conditions]
        return [*trained, *(record.speed.conditions for record in self.records if record.speed)]


def pack(records: Iterable[Record], curves: Curves, commit: Commit) -> Baseline:
    """A baseline of the newest record of each cell. `curves`: the arrays beside a record.

    Raises UsageError where no cell was to train, or the records are of several machines or versions of a library.
    """
    chosen = [record for key, group in sorted(groups(records).items()) for record in group]
    if not chosen:
        raise UsageError("RUN: expected at least one cell that was not skipped, received none")
    packed = Baseline(
        schema_version=BASELINE_SCHEMA,
        checksum=EMPTY,
        commit=commit.id,
        committed_at=commit.made_at or max(record.measured_at for record in chosen),
        changed=commit.changed,
        records=tuple(map(_condensed, chosen)),
        last_norms={record.cell_id: norms for record in chosen if (norms := _last_norms(record, curves))},
    )
    _ = packed.machine, packed.environment  # of one each, or UsageError
    return packed


def save(baseline: Baseline, folder: Path) -> Path:
    """Write a baseline under its own name; its path. The same one again is left as it is.

    Raises StoreError where another one has the name, or it cannot be written.
    """
    _, content = sealed(baseline.model_dump_json(indent=1).encode())
    path = folder / baseline.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            write_atomic(path, content, anew=True)
            return path
        if path.read_bytes().replace(b"\r\n", b"\n") == content:
            return path
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}; choose another folder with --to") from None
    raise StoreError(
        f"{path}: there is another baseline of this machine, commit and environment, and baselines are never "
        "overwritten; delete it first, or choose another folder with --to"
    )


def read(path: Path) -> Baseline:
    """Read a baseline. Raises UsageError where there is no file, StoreError for one that is none, is of a newer schema
    or was edited."""
    if not os.path.isfile(path):  # False, not OSError, for a name too long
        raise UsageError(f"{path}: no baseline; expected a file that `archbench baseline save` wrote")
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise StoreError(f"cannot read baseline {path}: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise StoreError(f"baseline {path}: expected at most {_MOST_BYTES >> 20} MiB, received more")
    try:
        found = Baseline.model_validate_json(content)
    except ValidationError as error:
        _refuse_other(path, content)
        reason = damage(error)
        raise StoreError(f"baseline {path}: {reason}; expected a file that `archbench baseline save` wrote") from None
    if not intact(content, found.checksum):
        raise StoreError(f"baseline {path}: edited: its checksum is another; take it from version control again")
    return found


def read_folder(folder: Path) -> tuple[dict[Path, Baseline], list[BenchError]]:
    """The baselines in a folder by path, oldest commit first, and what is wrong with those that cannot be read.

    Of commits of one time those that were measured first are. Raises UsageError where there is no folder.
    """
    if not os.path.isdir(folder):
        raise UsageError(f"{folder}: no folder; expected one that `archbench baseline save` wrote into")
    found: dict[Path, Baseline] = {}
    damaged: list[BenchError] = []
    for path in sorted(folder.glob(NAMES)):
        try:
            found[path] = read(path)
        except BenchError as error:
            damaged.append(error)

    def age(path: Path) -> tuple[datetime, datetime, str]:
        return found[path].committed_at, found[path].measured_at, path.name

    return {path: found[path] for path in sorted(found, key=age)}, damaged


def _refuse_other(path: Path, content: bytes) -> None:
    """StoreError where the file says that it, or a record in it, is of another schema."""
    with suppress(ValueError, RecursionError, TypeError, KeyError, AttributeError):
        raw = json.loads(content)
        schemas = [(raw["schema_version"], BASELINE_SCHEMA)]
        schemas += [(record["schema_version"], SCHEMA_VERSION) for record in raw["records"]]
        for schema, own in schemas:
            if isinstance(schema, int) and schema != own:
                raise StoreError(
                    f"baseline {path}: expected schema {own}, received {schema}; update archbench, or save it anew"
                )


def _condensed(record: Record) -> Record:
    """All but the bulk. Its checksum is gone with that: it was of the record's own file."""
    flow = record.gradient and {
        moment: record.gradient[moment].model_copy(update={"gates": {}, "saturation": None})
        for moment in _KEPT
        if moment in record.gradient
    }
    return record.model_copy(update={"gradient": flow or None, "interventions": None, "checksum": None})


def _last_norms(record: Record, curves: Curves) -> dict[str, float]:
    arrays = curves(record) if record.curves else {}
    norms = arrays.get("gradient_norm")
    if norms is None or not len(norms):
        return {}
    # A NaN stays one: it is not 0, so the variable is not dead.
    largest = tail(norms).max(axis=0)
    return {str(name): float(norm) for name, norm in zip(arrays["variables"], largest, strict=True)}


def _machine(where: Conditions) -> dict[str, str]:
    known = {key: str(where.machine.get(key, "unknown")) for key in ("processor", "cores")}
    return {**known, "device": where.device}


def _only(what: str, found: Iterable[dict[str, str]]) -> dict[str, str]:
    different = {json.dumps(each, sort_keys=True): each for each in found}
    if len(different) > 1:
        shown = " and ".join(", ".join(each.values()) for each in different.values())
        raise UsageError(f"RUN: expected records of one machine, received {len(different)} {what}: {shown}")
    return next(iter(different.values()), {"processor": "unknown", "cores": "unknown", "device": "unknown"})


def _hash(value: Any) -> str:
    return digest(json.dumps(value, sort_keys=True).encode())[:8]

"""The results folder: one immutable file per attempt. The only code that writes results.

    <run>/archbench.json                   says that the folder is ours
    <run>/plan.json                        the cells of the last run, so that it shows what is missing
    <run>/lock                             held by the run under way, and by its workers
    <run>/<cell id>/<attempt>.json         a record
    <run>/<cell id>/<attempt>.npz          its curves
    <run>/<cell id>/<attempt>.json.damaged a record that was cut or edited, set aside
    <run>/speed/<group>-<number>.json      what the speed phase adds to the records of a group

Every file is written under a temporary name, flushed to the disk and renamed, the record last: a kill at any moment
leaves either the whole attempt or none. Folders of several machines merge by copying.
"""

import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, ValidationError

from bench.errors import StoreError, UsageError
from bench.lock import locked
from bench.plan import group_id
from bench.record import SCHEMA_VERSION, Record, Timing
from bench.seal import EMPTY, intact, sealed

_MARKER, _PLAN, _LOCK, _SPEED = "archbench.json", "plan.json", "lock", "speed"
_OWN = {_MARKER, _PLAN, _LOCK, _SPEED, "report", "export", "logs"}
_ZIP_TAIL, _ZIP_TAIL_BYTES = b"PK\x05\x06", 22
"""How the last record of a .zip file starts, and its length."""


class _DamagedError(Exception):
    """What is wrong with a record file."""


class _SpoiledError(StoreError):
    """Curves that are there, and no whole .npz file."""


class _PassedOver(BaseModel):
    """Anything; nothing is made of what it holds."""


class _WithoutFlow(Record):
    """A record read less its gradient flow, which is most of it: what is said of thousands of cells needs none."""

    gradient: Annotated[_PassedOver | None, AfterValidator(lambda _: None)] = None  # type: ignore[assignment]  # is None


class Store:
    """A run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: dict[Path, str] = {}
        """Record files met so far that were cut or edited, and what is wrong; no record is made of them."""
        self.lock_fd: int | None = None
        """Whoever inherits this file holds the lock too."""

    def create(self) -> "Store":
        """Make the folder ready for writing.

        Raises UsageError where it holds something that is not a run, StoreError where it cannot be written.
        """
        try:
            if self.is_run():
                self._refuse_newer()
            elif self.folder.exists() and any(self.folder.iterdir()):
                raise UsageError(f"--out {self.folder}: holds files that are no archbench run; name an empty folder")
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomic(self.folder / _MARKER, json.dumps({"schema_version": SCHEMA_VERSION}).encode())
        except OSError as error:
            raise StoreError(f"cannot write results to {self.folder}: {error.strerror}; choose another --out") from None
        return self

    def open(self) -> "Store":
        """Check that the folder is a run that can be read. Raises UsageError where it is none, StoreError if newer."""
        if not self.is_run():
            raise UsageError(f"{self.folder}: no archbench run; expected a folder written by `archbench run --out`")
        self._refuse_newer()
        return self

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs out of the folder; the kernel lets go of it when this process and its workers have ended.

        Raises StoreError where another run holds it (bench.lock), or where the folder cannot be written.
        """
        with ExitStack() as stack:
            try:
                self.lock_fd = stack.enter_context(locked(self.folder / _LOCK))
            except OSError as error:
                reason = f"{error.strerror}; choose another --out"
                raise StoreError(f"cannot write results to {self.folder}: {reason}") from None
            try:
                yield
            finally:
                self.lock_fd = None

    def write_plan(self, cells: Iterable[str]) -> None:
        """Note the cells that a run will end with, by id; the plan of the run before is gone. Raises StoreError."""
        try:
            write_atomic(self.folder / _PLAN, json.dumps({"cells": sorted(cells)}, indent=1).encode())
        except OSError as error:
            raise StoreError(f"cannot write results to {self.folder}: {error.strerror}; choose another --out") from None

    def planned(self) -> frozenset[str] | None:
        """The cells of the last run's plan: none where no plan was written, None where it cannot be read."""
        try:
            return frozenset(map(str, json.loads((self.folder / _PLAN).read_bytes())["cells"]))
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError, RecursionError, TypeError, KeyError):
            return None

    def write(self, record: Record, curves: Mapping[str, np.ndarray] | None = None) -> Record:
        """Store an attempt; the record as stored. Raises StoreError on a full disk or a read-only folder."""
        arrays = None
        if curves is not None:
            buffer = io.BytesIO()
            np.savez_compressed(buffer, allow_pickle=False, **curves)
            arrays = buffer.getvalue()
        folder = self.folder / record.cell_id
        try:
            folder.mkdir(exist_ok=True)
            for attempt in count(1 + max(_attempts(folder), default=0)):
                with suppress(FileExistsError):  # someone who was not kept out took the number
                    if arrays is not None:
                        record = record.model_copy(update={"curves": f"{attempt}.npz"})
                        write_atomic(folder / f"{attempt}.npz", arrays, anew=True)
                    record, content = _sealed(record)
                    write_atomic(folder / f"{attempt}.json", content, anew=True)
                    break
        except OSError as error:
            what = f"cannot write results to {self.folder}: {error.strerror}"
            raise StoreError(f"{what}; what is written is kept; mend that and run again") from None
        return record

    def each(self, *, flow: bool = True) -> Iterator[Record]:
        """The record of every cell in the folder, by cell id: its newest ok attempt, else its newest.

        Without `flow`, less the gradient flow. What is damaged is left out, and stands in `damaged`. Raises StoreError
        for a record that cannot be read or is of a newer schema.
        """
        for name in sorted(os.listdir(self.folder)):
            if name not in _OWN and (record := self.record(name, flow=flow)) is not None:
                yield record

    def records(self, *, flow: bool = True) -> list[Record]:
        """All of `each`, with its speed."""
        return list(self.timed(self.each(flow=flow)))

    def record(self, cell_id: str, *, flow: bool = True) -> Record | None:
        """The record of one cell, or None. Raises StoreError as `each` does."""
        newest: Record | None = None
        folder = self.folder / cell_id
        for attempt in sorted(_attempts(folder, ending="json")):
            path = folder / f"{attempt}.json"
            try:
                record = _read(path, flow=flow)
            except _DamagedError as error:
                self.damaged[path] = str(error)
                continue
            if newest is None or record.status == "ok" or newest.status != "ok":
                newest = record
        return newest

    def attempts(self, cell_id: str) -> list[int]:
        """The numbers of the attempts at a cell that have a record, oldest first."""
        return sorted(_attempts(self.folder / cell_id, ending="json"))

    def size(self, cell_id: str) -> int:
        """Bytes of the last attempt at a cell, its record and curves; 0 where there is none."""
        numbers = self.attempts(cell_id)
        files = [self.folder / cell_id / f"{numbers[-1]}.{ending}" for ending in ("json", "npz")] if numbers else []
        return sum(file.stat().st_size for file in files if file.exists())

    def last(self, cell_id: str) -> Record:
        """The record of the last attempt at a cell that has one, whatever became of it. Raises StoreError."""
        path = self.folder / cell_id / f"{self.attempts(cell_id)[-1]}.json"
        try:
            return _read(path)
        except _DamagedError as error:
            raise StoreError(f"record {path}: {error}") from None

    def set_aside(self) -> list[tuple[Path, str]]:
        """Rename the damaged records met so far: their new places, and what is wrong. Raises StoreError."""
        moved = []
        for path, why in self.damaged.items():
            places = (path.with_name(f"{path.name}.damaged{suffix}") for suffix in ("", *map(str, range(2, 1000))))
            place = next(place for place in places if not place.exists())
            try:
                path.rename(place)
            except OSError as error:
                raise StoreError(f"cannot set {path} aside: {error.strerror}; it is damaged: {why}") from None
            moved.append((place, why))
        self.damaged.clear()
        return moved

    def test(self, cell_id: str) -> None:
        """Read the record of a cell whole, and its curves to their end: where these are damaged, so is the record, and
        `damaged` has it. Raises StoreError as `each` does, also for curves."""
        record = self.record(cell_id)
        if record is None:
            return
        try:
            self.curves(record)
        except _SpoiledError:
            path = self.folder / record.cell_id / Path(str(record.curves)).with_suffix(".json").name
            self.damaged[path] = f"its curves {record.curves} cannot be read"

    def write_timing(self, timing: Timing) -> None:
        """Store what the speed phase found. Raises StoreError on a full disk or a read-only folder."""
        number = 1 + max((_number(path) for path in self._timings(timing.group)), default=0)
        try:
            (self.folder / _SPEED).mkdir(exist_ok=True)
            write_atomic(
                self.folder / _SPEED / f"{timing.group}-{number}.json", timing.model_dump_json(indent=1).encode()
            )
        except OSError as error:
            raise StoreError(f"cannot write results to {self.folder}: {error.strerror}") from None

    def timings(self) -> dict[str, Timing]:
        """By group, its newest that found something, else its newest. One that cannot be read was not measured."""
        found: dict[str, Timing] = {}
        for path in sorted(self._timings(), key=_number):
            with suppress(OSError, ValueError):  # pydantic's own error is a ValueError
                timing = Timing.model_validate_json(path.read_bytes())
                if timing.reason is None or timing.group not in found or found[timing.group].reason is not None:
                    found[timing.group] = timing
        return found

    def timed(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records, those that ended ok with what the speed phase found for their group."""
        timings = self.timings()
        for record in records:
            yield _joined(record, timings) if timings else record

    def curves(self, record: Record) -> dict[str, np.ndarray]:
        """The arrays stored with a record (bench.record.CURVES); empty where there are none."""
        if record.curves is None:
            return {}
        path = self.folder / record.cell_id / Path(record.curves).name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StoreError(f"cannot read curves {path}: {error.strerror}") from None
        try:
            # From memory: NumPy forgets to close a file that turns out not to be whole.
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                return dict(file)
        except MemoryError:
            raise
        except Exception as error:  # zipfile, zlib, NumPy and its reader of headers have many of their own
            raise _SpoiledError(
                f"cannot read curves {path}: {error}; expected a whole .npz file; delete it and run again"
            ) from None

    def is_run(self) -> bool:
        """The folder was written by archbench."""
        return os.path.isfile(self.folder / _MARKER)  # False, not OSError, for a name too long or a folder not ours

    def _refuse_newer(self) -> None:
        with suppress(OSError):  # unreadable, it says nothing
            schema = _schema((self.folder / _MARKER).read_bytes())
            if schema is not None and schema > SCHEMA_VERSION:
                raise _newer(self.folder, schema)

    def _timings(self, group: str = "*") -> list[Path]:
        return list((self.folder / _SPEED).glob(f"{group}-*.json"))


def _number(path: Path) -> int:
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _joined(record: Record, timings: Mapping[str, Timing]) -> Record:
    timing = timings.get(group_id(record.identity)) if record.status == "ok" else None
    return record if timing is None or timing.speed is None else record.model_copy(update=timing.measured())


def write_atomic(path: Path, content: bytes, *, anew: bool = False) -> None:
    """Write a file that is either whole or not there; with `anew`, FileExistsError where it is. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        if anew:
            _rename_anew(temporary, path)
        else:
            os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _rename_anew(source: str, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(target) from None
        os.replace(source, target)
    else:
        os.unlink(source)


def _attempts(folder: Path, ending: str | None = None) -> list[int]:
    """The numbers of the files in a cell's folder, whatever their ending, or those that have exactly this one."""
    try:
        parts = [name.partition(".") for name in os.listdir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [int(number) for number, _, rest in parts if number.isdecimal() and ending in (None, rest)]


def _sealed(record: Record) -> tuple[Record, bytes]:
    """The record with its checksum, and the content of its file."""
    blank = record.model_copy(update={"checksum": EMPTY})
    checksum, content = sealed(blank.model_dump_json(indent=1).encode())
    return record.model_copy(update={"checksum": checksum}), content


def _read(path: Path, *, flow: bool = True) -> Record:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"cannot read record {path}: {error.strerror}") from None
    try:
        record = (Record if flow else _WithoutFlow).model_validate_json(content)
        if not flow and record.checksum is None:  # nothing else tells whether what was passed over is whole
            Record.model_validate_json(content)
    except ValidationError as error:
        schema = _schema(content)
        if schema is not None and schema > SCHEMA_VERSION:
            raise _newer(path, schema) from None
        raise _DamagedError(damage(error)) from None
    if "schema_version" not in record.model_fields_set:
        raise _DamagedError("schema_version: Field required")
    if record.cell_id != path.parent.name:
        raise _DamagedError(f"is of cell {record.cell_id}, which is not the folder's")
    if record.checksum is not None and not intact(content, record.checksum):
        raise _DamagedError("edited: its checksum is another")
    if record.curves is not None and not _ends_as_zip(path.parent / Path(record.curves).name):
        raise _DamagedError(f"its curves {record.curves} are missing or cut")
    return record


def damage(error: ValidationError) -> str:
    """The first thing that is wrong with a file's content."""
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    return f"{key}: {first['msg']}" if key else f"cut or no JSON: {first['msg']}"


def _schema(content: bytes) -> int | None:
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError):
        return None
    schema = raw.get("schema_version") if isinstance(raw, dict) else None
    return schema if isinstance(schema, int) else None


def _newer(path: Path, schema: int) -> StoreError:
    return StoreError(
        f"{path}: expected schema {SCHEMA_VERSION}, received {schema}; update archbench, or name another folder"
    )


def _ends_as_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-_ZIP_TAIL_BYTES, os.SEEK_END)
            return file.read(len(_ZIP_TAIL)) == _ZIP_TAIL
    except OSError:
        return False

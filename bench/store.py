"""The results folder: one immutable file per attempt. The only code that writes results.

    <run>/archbench.json                   says that the folder is ours
    <run>/<cell id>/<attempt>.json         a record
    <run>/<cell id>/<attempt>.npz          its curves
    <run>/speed/<group>-<number>.json      what the speed phase adds to the records of a group

Every file is written under a temporary name, flushed to the disk and renamed, the record last: a kill at any moment
leaves either the whole attempt or none. Folders of several machines merge by copying.
"""

import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from bench.errors import StoreError, UsageError
from bench.plan import group_id
from bench.record import SCHEMA_VERSION, Record, Timing

_MARKER = "archbench.json"
_SPEED = "speed"
_OWN = {_MARKER, _SPEED, "report", "logs"}


class Store:
    """A run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> "Store":
        """Make the folder ready for writing.

        Raises UsageError where it holds something that is not a run, StoreError where it cannot be written.
        """
        try:
            if self.folder.exists() and not self.is_run() and any(self.folder.iterdir()):
                raise UsageError(f"--out {self.folder}: holds files that are no archbench run; name an empty folder")
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(_MARKER, json.dumps({"schema_version": SCHEMA_VERSION}).encode())
        except OSError as error:
            raise StoreError(f"cannot write results to {self.folder}: {error.strerror}; choose another --out") from None
        return self

    def open(self) -> "Store":
        """Check that the folder is a run that can be read. Raises UsageError where it is none."""
        if not self.is_run():
            raise UsageError(f"{self.folder}: no archbench run; expected a folder written by `archbench run --out`")
        return self

    def write(self, record: Record, curves: Mapping[str, np.ndarray] | None = None) -> Record:
        """Store an attempt; the record as stored. Raises StoreError on a full disk or a read-only folder."""
        attempt = 1 + max((int(path.stem) for path in self._attempts(record.cell_id)[-1:]), default=0)
        try:
            (self.folder / record.cell_id).mkdir(exist_ok=True)
            if curves is not None:
                buffer = io.BytesIO()
                np.savez_compressed(buffer, allow_pickle=False, **curves)
                record = record.model_copy(update={"curves": f"{attempt}.npz"})
                self._write(f"{record.cell_id}/{attempt}.npz", buffer.getvalue())
            self._write(f"{record.cell_id}/{attempt}.json", record.model_dump_json(indent=1).encode())
        except OSError as error:
            raise StoreError(f"cannot write results to {self.folder}: {error.strerror}") from None
        return record

    def records(self) -> list[Record]:
        """The record of every cell in the folder, by cell id: its newest ok attempt, else its newest; with its speed.

        Raises StoreError for a record that cannot be read.
        """
        found = (self.record(path.name) for path in sorted(self.folder.iterdir()) if path.name not in _OWN)
        return self.timed(record for record in found if record is not None)

    def record(self, cell_id: str) -> Record | None:
        """The record of one cell, or None."""
        newest: Record | None = None
        for path in self._attempts(cell_id):
            record = _read(path)
            if newest is None or record.status == "ok" or newest.status != "ok":
                newest = record
        return newest

    def last(self, cell_id: str) -> Record:
        """The record of the last attempt at a cell that has one, whatever became of it."""
        return _read(self._attempts(cell_id)[-1])

    def write_timing(self, timing: Timing) -> None:
        """Store what the speed phase found. Raises StoreError on a full disk or a read-only folder."""
        number = 1 + max((_number(path) for path in self._timings(timing.group)), default=0)
        try:
            (self.folder / _SPEED).mkdir(exist_ok=True)
            self._write(f"{_SPEED}/{timing.group}-{number}.json", timing.model_dump_json(indent=1).encode())
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

    def timed(self, records: Iterable[Record]) -> list[Record]:
        """The records, those that ended ok with what the speed phase found for their group."""
        timings = self.timings()
        return [_joined(record, timings) if timings else record for record in records]

    def curves(self, record: Record) -> dict[str, np.ndarray]:
        """The arrays stored with a record (bench.record.CURVES); empty where there are none."""
        if record.curves is None:
            return {}
        path = self.folder / record.cell_id / Path(record.curves).name
        try:
            # From memory: NumPy forgets to close a file that turns out not to be whole.
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise StoreError(f"cannot read curves {path}: {error}; expected a whole .npz file") from None

    def is_run(self) -> bool:
        """The folder was written by archbench."""
        return os.path.isfile(self.folder / _MARKER)  # False, not OSError, for a name too long or a folder not ours

    def _attempts(self, cell_id: str) -> list[Path]:
        """The record files of a cell, oldest first."""
        found = [path for path in (self.folder / cell_id).glob("*.json") if path.stem.isdecimal()]
        return sorted(found, key=lambda path: int(path.stem))

    def _timings(self, group: str = "*") -> list[Path]:
        return list((self.folder / _SPEED).glob(f"{group}-*.json"))

    def _write(self, name: str, content: bytes) -> None:
        write_atomic(self.folder / name, content)


def _number(path: Path) -> int:
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _joined(record: Record, timings: Mapping[str, Timing]) -> Record:
    timing = timings.get(group_id(record.identity)) if record.status == "ok" else None
    return record if timing is None or timing.speed is None else record.model_copy(update=timing.measured())


def read_runs(stores: Iterable[Store]) -> tuple[list[Record], Callable[[Record], dict[str, np.ndarray]]]:
    """The records of several runs, and what finds the curves of any of them. Raises StoreError as `records` does."""
    origin = {id(record): (store, record) for store in stores for record in store.records()}
    return [record for _, record in origin.values()], lambda record: origin[id(record)][0].curves(record)


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file that is either whole or not there. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read(path: Path) -> Record:
    try:
        raw = json.loads(path.read_bytes())
        schema = raw.get("schema_version") if isinstance(raw, dict) else None
        if schema != SCHEMA_VERSION:
            raise StoreError(f"record {path}: expected schema {SCHEMA_VERSION}, received {schema}; update archbench")
        return Record.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"record {path} is altered: {key}: {first['msg']}; delete it to go on") from None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"cannot read record {path}: {error}; delete it to go on") from None

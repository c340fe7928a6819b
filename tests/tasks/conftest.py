"""Data for the tests: real files where they lie on this machine, and generated ones everywhere."""

import hashlib
import io
import os
import pickle
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bench.files import DataFile

NOWHERE = "fashion-mnist/"
"""Data that neither the CI nor the machines of the project hold; its tests generate files."""


@pytest.fixture(scope="session")
def real() -> Callable[..., None]:
    """`real(*files)` goes on only where these published files are present.

    It skips with the reason where one is missing, and fails instead under ARCHBENCH_REQUIRE_DATA=1.
    """

    def require(*files: DataFile) -> None:
        missing = [file for file in files if not file.path.is_file()]
        required = [str(file.path) for file in missing if not file.name.startswith(NOWHERE)]
        if required and os.environ.get("ARCHBENCH_REQUIRE_DATA") == "1":
            pytest.fail(f"ARCHBENCH_REQUIRE_DATA=1, but there is no {', '.join(required)}")
        if missing:
            pytest.skip(f"no data file {missing[0].path}")

    return require


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], DataFile]:
    """`publish(name, content)` places a generated file in an empty data home and declares it with its true digest."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def place(name: str, content: bytes) -> DataFile:
        file = DataFile(name, "md5:" + hashlib.md5(content).hexdigest())
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_bytes(content)
        return file

    return place


class _Python2(pickle._Pickler):
    """Writes byte strings as Python 2 did; Python 3 would ask for a codec, which no published file needs."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def save_bytes(self, value: bytes) -> None:
        self.write(b"T" + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    dispatch[bytes] = save_bytes


@pytest.fixture
def old_pickle() -> Callable[[Any], bytes]:
    """`old_pickle(value)` is the pickle that Python 2 and its NumPy would have written."""

    def dumps(value: Any) -> bytes:
        file = io.BytesIO()
        _Python2(file, protocol=2).dump(value)
        return file.getvalue().replace(b"numpy._core.", b"numpy.core.")

    return dumps


class Bomb:
    """Unpickled without restriction, it would set a variable of the environment."""

    KEY = "ARCHBENCH_TEST_BOMB"

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"import os; os.environ[{self.KEY!r}] = 'went off'",)


@pytest.fixture
def bomb() -> Iterable[Bomb]:
    """An object whose unpickling runs code; the test fails if it ever did."""
    yield Bomb()
    assert os.environ.pop(Bomb.KEY, None) is None, "unpickling ran code from the file"

"""Data files: where they lie, whether they are what they should be, and how to fetch them."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.errors import DataError

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 30


def data_home() -> Path:
    """The folder that holds data sets: $KERAS_HOME/datasets, as Keras itself uses it (default ~/.keras/datasets)."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"


@dataclass(frozen=True)
class DataFile:
    """A published file: `name` is its path under `data_home()`; `digest` is 'sha256:...' or 'md5:...' as published."""

    name: str
    digest: str
    url: str | None = None
    """Where it is published."""
    archive: "DataFile | None" = None
    """The tar archive that holds it as member `name`, where it is not published alone."""

    @property
    def path(self) -> Path:
        """Where the file belongs on this machine."""
        return data_home() / self.name

    def verified(self) -> Path:
        """The path of the file, its content checked against the published digest.

        Raises DataError when it is missing or differs; nothing is read from it before.
        """
        path = self.path
        if not path.is_file():
            url = self.archive.url if self.archive is not None else self.url
            source = f" (published at {url})" if url else ""
            raise DataError(
                f"no data file {path}: run `archbench data fetch` with a network, or place the file there{source};"
                f" expected {self.digest}"
            )
        try:
            found = self._digest(path)
        except OSError as error:
            raise DataError(f"cannot read data file {path}: {error.strerror}") from None
        if found != self.digest:
            raise DataError(
                f"data file {path} is truncated or altered: expected {self.digest}, found {found};"
                " delete it and run `archbench data fetch`"
            )
        return path

    def fetch(self) -> Path:
        """The verified file, downloaded or unpacked first where it is missing. Never leaves a half-written file.

        Raises DataError without a network, on a full disk, and when the download is not what was published.
        """
        if self.path.exists() or not (self.url or self.archive):
            return self.verified()
        # Imported here: a task file that only declares its data must stay quick to list.
        import tarfile  # noqa: PLC0415  # as above
        from http.client import HTTPException  # noqa: PLC0415  # as above
        from urllib.error import HTTPError  # noqa: PLC0415  # as above
        from urllib.request import urlopen  # noqa: PLC0415  # as above

        try:
            if self.archive is not None:
                with tarfile.open(self.archive.fetch()) as tar:
                    member = tar.extractfile(self.name)  # None for what is no file
                    if member is None:
                        raise DataError(
                            f"archive {self.archive.path}: expected a file {self.name}, found something else"
                        )
                    self._place(member)
            else:
                with urlopen(str(self.url), timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310  # constant
                    self._place(response)
        except (OSError, EOFError, KeyError, HTTPException, tarfile.TarError) as error:  # URLError is an OSError
            if isinstance(error, HTTPError):
                error.close()  # it holds the connection
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error).strip()
            source = self.url or (self.archive and self.archive.path)
            raise DataError(
                f"cannot fetch {self.name} from {source}: {reason}; place the file at {self.path}"
            ) from None
        return self.path

    def _place(self, source: IO[bytes]) -> None:
        """Copy to a temporary file beside the target, check the digest, rename: the target is whole or not there."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                shutil.copyfileobj(source, file, _CHUNK)
            found = self._digest(Path(temporary))
            if found != self.digest:
                raise DataError(
                    f"{self.name} as fetched is truncated or altered: expected {self.digest}, found {found}; try again"
                )
            os.chmod(temporary, 0o644)  # a shared KERAS_HOME is read by others
            os.replace(temporary, self.path)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def _digest(self, path: Path) -> str:
        algorithm = self.digest.split(":")[0]
        with path.open("rb") as file:
            return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"

"""Data files: where they lie, whether they are what they should be, and how to fetch them."""

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

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
    """Where it is published; None where it comes only inside an archive."""

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
            source = f" (published at {self.url})" if self.url else ""
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
        """The verified file, downloaded first where it is missing. Never leaves a half-written file behind.

        Raises DataError without a network, on a full disk, and when the download is not what was published.
        """
        if self.path.exists() or self.url is None:
            return self.verified()
        temporary = ""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with (
                urllib.request.urlopen(self.url, timeout=_TIMEOUT_SECONDS) as response,  # noqa: S310  # urls are constants
                tempfile.NamedTemporaryFile(dir=self.path.parent, delete=False) as file,
            ):
                temporary = file.name
                while chunk := response.read(_CHUNK):
                    file.write(chunk)
            found = self._digest(Path(temporary))
            if found != self.digest:
                raise DataError(
                    f"download of {self.url} is wrong: expected {self.digest}, found {found}; try again later"
                )
            os.replace(temporary, self.path)
        except OSError as error:  # urllib's errors are OSErrors too
            reason = getattr(error, "reason", None) or error.strerror or error
            raise DataError(f"cannot fetch {self.url}: {reason}; place the file at {self.path}") from None
        finally:
            if temporary and os.path.exists(temporary):
                os.unlink(temporary)
        return self.path

    def _digest(self, path: Path) -> str:
        algorithm = self.digest.split(":")[0]
        with path.open("rb") as file:
            return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"

"""The checksum inside a JSON file that tells whether the file was edited: taken with the checksum itself left empty."""

from typing import Final

from bench.sources import digest

EMPTY: Final = ""
"""What a file's `checksum` holds while the checksum is taken."""


def sealed(content: bytes) -> tuple[str, bytes]:
    """The checksum of a JSON file whose first `checksum` is `EMPTY`, and the file with it."""
    checksum = digest(content)
    return checksum, content.replace(_field(EMPTY), _field(checksum), 1)


def intact(content: bytes, checksum: str) -> bool:
    """Whether a file is the one that was sealed with `checksum`. Version control may have changed how lines end."""
    unix = content.replace(b"\r\n", b"\n")
    return digest(unix.replace(_field(checksum), _field(EMPTY), 1)) == checksum


def _field(checksum: str) -> bytes:
    return f'"checksum": "{checksum}"'.encode()

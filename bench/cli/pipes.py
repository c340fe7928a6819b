"""Standard output and error that outlive their reader: `head` closes a pipe as soon as it has seen enough."""

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def outlive_readers() -> None:
    """Let the command go on in silence where a reader is gone: its files and its exit code are still wanted."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        # Not where a program that calls us keeps what is printed.
        if isinstance(stream, io.TextIOWrapper) and stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _outliving(stream))


def _outliving(stream: io.TextIOWrapper) -> TextIO:
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Outliving(stream.fileno(), "wb", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering or stream.write_through,  # else unbuffered output would wait in ours
        write_through=stream.write_through,
    )


class _Outliving(io.FileIO):
    def write(self, content: "ReadableBuffer", /) -> int:
        try:
            return super().write(content)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return super().write(content)

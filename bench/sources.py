"""What decides a cell's numbers beside its settings: source code and library versions, as short hashes."""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_HERE = Path(__file__).parent
_DECIDING = (
    "alike.py",
    "architecture.py",
    "cell.py",
    "evaluation.py",
    "gradients/closer.py",
    "gradients/flow.py",
    "gradients/gates.py",
    "gradients/interventions.py",
    "gradients/memory.py",
    "gradients/probe.py",
    "gradients/profile.py",
    "gradients/recorder.py",
    "gradients/spectrum.py",
    "gradients/tap.py",
    "step.py",
    "stream.py",
    "task.py",
    "width.py",
)
"""The harness's own part; the backend's file, the task's and the architecture's are added per cell."""


def sources(task: Sequence[Path], architecture: Sequence[Path], backend: str) -> dict[str, str]:
    """Hashes of the harness, of the task's and of the architecture's files, and versions of what computes."""
    return {
        "harness": _hash_files((*(_HERE / name for name in _DECIDING), _HERE / "backends" / f"{backend}.py")),
        "task": _hash_files(tuple(task)),
        "architecture": _hash_files(tuple(architecture)),
        **{library: _version(library) for library in dict.fromkeys(("keras", "numpy", backend))},
    }


def digest(data: bytes) -> str:
    """The first 16 hex digits of the SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]


@cache
def _hash_files(paths: tuple[Path, ...]) -> str:
    return digest(b"\0".join(path.read_bytes() for path in paths))


@cache
def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"

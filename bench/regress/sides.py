"""Base and head: where the code of either lies, and how a process that runs it is started."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Final

import numpy as np

from bench.commit import git
from bench.errors import BenchError, UsageError, shown
from bench.execute.process import environment
from bench.regress.faults import VARIABLE

_PADDING: Final = 4096
"""Bytes of environment up to which a process is moved in memory at random: layout alone makes code faster or slower."""


@dataclass(frozen=True)
class Side:
    """One of the two that are compared."""

    name: str
    """base or head."""
    label: str
    """As it was asked for."""
    root: Path | None
    """The folder whose code is run, of a commit the current one in its worktree; None: what its Python has."""
    python: str = sys.executable
    plugins: tuple[Path, ...] = ()
    faults: str = ""

    @property
    def own_bench(self) -> Path | None:
        """The file by which a bench is known; None where the root has none."""
        file = self.root / "bench" / "__init__.py" if self.root else None
        return file if file and file.is_file() else None

    def command(self, backend: str, threads: int, cpus: Sequence[int]) -> list[str]:
        """Of a worker."""
        plugins = [str(plugin) for plugin in self.plugins]
        pinned = ",".join(map(str, cpus))
        return [self.python, "-P", "-m", "bench.regress.worker", backend, str(threads), pinned, *plugins]

    def environment(self, backend: str, threads: int, rng: np.random.Generator) -> dict[str, str]:
        """Of a worker: its code, and a layout in memory that is new each time."""
        found = environment(backend, threads)
        paths = found.get("PYTHONPATH", "").split(os.pathsep)
        if self.python != sys.executable:  # it has its own bench, which ours must not hide
            paths = [path for path in paths if not (Path(path) / "bench" / "__init__.py").is_file()]
        paths = [str(self.root), *paths] if self.root else paths
        return {
            **found,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTHONHASHSEED": str(rng.integers(2**32)),
            "ARCHBENCH_PADDING": "x" * int(rng.integers(_PADDING)),
            VARIABLE: self.faults,
        }

    def check(self, code: str) -> None:
        """`code`: the file of the bench that a worker says it runs. Raises BenchError where that is not the side's."""
        own = self.own_bench
        if own is not None and not Path(code).samefile(own):
            raise BenchError(f"{self.name} {shown(self.label)}: expected to run {own}, but its Python runs {code}")


@contextmanager
def checked_out(
    given: Sequence[tuple[str, str | None, str | None, str]], plugins: Sequence[Path]
) -> Iterator[list[Side]]:
    """The sides of (name, REF, Python, faults): a git ref in a worktree of its own for as long as this lasts.

    `plugins`: files relative to the current folder, or to that folder in each worktree. Raises UsageError where a REF
    is neither a commit nor a folder, a plug-in is not there or a side has no code of its own, and BenchError where git
    cannot check it out.
    """
    with tempfile.TemporaryDirectory(prefix="archbench-regress-") as folder:
        added: list[Path] = []
        try:
            sides = [_side(*one, plugins, Path(folder), added) for one in given]
            for side, other in permutations(sides, 2):
                _check_own(side, other)
            yield sides
        finally:
            for path in added:
                git("worktree", "remove", "--force", str(path))


def _side(
    name: str,
    ref: str | None,
    python: str | None,
    faults: str,
    plugins: Sequence[Path],
    folder: Path,
    added: list[Path],
) -> Side:
    executable = sys.executable if python is None else _python(name, python)
    if ref is None:
        if python is None:
            raise UsageError(f"--{name}: expected a git ref or a folder, or --{name}-python; received neither")
        return Side(name, python, None, executable, _plugins(name, plugins, Path.cwd()), faults)
    if "\0" in ref:
        raise UsageError(f"--{name}: expected a git ref or a folder, received {shown(ref)}")
    commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if commit is None:
        if not os.path.isdir(ref):
            shallow = (
                " (a shallow clone holds few of them)" if git("rev-parse", "--is-shallow-repository") == "true" else ""
            )
            raise UsageError(
                f"--{name}: expected a commit of this repository{shallow} or a folder, received {shown(ref)}"
            )
        root = Path(ref).resolve()
    else:
        worktree, inside = folder.resolve() / name, git("rev-parse", "--show-prefix") or ""
        if git("worktree", "add", "--detach", "--quiet", str(worktree), commit) is None:
            raise BenchError(f"--{name} {shown(ref)}: git cannot check {commit[:12]} out; try `git worktree prune`")
        added.append(worktree)
        root = worktree / inside
        if not root.is_dir():
            raise UsageError(
                f"--{name}: expected a commit with the current folder, {shown(inside)}, received {shown(ref)} "
                "without it; start in a folder that both sides have"
            )
    return Side(name, ref, root, executable, _plugins(name, plugins, root), faults)


def _check_own(side: Side, other: Side) -> None:
    """One Python has one archbench installed, and it would stand in for code that a side does not have: the other's."""
    if side.own_bench is not None or _environment(side.python) != _environment(other.python):
        return
    if other.own_bench is not None:
        expected, why = f"archbench's bench/, which {other.name} {shown(other.label)} has", ""
    elif set(side.plugins) <= set(other.plugins):
        expected = "code of its own, archbench's bench/ or a --plugin"
        why = f": {side.name} and {other.name} would be the same installed archbench"
    else:
        return
    raise UsageError(
        f"--{side.name}: expected {expected}, received {shown(side.label)} without it{why}; name the top of a checkout "
        f"or a --plugin that lies in it, or give --{side.name}-python an environment of its own"
    )


def _environment(python: str) -> tuple[Path, Path]:
    """Two names of a Python in one folder are one environment; two environments may link to one Python."""
    return Path(python).parent.resolve(), Path(python).resolve()


def _plugins(name: str, plugins: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    found = tuple((folder / plugin).resolve() for plugin in plugins)
    for path in found:
        if not path.is_file():
            raise UsageError(f"--plugin: {name} has no file {path.name}: {path}; expected a Python file on both sides")
    return found


def _python(name: str, python: str) -> str:
    found = shutil.which(python)
    if found is None:
        raise UsageError(f"--{name}-python: expected a Python, such as venv/bin/python, received {shown(python)}")
    return str(Path(found).absolute())

"""Finds tasks and architectures: the files of their folders, installed entry points, and `--plugin FILE`.

A file `my_task.py` declares `TASK = Task(...)` and is the task `my-task`; a family of them declares
`TASKS = {"name": Task(...)}`. Architectures likewise: `ARCHITECTURE` or `ARCHITECTURES`.
"""

import ast
import importlib
import importlib.util
import math
import pkgutil
import re
import sys
import tomllib
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

import bench.architectures
import tasks
from bench.architecture import Architecture, InputSpec
from bench.errors import PluginError, UsageError, unknown
from bench.setting import complete
from bench.task import Task

SUITES = Path(__file__).parent / "suites"
CLAIMS = Path(__file__).parent / "claims"

Definition = TypeVar("Definition", Task, Architecture)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KINDS = ((Task, "TASK", "TASKS"), (Architecture, "ARCHITECTURE", "ARCHITECTURES"))


@dataclass(frozen=True)
class Entry(Generic[Definition]):
    """A definition, its name, the file it is from, and whether that file is a `--plugin`."""

    name: str
    value: Definition
    file: Path
    plugin: bool = False

    @property
    def sources(self) -> list[Path]:
        """The files that decide what the definition does: its own and the private helpers beside it."""
        return [self.file] if self.plugin else [self.file, *sorted(self.file.parent.glob("_[!_]*.py"))]


@dataclass(eq=False)
class Catalogue:
    """Everything that can be run, by name, and what could not be loaded, by the name it would have had."""

    tasks: dict[str, Entry[Task]] = field(default_factory=dict)
    architectures: dict[str, Entry[Architecture]] = field(default_factory=dict)
    broken: dict[str, PluginError] = field(default_factory=dict)

    def task(self, name: str) -> Entry[Task]:
        """The task `name`; UsageError with the nearest names when there is none, or why its plug-in is broken."""
        return self._find("task", name, self.tasks)

    def architecture(self, name: str) -> Entry[Architecture]:
        """The architecture `name`; UsageError with the nearest names when there is none, or why it is broken."""
        return self._find("architecture", name, self.architectures)

    def _find(self, kind: str, name: str, known: Mapping[str, Entry[Definition]]) -> Entry[Definition]:
        if name in known:
            return known[name]
        raise self.broken.get(name) or unknown(kind, name, known)

    def reason(self, name: str) -> PluginError | None:
        """Why `name` cannot be used; None where it can, or where nothing is known of it."""
        usable = name in self.tasks or name in self.architectures
        return None if usable else self.broken.get(name)

    def _add(self, name: str, value: object, file: Path, *, plugin: bool) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise PluginError(f"{file}: {name!r} is no name: expected letters, digits, - and _, at most 64")
        if name in self.tasks or name in self.architectures:
            raise PluginError(f"{file}: the name {name!r} is taken; rename it")
        if isinstance(value, Task):
            _probe_task(value)
            self.tasks[name] = Entry(name, value, file, plugin)
        elif isinstance(value, Architecture):
            _probe_architecture(value)
            self.architectures[name] = Entry(name, value, file, plugin)
        else:
            raise PluginError(f"{file}: {name} is a {type(value).__name__}; expected a Task or an Architecture")


def discover(plugins: Iterable[Path] = ()) -> Catalogue:
    """The catalogue. What is broken lands in `broken` with a one-line reason; UsageError where a plug-in is no file."""
    catalogue = Catalogue()
    for package in (tasks, bench.architectures):
        for info in pkgutil.iter_modules(package.__path__):
            if not info.name.startswith("_"):
                module = importlib.import_module(f"{package.__name__}.{info.name}")
                for name, value in _definitions(module, info.name):
                    catalogue._add(name, value, Path(str(module.__file__)), plugin=False)
    for group in ("archbench.tasks", "archbench.architectures"):
        for point in sorted(entry_points(group=group)):
            # An installed package must not make a built-in of the same name unusable.
            taken = point.name in catalogue.tasks or point.name in catalogue.architectures
            with _collecting(catalogue, point.value if taken else point.name, None):
                value = point.load()
                file = Path(str(sys.modules[point.module].__file__))
                catalogue._add(point.name, value, file, plugin=False)
    for path in plugins:
        if not path.is_file():
            raise UsageError(f"--plugin {path}: no such file; expected a Python file with a TASK or an ARCHITECTURE")
        with _collecting(catalogue, path.stem.replace("_", "-"), path):
            for name, value in _definitions(_load(path.resolve()), path.stem):
                with _collecting(catalogue, str(name), path):
                    catalogue._add(name, value, path.resolve(), plugin=True)
    return catalogue


def suite_names() -> list[str]:
    """The shipped suites."""
    return sorted(path.stem for path in SUITES.glob("*.toml"))


def suite_summary(name: str) -> str:
    """What a shipped suite says of itself; reading all of it, and checking it, is for who runs it."""
    return str(tomllib.loads((SUITES / f"{name}.toml").read_text(encoding="utf-8"))["summary"])


def claim_names() -> list[str]:
    """The textbook claims: the files of their folder."""
    return sorted(path.stem.replace("_", "-") for path in CLAIMS.glob("[!_]*.py"))


def claim_summary(name: str) -> str:
    """The statement of a claim, the first line of its file; read, not imported: listing needs no statistics."""
    source = (CLAIMS / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    return str(ast.get_docstring(ast.parse(source))).partition("\n")[0]


# A plan calls these functions of a definition; called here first, they are found broken before anything else is done.


def _probe_task(task: Task) -> None:
    settings = complete("task", task.settings, {})
    spec = task.spec(**settings)
    if not isinstance(spec, InputSpec):
        raise TypeError(f"spec(): expected an InputSpec, received {type(spec).__name__}")
    for function in filter(None, (task.chance, task.chance_loss)):
        if not math.isfinite(function(**settings)):
            raise ValueError("chance(): expected a finite number")


def _probe_architecture(architecture: Architecture) -> None:
    complete("architecture", architecture.settings, {})
    for spec in (InputSpec("sequence", (4, 2), 1), InputSpec("image", (8, 8, 1), 10)):
        reason = architecture.refuses(spec)
        if not isinstance(reason, str | None):
            raise TypeError(f"refuses(): expected a text or None, received {type(reason).__name__}")
    if not frozenset(architecture.initial) <= architecture.fixed.keys():
        raise ValueError(f"initial: expected names in fixed, received {sorted(architecture.initial)}")


def _definitions(module: ModuleType, stem: str) -> Iterator[tuple[str, object]]:
    found = False
    for _, one, many in _KINDS:
        if hasattr(module, one):
            found = True
            yield stem.replace("_", "-"), getattr(module, one)
        if hasattr(module, many):
            found = True
            if not isinstance(getattr(module, many), Mapping):
                raise PluginError(f"{module.__file__}: {many}: expected a dict of names to definitions")
            yield from getattr(module, many).items()
    if not found:
        names = ", ".join(name for _, *pair in _KINDS for name in pair)
        raise PluginError(f"{module.__file__}:1: nothing declared; expected one of {names}")


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"archbench_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}:1: not a Python file; expected a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and serialisable Keras layers look their module up
    spec.loader.exec_module(module)
    return module


class _collecting:
    """Turns whatever a user's file raises into one line with file and line, kept in `catalogue.broken`."""

    def __init__(self, catalogue: Catalogue, name: str, path: Path | None) -> None:
        self.catalogue, self.name, self.path = catalogue, name, path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None or not isinstance(error, Exception | SystemExit):
            return False
        if not isinstance(error, PluginError):
            error = PluginError(f"{where(error, self.path)}: {type(error).__name__}: {first_line(error)}")
        self.catalogue.broken[self.name] = error
        return True


def where(error: BaseException, path: Path | None) -> str:
    """`file:line` of the innermost frame of `error` that lies in `path`, the file alone where none does.

    Without a path: of the innermost frame of all.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if path is None or Path(frame.filename) == path.resolve()]
    return f"{path or own[-1].filename}:{own[-1].lineno}" if own else str(path)


def declared(function: object, file: Path) -> str:
    """`file:line` where a function of a definition begins; the file's first line where that is not to be told."""
    code = getattr(getattr(function, "func", function), "__code__", None)
    line = code.co_firstlineno if code is not None and Path(code.co_filename) == file else 1
    return f"{file}:{line}"


def first_line(error: BaseException) -> str:
    """The message of an error, cut to its first line."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return message.strip().splitlines()[0] if message.strip() else "no message"

"""From a suite and flags to cells. Pure: reads no data, trains nothing, imports no framework."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from bench.architecture import Architecture, InputSpec
from bench.catalogue import Catalogue, Entry, first_line, where
from bench.errors import PluginError, UsageError, shown, unknown
from bench.record import Record
from bench.setting import Value, complete
from bench.sources import digest, sources
from bench.suite import CELL, TRAINING, Grid, Named, Suite
from bench.task import Task, Training

Item = TypeVar("Item", str, str | Named)


@dataclass(frozen=True)
class Cell:
    """One training: task, architecture and seed under complete settings. `id` is the hash of all that decides it."""

    task: str
    task_settings: Mapping[str, Value]
    architecture: str
    architecture_settings: Mapping[str, Value]
    seed: int
    training: Training
    params: int | None
    backend: str
    threads: int
    sources: Mapping[str, str]
    """Hash of the source that decides the numbers, by what it is; versions of the libraries."""
    skip: str | None = None
    """Why the pair does not fit."""
    program: str = field(default="", compare=False)
    """`program_id`."""
    reads: float = field(default=0.0, compare=False)
    """How many numbers the training reads, steps x batch x those of a sample; inf where the data tell its steps."""

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides the cell's numbers, JSON-ready."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self) if item.name not in _ASIDE}

    @cached_property
    def id(self) -> str:
        """The first 16 hex digits of the SHA-256 of the identity."""
        return _hash(self.identity)

    @cached_property
    def group(self) -> str:
        """Equal for cells that differ only in seed."""
        return group_id(self.identity)


_ASIDE = ("skip", "program", "reads")
"""What decides no number of a cell."""


def group_id(identity: Mapping[str, Any]) -> str:
    """The hash of all of a cell's identity but its seed."""
    return _hash({**identity, "seed": 0})


def program_id(cell: Cell, arm: Architecture) -> str:
    """Equal, within a process, for cells that differ only in seed and initial weights: they share a compiled model."""
    rest = {key: _told_apart(value) for key, value in arm.fixed.items() if key not in arm.initial}
    return group_id({**cell.identity, "architecture": [id(arm.build), arm.jit, rest]}) if arm.initial else cell.group


def _told_apart(value: Any) -> Any:
    """Equal for equal plain values, and otherwise for one object alone: a long array's repr leaves most of it out."""
    if isinstance(value, tuple | list):
        return [type(value).__name__, *map(_told_apart, value)]
    return repr(value) if isinstance(value, str | int | float | None) else id(value)


def _hash(identity: Mapping[str, Any]) -> str:
    return digest(json.dumps(identity, sort_keys=True).encode())


def _plain(value: Any) -> Any:
    if isinstance(value, Training):
        return asdict(value)
    return dict(value) if isinstance(value, Mapping) else value


@dataclass(frozen=True)
class Flags:
    """What the command line overrides, as given; None or empty: not given."""

    tasks: Sequence[str] = ()
    architectures: Sequence[str] = ()
    settings: Sequence[str] = ()
    seeds: Sequence[int] | None = None
    training: Mapping[str, Value | None] = field(default_factory=dict)
    units: int | None = None
    params: int | None = None
    backend: str | None = None
    threads: int | None = None


def plan(catalogue: Catalogue, suite: Suite, flags: Flags | None = None) -> list[Cell]:
    """The cells of a suite under flags, each once, in the order of the suite, seeds innermost.

    Raises UsageError for unknown names, unknown settings and values out of range.
    """
    flags = flags or Flags()
    overrides = _overrides(catalogue, flags.settings)
    grids = _select(suite, flags)
    params, width, default_width = _width(suite, flags)
    backend = str(CELL["backend"].parse("backend", flags.backend or suite.backend))
    threads = int(CELL["threads"].parse("threads", flags.threads if flags.threads is not None else suite.threads))
    cells: dict[str, Cell] = {}
    for grid in grids:
        seeds = seeds_of(grid.seeds if grid.seeds is not None else suite.seeds, flags)
        for task_name, task_given in _named(grid.tasks):
            task = catalogue.task(task_name)
            task_settings = complete(task_name, task.value.settings, {**task_given, **overrides.get(task_name, {})})
            training = _training(task.value.training, suite.training, grid.training, flags.training)
            spec = _spec(task, task_settings)
            if training.epochs and task.value.draw and training.train_size is None:
                raise UsageError(f"epochs: {task_name} draws fresh samples at every step; give --steps or --train-size")
            _check_probe_at(training, task_name, spec)
            for name, given in _named(grid.architectures):
                architecture = catalogue.architecture(name)
                known = architecture.value.settings
                own = {**default_width, **given, **width} if "units" in known else given
                settings = complete(name, known, {**own, **overrides.get(name, {})})
                if "units" not in known and (width or params is not None):
                    flag = "params" if params is not None else "units"
                    raise UsageError(f"{flag}: architecture {name} has no setting units to set; leave it out")
                if params is not None:
                    if "units" in given:
                        raise UsageError(f"params and {name}.units: expected one of them, received both")
                    if "units" in overrides.get(name, {}):
                        raise UsageError(f"params and --set {name}.units: expected one of them, received both")
                    settings.pop("units", None)
                first = Cell(
                    task=task_name,
                    task_settings=task_settings,
                    architecture=name,
                    architecture_settings=settings,
                    seed=seeds[0],
                    training=training,
                    params=params,
                    backend=backend,
                    threads=threads,
                    sources=sources(task.sources, architecture.sources, backend),
                    skip=_refusal(architecture, spec),
                    reads=(training.planned_steps or math.inf) * training.batch_size * math.prod(spec.shape),
                )
                program = program_id(first, architecture.value)
                for seed in seeds:
                    cell = replace(first, seed=seed, program=program)
                    cells.setdefault(cell.id, cell)
    held = {name for cell in cells.values() for name in (cell.task, cell.architecture)}
    for owner in overrides.keys() - held:
        raise UsageError(f"--set {owner}: expected a name of the plan's cells; leave it out, or add {owner} to them")
    return list(cells.values())


def blank(cell: Cell, task: Task, **known: Any) -> Record:
    """A record with what is known of a cell before it runs, and `known`."""
    return Record(
        cell_id=cell.id,
        identity=cell.identity,
        task=cell.task,
        task_settings=dict(cell.task_settings),
        architecture=cell.architecture,
        architecture_settings=dict(cell.architecture_settings),
        seed=cell.seed,
        backend=cell.backend,
        training=cell.training,
        measured_at=datetime.now(UTC),
        metric=task.metric.name,
        higher_is_better=task.metric.higher_is_better,
        chance=task.chance(**cell.task_settings),
        target=task.solved.threshold,
        target_evaluations=task.solved.in_a_row,
        **known,
    )


def without_broken(catalogue: Catalogue, suite: Suite, flags: Flags) -> tuple[Suite, Flags, list[PluginError]]:
    """Suite and flags less the names whose plug-in is broken, and the errors of these: the others run on.

    Raises the first error where no task or no architecture would be left of those asked for.
    """
    errors: dict[str, PluginError] = {}

    def usable(items: Sequence[Item]) -> list[Item]:
        kept = []
        for item in items:
            name = item.name if isinstance(item, Named) else str(item)
            error = catalogue.reason(name)
            if error is None:
                kept.append(item)
            else:
                errors[name] = error
        return kept

    tasks, architectures = usable(flags.tasks), usable(flags.architectures)
    grids = [(grid, usable(grid.tasks), usable(grid.architectures)) for grid in suite.grid]
    left = [grid.model_copy(update={"tasks": t, "architectures": a}) for grid, t, a in grids if t and a]
    if errors and (not left or (flags.tasks and not tasks) or (flags.architectures and not architectures)):
        raise next(iter(errors.values()))
    suite = suite.model_copy(update={"grid": left})
    return suite, replace(flags, tasks=tasks, architectures=architectures), list(errors.values())


def _spec(task: Entry[Any], settings: Mapping[str, Value]) -> InputSpec:
    try:
        spec = task.value.spec(**settings)
    except UsageError:
        raise
    except Exception as error:  # whatever a user's function raises
        at = where(error, task.file)
        raise PluginError(f"{at}: spec() of task {task.name!r}: {type(error).__name__}: {first_line(error)}") from None
    if not isinstance(spec, InputSpec):
        received = type(spec).__name__
        raise PluginError(f"{task.file}: spec() of task {task.name!r}: expected an InputSpec, received {received}")
    return spec


def _check_probe_at(training: Training, task: str, spec: InputSpec) -> None:
    step = training.probe_at
    if step is None:
        return
    if training.probe_every == 0:
        raise UsageError("probe_at and probe_every: expected a step only where there is a probe; leave one of them out")
    if not spec.per_step:
        raise UsageError(f"probe_at: {task} has one loss, of its one answer; choose tasks with a loss a step by --task")
    if step >= spec.shape[0]:
        raise UsageError(f"probe_at: expected a step of {task}, 0 to {spec.shape[0] - 1}, received {step}")


def _refusal(architecture: Entry[Architecture], spec: InputSpec) -> str | None:
    try:
        return architecture.value.refuses(spec)
    except Exception as error:  # whatever a user's function raises
        at = where(error, architecture.file)
        raise PluginError(f"{at}: refuses(): {type(error).__name__}: {first_line(error)}") from None


def _named(items: Sequence[str | Named]) -> list[tuple[str, dict[str, Value]]]:
    return [(item, {}) if isinstance(item, str) else (item.name, item.settings) for item in items]


def _select(suite: Suite, flags: Flags) -> list[Grid]:
    """Names that the suite has are picked from it, with the settings it gives them; other names join every grid."""

    def pick(key: str, wanted: Sequence[str]) -> list[list[str | Named]]:
        lists = [list(getattr(grid, key)) for grid in suite.grid]
        if not wanted:
            return lists
        known = {name for items in lists for name, _ in _named(items)}
        new = [name for name in wanted if name not in known]
        return [[*(i for i in items if (i if isinstance(i, str) else i.name) in wanted), *new] for items in lists]

    picked = zip(suite.grid, pick("tasks", flags.tasks), pick("architectures", flags.architectures), strict=True)
    grids = [
        grid.model_copy(update={"tasks": tasks, "architectures": architectures})
        for grid, tasks, architectures in picked
        if tasks and architectures
    ]
    if not grids:
        asked = ", ".join([*flags.tasks, *flags.architectures])
        raise UsageError(f"the suite has no grid that holds all of {asked}; leave out the suite to run any pair")
    return grids


def _overrides(catalogue: Catalogue, given: Sequence[str]) -> dict[str, dict[str, Value]]:
    owners: dict[str, dict[str, Value]] = {}
    for text in given:
        key, equals, value = text.partition("=")
        owner, dot, name = key.partition(".")
        if not (equals and dot and owner and name):
            raise UsageError(f"--set: expected TASK.KEY=VALUE or ARCH.KEY=VALUE, received {shown(text)}")
        entry = catalogue.tasks.get(owner) or catalogue.architectures.get(owner)
        if entry is None:
            raise unknown("task or architecture", owner, [*catalogue.tasks, *catalogue.architectures])
        complete(owner, entry.value.settings, {name: value})
        owners.setdefault(owner, {})[name] = value
    return owners


def _width(suite: Suite, flags: Flags) -> tuple[int | None, dict[str, Value], dict[str, Value]]:
    """The parameters to match, and the `units` that go before and behind those the suite gives an architecture."""
    for given, prefix in ((suite, ""), (flags, "--")):
        for key in ("units", "params"):
            if getattr(given, key) is not None:
                CELL[key].parse(prefix + key, getattr(given, key))
        if given.units is not None and given.params is not None:
            raise UsageError(f"{prefix}units and {prefix}params: expected one of them, received both")
    if flags.units is not None:
        return None, {"units": flags.units}, {}
    if flags.params is not None or suite.params is not None:
        return flags.params or suite.params, {}, {}
    return None, {}, {} if suite.units is None else {"units": suite.units}


def seeds_of(seeds: int | Sequence[int], flags: Flags) -> list[int]:
    """The seeds that a suite and flags ask for, at least one, each once. Raises UsageError."""
    given = seeds if flags.seeds is None else flags.seeds
    if isinstance(given, int):
        return list(range(int(CELL["seeds"].parse("seeds", given))))
    key = "seeds" if flags.seeds is None else "--seed"
    if not given:
        raise UsageError(f"{key}: expected at least one integer >= 0, received an empty list")
    return [int(CELL["seed"].parse(key, seed)) for seed in dict.fromkeys(given)]


def _training(default: Training, *layers: Mapping[str, Value | None]) -> Training:
    """`default` overridden layer by layer; giving steps takes epochs back and the other way round."""
    values: dict[str, Any] = {
        key: None if value is None else TRAINING[key].parse(f"training.{key}", value)
        for key, value in asdict(default).items()
    }
    for layer in layers:
        for key, raw in layer.items():
            if key not in TRAINING:
                raise unknown("training setting", key, TRAINING)
            off = raw is None or (key == "clip" and raw == "none")
            values[key] = None if off else TRAINING[key].parse(key, raw)  # type: ignore[arg-type]  # None is handled
        if layer.get("steps") and layer.get("epochs"):
            raise UsageError("steps and epochs: expected one of them, received both")
        if layer.get("steps"):
            values["epochs"] = None
        if layer.get("epochs"):
            values["steps"] = None
    return Training(**values)

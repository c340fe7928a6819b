"""Catalogue entries in words, for people and programs."""

from collections.abc import Mapping
from dataclasses import asdict

from bench.architecture import Architecture
from bench.catalogue import CLAIMS, Catalogue, Entry, claim_names, claim_summary, suite_names, suite_summary
from bench.errors import unknown
from bench.setting import Setting, complete
from bench.task import Task


def catalogue_lines(catalogue: Catalogue) -> list[dict[str, str]]:
    """{kind, name, summary} of everything in the catalogue, tasks first."""
    return [
        *(_line("tasks", name, catalogue.tasks[name].value.summary) for name in sorted(catalogue.tasks)),
        *(
            _line("architectures", name, catalogue.architectures[name].value.summary)
            for name in sorted(catalogue.architectures)
        ),
        *(_line("suites", name, suite_summary(name)) for name in suite_names()),
        *(_line("claims", name, claim_summary(name)) for name in claim_names()),
    ]


def describe(catalogue: Catalogue, name: str) -> str:
    """All there is to say about one task, architecture, suite or claim. UsageError for an unknown name."""
    if name in catalogue.tasks:
        return _task(catalogue.tasks[name])
    if name in catalogue.architectures:
        return _architecture(catalogue.architectures[name])
    if name in suite_names():
        return _suite(name)
    if name in claim_names():
        return _claim(name)
    raise unknown("name", name, [*catalogue.tasks, *catalogue.architectures, *suite_names(), *claim_names()])


def _line(kind: str, name: str, summary: str) -> dict[str, str]:
    return {"kind": kind, "name": name, "summary": summary}


def _task(entry: Entry[Task]) -> str:
    task = entry.value
    settings = complete(entry.name, task.settings, {})
    spec = task.spec(**settings)
    metric = task.metric
    compare = ">=" if metric.higher_is_better else "<="
    chance = task.chance(**settings)
    lines = [
        f"task {entry.name}: {task.summary}",
        f"  source    {task.source}",
        f"  input     {spec.kind} {spec.shape}" + (f", values 0..{spec.vocabulary - 1}" if spec.vocabulary else ""),
        f"  output    {spec.output_shape}, loss {task.loss}" + (", may not see later steps" if spec.causal else ""),
        f"  metric    {metric.name}, {'higher' if metric.higher_is_better else 'lower'} is better",
        f"  chance    {chance:.6g}"
        + (f" (loss {task.chance_loss(**settings):.6g})" if task.chance_loss is not None else ""),
        f"  solved    {metric.name} {compare} {task.solved.threshold:g}"
        f" on {task.solved.in_a_row} validation(s) in a row",
        "  training  "
        + ", ".join(f"{key} {value}" for key, value in asdict(task.training).items() if value is not None),
        *(f"  data      {file.path}" for file in task.files),
        *_settings(entry.name, task.settings),
        f"  file      {entry.file}",
    ]
    return "\n".join(lines)


def _architecture(entry: Entry[Architecture]) -> str:
    architecture = entry.value
    lines = [
        f"architecture {entry.name}: {architecture.summary}",
        f"  source    {architecture.source}",
        *(
            f"  {('initial' if key in architecture.initial else 'fixed'):<9} {key} = {value}"
            for key, value in architecture.fixed.items()
        ),
        f"  compiled  {'with XLA' if architecture.jit else 'without XLA'}",
        *_settings(entry.name, architecture.settings),
        f"  file      {entry.file}",
    ]
    return "\n".join(lines)


def _settings(owner: str, settings: Mapping[str, Setting]) -> list[str]:
    if not settings:
        return []
    return [
        f"  settings  (--set {owner}.KEY=VALUE)",
        *(
            f"    {name} = {setting.default}  {setting.help} ({setting.expected})"
            for name, setting in sorted(settings.items())
        ),
    ]


def _suite(name: str) -> str:
    from bench.suite import read_suite  # noqa: PLC0415  # pydantic, which `list` does without

    suite = read_suite(name)
    lines = [f"suite {name}: {suite.summary}", f"  seeds     {suite.seeds}, where a grid has none of its own"]
    lines += [f"  training  {key} {value}" for key, value in suite.training.items()]
    lines += [f"  {key:<9} {value}" for key in ("units", "params") if (value := getattr(suite, key)) is not None]
    for grid in suite.grid:
        lines.append("  grid")
        lines.append("    tasks          " + ", ".join(map(str, grid.tasks)))
        lines.append("    architectures  " + ", ".join(map(str, grid.architectures)))
        lines += [f"    seeds          {grid.seeds}"] if grid.seeds is not None else []
        lines += [f"    training       {key} {value}" for key, value in grid.training.items()]
    return "\n".join(lines)


def _claim(name: str) -> str:
    from bench.verdicts import load_claim  # noqa: PLC0415  # SciPy, which `list` does without

    claim = load_claim(name)
    lines = [
        f"claim {name}: {claim.statement}",
        f"  source     {claim.source}",
        f"  criterion  {claim.criterion}",
        *(f"  suite      {suite}: {', '.join(names)}" for suite, names in claim.needs.items()),
    ]
    return "\n".join([*lines, f"  file       {CLAIMS / name.replace('-', '_')}.py"])

"""Two directives: `commands`, made from the click commands, and `schema`, made from bench/record.py.

    ```{commands}
    ```

The text is MyST. What a page says around them is written by hand.
"""

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import click

import bench.record
import bench.task
from bench.cli import archbench
from bench.record import CURVES, Record, Timing
from bench.suite import TRAINING


def commands() -> str:
    """Usage, help and flags of every command."""
    top = archbench.make_context("archbench", [], resilient_parsing=True)
    return "\n\n".join(block for name in archbench.list_commands(top) for block in _command(top, name))


def _command(top: click.Context, name: str) -> Iterator[str]:
    assert isinstance(top.command, click.Group)
    command = top.command.get_command(top, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=top)
    yield f"## {context.command_path}"
    yield f"```text\n{' '.join(command.get_usage(context).split()).removeprefix('Usage: ')}\n```"
    yield "\n".join(line.strip() for line in (command.help or "").splitlines())
    options = [param for param in command.params if isinstance(param, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context)) is not None]
    if records:
        yield _table(("flag", "means"), ([f"`{flag}`", meaning] for flag, meaning in records))
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _command(context, inner)


def schema() -> str:
    """Fields of a record and of its parts, then the arrays beside it."""
    blocks = []
    for model in (Record, Timing):
        whole = model.model_json_schema()
        parts = {model.__name__: whole, **whole.get("$defs", {})} if model is Record else {model.__name__: whole}
        for name, part in parts.items():
            blocks += [f"## {name}", part.get("description", ""), _fields(name, part)]
    arrays = ([f"`{name}`", meaning] for name, meaning in CURVES.items())
    return "\n\n".join([*filter(None, blocks), "## Curves", _table(("array", "shape and meaning"), arrays)])


def _fields(name: str, part: dict[str, Any]) -> str:
    meanings = _meanings()
    rows = []
    for field, about in part["properties"].items():
        known = TRAINING[field].help if name == "Training" and field in TRAINING else ""
        rows.append([f"`{field}`", _type(about), meanings.get((name, field), known)])
    return _table(("field", "type", "meaning"), rows)


@cache
def _meanings() -> dict[tuple[str, str], str]:
    """The text below each field, by class and field. Pydantic could keep it, and importing would take twice as long."""
    found = {}
    for module in (bench.record, bench.task):
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                for field, text in pairwise(node.body):
                    match field, text:
                        case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(meaning))):
                            found[node.name, name] = " ".join(meaning.split())
    return found


def _type(about: dict[str, Any]) -> str:
    if "$ref" in about:
        name = about["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in about or "enum" in about:
        return ", ".join(f"`{value}`" for value in about.get("enum", [about.get("const")]))
    if "anyOf" in about:
        return " or ".join(dict.fromkeys(map(_type, about["anyOf"])))
    if about.get("type") == "array":
        return f"list of {_type(about['items'])}"
    if isinstance(values := about.get("additionalProperties"), dict):
        return f"object of {_type(values)}"
    return "time, ISO 8601" if about.get("format") == "date-time" else str(about.get("type", "anything"))


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(header)
    lines = [names, ["---"] * len(names), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx, which the texts above do without."""
    from sphinx.util.docutils import SphinxDirective  # noqa: PLC0415  # tests of the texts need no Sphinx

    def directive(text: Callable[[], str]) -> type[SphinxDirective]:
        class Generated(SphinxDirective):
            def run(self) -> list[Any]:
                return self.parse_text_to_nodes(text(), allow_section_headings=True)

        return Generated

    app.add_directive("commands", directive(commands))
    app.add_directive("schema", directive(schema))
    return {"parallel_read_safe": True}

"""Options that several commands share."""

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.catalogue import Catalogue
from bench.errors import BenchError, UsageError, shown
from bench.report.text import plain
from bench.setting import Setting, Value
from bench.store import Store

if TYPE_CHECKING:
    _ParamType = click.ParamType[Value]
    _SizeType = click.ParamType[int]
else:  # generic in newer versions only
    _ParamType = _SizeType = click.ParamType

_MOST_DAMAGED = 10
_LEAST_SIZE = 10**6

plugin_option = click.option(
    "--plugin",
    "plugins",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A Python file with a TASK or an ARCHITECTURE; repeatable.",
)


class Checked(_ParamType):
    """A flag whose type and bounds are those of a Setting; the error names flag, expected and received."""

    name = "value"

    def __init__(self, setting: Setting, *, none: bool = False) -> None:
        self.setting, self.none = setting, none
        self.name = {int: "N", float: "X", str: "NAME", bool: "BOOL"}[type(setting.default)] + ("|none" if none else "")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Value:
        """`value` as the setting's type; "none" stays where it is allowed. Raises UsageError."""
        if self.none and value == "none":
            return "none"
        flag = param.opts[-1] if param else self.name
        try:
            return self.setting.parse(flag, value)
        except UsageError as error:
            if not self.none:
                raise
            raise UsageError(str(error).replace(", received", " or none, received", 1)) from None


class Size(_SizeType):
    """A flag for a number of bytes, such as 2GB; the error names flag, expected and received."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """`value` in bytes. Raises UsageError."""
        parts = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([kMGT])(i?)B", str(value), re.ASCII)
        size = 0
        if parts:
            number, prefix, binary = parts.groups()
            size = int(float(number) * (1024 if binary else 1000) ** ("kMGT".index(prefix) + 1))
        if size < _LEAST_SIZE:
            flag = param.opts[-1] if param else self.name
            raise UsageError(f"{flag}: expected a size of at least 1MB, such as 2GB or 500MB, received {shown(value)}")
        return size


def names(_: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> list[str]:
    """Repeated flags and commas alike: `--arch rnn,lstm --arch gru` is three names, each once."""
    parts = [part.strip() for text in given for part in text.split(",")]
    found = list(dict.fromkeys(part for part in parts if part))
    if given and not found:  # an empty shell variable, say: running everything would surprise
        raise UsageError(f"{parameter.opts[-1]}: expected at least one name or number, received {shown(given[-1])}")
    return found


def report_damaged(store: Store) -> None:
    """A line on standard error for each damaged record that was left out, for many of them a few and their number."""
    for path, why in islice(store.damaged.items(), _MOST_DAMAGED):
        click.echo(plain(f"archbench: left out: record {path} is damaged: {why}"), err=True)
    if len(store.damaged) > _MOST_DAMAGED:
        click.echo(f"archbench: left out: {len(store.damaged) - _MOST_DAMAGED} more damaged records", err=True)


def report_broken(catalogue: Catalogue, *, but: BenchError | None = None) -> None:
    """A line on standard error for each plug-in that cannot be used, `but` for an error that is told anyway."""
    for error in (error for error in catalogue.broken.values() if error is not but):
        click.echo(plain(f"archbench: plug-in left out: {error}"), err=True)

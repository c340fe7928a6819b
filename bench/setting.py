"""What a setting is: a named, typed, bounded knob of a task or an architecture."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bench.errors import UsageError, shown, unknown

Value = bool | int | float | str


@dataclass(frozen=True)
class Setting:
    """A knob: its type is the type of `default`; numbers lie in [minimum, maximum], texts in `choices`."""

    default: Value
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Value, ...] | None = None

    @property
    def expected(self) -> str:
        """What a value must be, in words for an error or a help page."""
        if self.choices:
            return "one of " + ", ".join(map(str, self.choices))
        kind = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}[type(self.default)]
        low = "" if self.minimum is None else f" >= {self.minimum:.12g}"
        high = "" if self.maximum is None else f"{' and' if low else ''} <= {self.maximum:.12g}"
        return kind + low + high

    def parse(self, key: str, raw: Value) -> Value:
        """`raw` (a text from the command line or a TOML value) as this setting's type.

        Raises UsageError naming `key`, what was expected and what was received.
        """
        try:
            value = _convert(raw, type(self.default))
        except (ValueError, TypeError, OverflowError):
            raise UsageError(f"{key}: expected {self.expected}, received {shown(raw)}") from None
        outside = isinstance(value, int | float) and not (
            (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)
        )
        if outside or (self.choices and value not in self.choices):
            raise UsageError(f"{key}: expected {self.expected}, received {shown(raw)}")
        return value


def _convert(raw: Value, kind: type) -> Value:
    if kind is bool:
        if isinstance(raw, bool):
            return raw
        if str(raw).lower() in ("true", "false"):
            return str(raw).lower() == "true"
        raise ValueError(raw)
    if isinstance(raw, bool):
        raise ValueError(raw)
    if kind is int:
        # int() and float() also read other scripts' digits, blanks and underscores: more likely slips than meant.
        if isinstance(raw, float) or (isinstance(raw, str) and not re.fullmatch("[+-]?[0-9]+", raw)):
            raise ValueError(raw)
        return int(raw)
    if kind is float:
        if isinstance(raw, str) and not re.fullmatch("[-+.0-9eE]+", raw):
            raise ValueError(raw)
        if not math.isfinite(value := float(raw)):
            raise ValueError(raw)
        return value
    if not isinstance(raw, str):
        raise ValueError(raw)
    return raw


def complete(owner: str, settings: Mapping[str, Setting], given: Mapping[str, Value]) -> dict[str, Value]:
    """All settings of `owner`: the given ones checked, the others at their defaults, sorted by name.

    Raises UsageError for an unknown key, a wrong type or a value out of range.
    """
    for key in given:
        if key not in settings:
            raise unknown("setting", f"{owner}.{key}", [f"{owner}.{name}" for name in settings])
    return {
        name: setting.parse(f"{owner}.{name}", given[name]) if name in given else setting.default
        for name, setting in sorted(settings.items())
    }

"""What a job found, as `--json` writes it: these dataclasses are the schema, for the writer and for the reader.

What is read may be somebody else's: a job of a fork uploads the file, and another job, which may write comments, reads
it. So nothing is taken that a writer would not have written: no other field, no number that is not finite or within
its bounds, no long text, no unknown gate and none twice in a cell, no verdict that is not the worst of the cell's own.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from bench.errors import StoreError
from bench.regress.detector import MARGIN, Outcome, Speed
from bench.regress.gates import Gate
from bench.report.text import plain, shorten, trim

MOST_BYTES: Final = 4_000_000
"""Of a file that is read: 1,000 cells and more."""
LONGEST: Final = 2_000
"""Characters of a name or a reason; what is longer loses its end when it is written."""
OUTCOMES: Final[tuple[Outcome, ...]] = ("REGRESSION", "FAILED", "INCONCLUSIVE", "IMPROVED", "OK")
"""From the worst."""
_Share = Annotated[float, Field(ge=0, le=1)]
_Amount = Annotated[float, Field(ge=0, le=1e6)]


def worst(speed: Speed, gates: Iterable[Gate]) -> Outcome:
    """The outcome of a cell: the worst of what its speed and its gates say."""
    found = {speed.outcome, *(gate.outcome for gate in gates)}
    return next((outcome for outcome in OUTCOMES if outcome in found), "OK")


@dataclass(frozen=True)
class Step:
    """Median training step of either side, in seconds."""

    base: _Amount
    head: _Amount


@dataclass(frozen=True)
class Result:
    """What is known of one cell."""

    cell: str
    outcome: Outcome
    speed: Speed
    gates: list[Gate] = field(default_factory=list)
    step_seconds: Step | None = None

    def __post_init__(self) -> None:
        if len({gate.name for gate in self.gates}) < len(self.gates):
            raise ValueError("expected each gate once, received one more often")
        if self.outcome != (expected := worst(self.speed, self.gates)):
            raise ValueError(f"expected the outcome {expected}, the worst of the cell's, received {self.outcome}")

    @classmethod
    def of(cls, cell: str, speed: Speed, gates: Sequence[Gate] = (), step_seconds: Step | None = None) -> "Result":
        """With the outcome that these come to."""
        return cls(cell, worst(speed, gates), speed, list(gates), step_seconds)

    @property
    def measured(self) -> bool:
        return bool(self.gates) or self.speed.generations > 0


@dataclass(frozen=True)
class Report:
    """A job's results and what they are of."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, str_max_length=LONGEST)
    """Of this and of the parts."""

    schema_version: Literal[1] = field(default=1, kw_only=True)
    base: str
    head: str
    suite: str
    slo: _Share
    exit_code: Annotated[int, Field(ge=0, le=5)]
    minutes: _Amount
    margin: _Share = field(default=MARGIN, kw_only=True)
    cells: list[Result]

    @property
    def headline(self) -> str:
        """One sentence."""
        counts = {outcome: sum(cell.outcome == outcome for cell in self.cells) for outcome in OUTCOMES}
        said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count) or "no cell"
        head, base, suite = (shorten(plain(name), 120) for name in (self.head, self.base, self.suite))
        return f"{head} against {base} on {suite}: {said}, in {self.minutes:.1f} min"


def to_json(report: Report) -> str:
    """All of it, for a program."""
    return json.dumps(asdict(report, dict_factory=_bounded), indent=1, allow_nan=False) + "\n"


def _bounded(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: _text(value) if isinstance(value, str) else value for key, value in pairs}


def _text(value: str) -> str:
    """Not too long, and Unicode: the name of a file need not be, and no reader takes half a surrogate."""
    return trim(value.encode(errors="backslashreplace").decode(), LONGEST)


def read(path: Path) -> Report:
    """The report in a file of `--json`. Raises StoreError for whatever is wrong with it."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise StoreError(f"cannot read {path}: {why}; expected a file of `archbench regress --json`") from None
    if len(content) > MOST_BYTES:
        raise StoreError(f"{path}: expected a report of at most {MOST_BYTES:,} bytes, received more")
    try:
        return TypeAdapter(Report).validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = trim(".".join(map(str, first["loc"])), 80)
        raise StoreError(
            f"{path}: no report of `archbench regress --json`: {f'{key}: ' if key else ''}{first['msg']}"
        ) from None

"""Changes that somebody knows of: `ack.toml`, beside the baselines.

[[known]]
cell = "adding/lstm"          # TASK/ARCHITECTURE; * stands for anything
quantity = "step ratio"       # or *
commit = "3f2a91c"            # the first with the new level; where that is estimated, or the one before or after
reason = "the recorder keeps norms in float32"
"""

import tomllib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import UsageError
from bench.store import damage

FILE: Final = "ack.toml"
_MOST_BYTES: Final = 2**20


class Known(BaseModel):
    """A change that is acknowledged."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    cell: Annotated[str, Field(min_length=1, max_length=500)]
    """A shell pattern of TASK/ARCHITECTURE."""
    quantity: Annotated[str, Field(min_length=1, max_length=100)]
    """A shell pattern."""
    commit: Annotated[str, Field(pattern="^[0-9a-f]{7,64}$")]
    """The first digits."""
    reason: Annotated[str, Field(min_length=1, max_length=2000)]

    def covers(self, task: str, architecture: str, quantity: str, commits: Iterable[str]) -> bool:
        """Whether a change of `quantity` that shows at one of `commits` is this one."""
        return (
            fnmatchcase(f"{task}/{architecture}", self.cell)
            and fnmatchcase(quantity, self.quantity)
            and any(commit.startswith(self.commit) for commit in commits)
        )


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    known: tuple[Known, ...] = ()


def read_acknowledged(folder: Path) -> tuple[Known, ...]:
    """What the `ack.toml` of a folder acknowledges; nothing where there is none. UsageError for what is wrong."""
    path = folder / FILE
    if not path.exists():
        return ()
    expected = "expected [[known]] tables with cell, quantity, commit (7 to 64 hex digits) and reason"
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise UsageError(f"{path}: expected at most 1 MiB, received more")
        return _File.model_validate(tomllib.loads(content.decode())).known
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; {expected}") from None
    except ValidationError as error:
        raise UsageError(f"{path}: {damage(error)}; {expected}") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, thousands of brackets
        raise UsageError(f"{path} is no TOML: {str(error).splitlines()[0]}; {expected}") from None

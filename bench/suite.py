"""What a suite is: tasks, architectures, seeds and conditions in a TOML file, and the bounds of each."""

import tomllib
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.catalogue import SUITES, first_line, suite_names
from bench.errors import UsageError, shown, unknown
from bench.setting import Setting, Value

_HERE = Path(__file__).parent
BACKENDS = tuple(sorted(path.stem for path in (_HERE / "backends").glob("[!_]*.py")))
OPTIMIZERS = ("adam", "adamw", "nadam", "rmsprop", "sgd")

TRAINING = {
    "steps": Setting(1, "training steps", minimum=1, maximum=1e9),
    "epochs": Setting(1, "passes over the training set", minimum=1, maximum=1e6),
    "batch_size": Setting(64, "samples a step", minimum=1, maximum=1e6),
    "optimizer": Setting("adam", "optimizer", choices=OPTIMIZERS),
    "lr": Setting(1e-3, "learning rate", minimum=1e-9, maximum=1e3),
    "clip": Setting(1.0, "bound on the global gradient norm", minimum=1e-9, maximum=1e9),
    "evaluations": Setting(20, "validations over the training, evenly spaced", minimum=1, maximum=1e5),
    "stop_solved": Setting(False, "end a cell at the evaluation that solves the task"),
    "probe_every": Setting(1, "steps between probes of gradient flow; 0: none", minimum=0, maximum=1e9),
    "probe_at": Setting(0, "step whose loss is probed, where there is one a step", minimum=0, maximum=1e9),
    "spectrum": Setting(False, "take the Jacobians of the state: singular values and Lyapunov exponents"),
    "train_size": Setting(1, "training samples used", minimum=1, maximum=1e9),
}
CELL = {
    "units": Setting(64, "width of every architecture", minimum=1, maximum=1e5),
    "params": Setting(10_000, "trainable parameters outside the embedding", minimum=100, maximum=1e10),
    "seeds": Setting(1, "number of seeds", minimum=1, maximum=10_000),
    "seed": Setting(0, "seed", minimum=0, maximum=2**32 - 1),
    "threads": Setting(1, "threads a worker computes with", minimum=1, maximum=1024),
    "backend": Setting("tensorflow", "Keras backend", choices=BACKENDS),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Named(BaseModel):
    """`"lstm"` or `{name = "lstm", units = 32}`."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    name: str

    @property
    def settings(self) -> dict[str, Value]:
        """What is given beside the name."""
        return dict(self.model_extra or {})

    def __str__(self) -> str:
        return f"{self.name}[{', '.join(f'{key}={value}' for key, value in self.settings.items())}]"


class Grid(_Strict):
    """Every task of the grid with every architecture of it."""

    tasks: list[str | Named] = Field(min_length=1)
    architectures: list[str | Named] = Field(min_length=1)
    seeds: int | list[int] | None = None
    training: dict[str, Value] = {}


class Suite(_Strict):
    """A suite file. `seeds` and `training` hold for all grids, a grid's own come before them, flags before both."""

    summary: str
    grid: list[Grid] = Field(min_length=1)
    seeds: int | list[int] = 1
    training: dict[str, Value] = {}
    units: int | None = None
    params: int | None = None
    backend: str = "tensorflow"
    threads: int = 1
    speed: bool = False
    """Time cells alone on the machine after the training."""


def read_suite(name: str) -> Suite:
    """The shipped suite `name`, or the suite file at a path that ends in .toml. UsageError for whatever is wrong."""
    path = Path(name) if name.endswith(".toml") else SUITES / f"{name}.toml"
    if not name.endswith(".toml") and name not in suite_names():
        raise unknown("suite", name, suite_names())
    try:
        return Suite.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"cannot read suite {path}: {error.strerror}; expected a TOML file") from None
    except ValidationError as error:
        raise _invalid(path, error) from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, endless digits, thousands of brackets
        raise UsageError(f"suite {path} is no TOML: {first_line(error)}; expected a TOML file") from None


def _invalid(path: Path, error: ValidationError) -> UsageError:
    """The first thing wrong in a suite file: its key, what was expected and what was received."""
    found = error.errors()
    # Behind the key stands which of its allowed types pydantic tried.
    key = tuple(takewhile(lambda part: part not in _TYPES, found[0]["loc"]))
    name = ".".join(map(str, key))
    if found[0]["type"] == "extra_forbidden":
        return unknown(f"key in suite {path}:", name, (Grid if len(key) > 1 else Suite).model_fields)
    messages = dict.fromkeys(item["msg"] for item in found if item["loc"][: len(key)] == key)
    expected = " or ".join(messages).replace("Input should be ", "")
    return UsageError(f"suite {path}: {name}: expected {expected}, received {shown(found[0].get('input'))}")


_TYPES = ("bool", "int", "float", "str", "list[int]", "Named")


def adhoc_suite(tasks: Sequence[str], architectures: Sequence[str]) -> Suite:
    """Every task with every architecture, all under the tasks' own conditions."""
    return Suite(summary="", grid=[Grid(tasks=list(tasks), architectures=list(architectures))])

"""Runs the shell steps of a composite action as GitHub would, but strictly, and says which actions it would use."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")


def load(path: str) -> dict[str, Any]:
    """A YAML file of the repository; `on` is text, and not true as in YAML 1.1."""
    found = yaml.safe_load((ROOT / path).read_text())
    return {"on" if key is True else key: value for key, value in found.items()}


@dataclass
class Composite:
    """An action, the folder that takes what it writes, and what GitHub would know: `{"github.repository": "a/b"}`."""

    path: str
    folder: Path
    known: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """The actions that were used, and with what."""
    outputs: dict[str, str] = field(default_factory=dict)
    """`steps.NAME.outputs.KEY` of all steps so far."""
    log: str = ""

    def run(self, **inputs: str) -> int:
        """The exit code: of the first step that fails, after which none is run. Inputs with a _ for a -."""
        action = load(self.path)
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() <= action["inputs"].keys()
        defaults = {name: self._filled(str(about["default"]), {}) for name, about in action["inputs"].items()}
        values = {f"inputs.{name}": value for name, value in {**defaults, **given}.items()}
        for step in action["runs"]["steps"]:
            if not self._is_due(step.get("if")):
                continue
            if "uses" in step:
                filled = {key: self._filled(value, values) for key, value in step.get("with", {}).items()}
                self.used.append((step["uses"], filled))
            elif code := self._shell(step, values):
                return code
        return 0

    def _is_due(self, condition: str | None) -> bool:
        """Of a condition that asks whether an output is there: no other is understood."""
        if condition is None:
            return True
        asked = re.fullmatch(r"(steps\.\w+\.outputs\.\w+) != ''", condition)
        assert asked, condition
        return bool(self.outputs.get(asked[1]))

    def _filled(self, text: str, values: Mapping[str, str]) -> str:
        """With every expression replaced; KeyError for one that nobody defines."""
        known = {**values, **self.known, **self.outputs}
        return EXPRESSION.sub(lambda found: known[found[1]], text)

    def _shell(self, step: dict[str, Any], values: Mapping[str, str]) -> int:
        assert step["shell"] == "bash"
        script, output = self.folder / "step.sh", self.folder / "output"
        script.write_text(step["run"])
        output.write_text("")
        files = {"GITHUB_OUTPUT": output, "RUNNER_TEMP": self.folder, "GITHUB_ACTION_PATH": (ROOT / self.path).parent}
        filled = {key: self._filled(str(value), values) for key, value in step.get("env", {}).items()}
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-euo", "pipefail", str(script)],
            env={**os.environ, **{key: str(path) for key, path in files.items()}, **self.environment, **filled},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        self.log += ran.stdout + ran.stderr
        for line in output.read_text().splitlines():
            key, _, value = line.partition("=")
            self.outputs[f"steps.{step['id']}.outputs.{key}"] = value
        return ran.returncode

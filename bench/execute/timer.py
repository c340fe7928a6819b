"""The child process that times one cell, bit by bit as it is told to.

    python -P -m bench.execute.timer BACKEND THREADS CPU,CPU,... [PLUGIN ...]

Reads commands on standard input, a JSON line each, and answers each with one on what was standard output:
{"do": "load", "cell": ...}, then {"do": "compile", "cpus": [...]}, then {"do": "visit"} as often as wanted. What
fails is answered with an event "failed" and its reason, after which the process ends, as it does when its input ends.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.catalogue import Catalogue, discover, first_line
from bench.errors import BenchError
from bench.execute.machine import affinity, conditions, pin
from bench.execute.worker import _claim_stdout, _end_with_parent, decode


def main() -> None:
    """Serve commands until standard input ends."""
    backend, threads, cpus, *plugins = sys.argv[1:]
    answer = _claim_stdout()
    _end_with_parent()
    pin([int(cpu) for cpu in cpus.split(",") if cpu])
    from bench import backends  # noqa: PLC0415  # imports the framework, which must find the affinity set

    framework = backends.load(backend)
    framework.configure(int(threads))
    timer = _Timer(framework, discover(Path(plugin) for plugin in plugins))
    for line in sys.stdin:
        try:
            answer("done", **timer.obey(json.loads(line)))
        except Exception as error:  # whatever a task, an architecture or Keras raises becomes the reason
            kind = "" if isinstance(error, BenchError) else f"{type(error).__name__}: "
            answer("failed", reason=kind + first_line(error))
            return


class _Timer:
    def __init__(self, framework: ModuleType, catalogue: Catalogue) -> None:
        self.framework, self.catalogue = framework, catalogue
        self.timed: Any = None

    def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        """The answer to a command."""
        if command["do"] == "load":
            return self._load(command["cell"])
        if command["do"] == "compile":
            pin(command["cpus"])
            found: dict[str, Any] = self.timed.compile()
            found["conditions"]["affinity"] = affinity()
            return found
        return {"visit": self.timed.visit()}

    def _load(self, line: str) -> dict[str, Any]:
        from bench.speed import Timed  # noqa: PLC0415  # imports keras, after the backend was configured

        cell = decode(line)
        unprobed = replace(cell, training=replace(cell.training, probe_every=0))  # a probe only takes memory here
        self.timed = Timed(unprobed, self.catalogue, self.framework, conditions(cell, self.framework.device()))
        return {}


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Stands where an action or a template calls Python: notes its arguments in $CALLS, a JSON list a line.

pip installs nothing. `bench regress` measures what $FAKE says (fake_regress_worker.py) where that is set, and else
writes $FAKE_JSON ({}; where that is empty, no file) and ends with $FAKE_CODE; with --render it is the real one.
"""

import json
import os
import sys
from pathlib import Path

arguments = sys.argv[1:]
with Path(os.environ["CALLS"]).open("a") as file:
    file.write(json.dumps(arguments) + "\n")
if arguments[:2] == ["-m", "pip"]:
    sys.exit(int(os.environ.get("PIP_CODE", "0")))
assert arguments[:4] == ["-P", "-m", "bench", "regress"], arguments
if "FAKE" not in os.environ and "--render" not in arguments:
    given = dict(one.partition("=")[::2] for one in arguments if one.startswith("--"))
    if content := os.environ.get("FAKE_JSON", "{}"):
        Path(given["--json"]).write_text(content)
    sys.exit(int(os.environ["FAKE_CODE"]))

import bench  # noqa: E402
from bench.cli import main  # noqa: E402
from bench.regress.sides import Side  # noqa: E402

WORKER = Path(__file__).resolve().with_name("fake_regress_worker.py")
Side.command = lambda side, *_: [sys.executable, "-ISs", str(WORKER), side.name]  # type: ignore[method-assign]
os.environ["FAKE_CODE"] = str(bench.__file__)
sys.argv = ["archbench", *arguments[3:]]
main()

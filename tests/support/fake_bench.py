"""The command line over workers that train nothing (fake_worker.py), and without the page of the report."""

import os
import sys
from pathlib import Path
from types import ModuleType

from bench.cli import main
from bench.execute import local

WORKER = (sys.executable, "-P", str(Path(__file__).with_name("fake_worker.py")))


def _no_page(runs: object, folder: Path, *, title: str) -> list[Path]:
    return [folder / "report.html"]


if __name__ == "__main__":
    local._WORKER = WORKER
    local._GRACE_SECONDS = float(os.environ.get("FAKE_GRACE", local._GRACE_SECONDS))
    fake = ModuleType("bench.report.html")
    fake.write_page = _no_page  # type: ignore[attr-defined]
    sys.modules["bench.report.html"] = fake
    main()

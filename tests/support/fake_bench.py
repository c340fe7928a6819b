"""The command line over workers that train nothing (fake_worker.py), and without the figures of the report."""

import os
import sys
from pathlib import Path
from types import ModuleType

from bench.cli import main
from bench.execute import local

WORKER = (sys.executable, "-P", str(Path(__file__).with_name("fake_worker.py")))


def _no_report(records: object, curves: object, folder: Path, *, title: str) -> Path:
    return folder / "report.md"


if __name__ == "__main__":
    local._WORKER = WORKER
    local._GRACE_SECONDS = float(os.environ.get("FAKE_GRACE", local._GRACE_SECONDS))
    fake = ModuleType("bench.report.markdown")
    fake.write_report = _no_report  # type: ignore[attr-defined]
    sys.modules["bench.report.markdown"] = fake
    main()

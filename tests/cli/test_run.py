"""What `archbench run` says beyond its results."""

import sys
from pathlib import Path

import pytest

from bench.cli.run import _program


@pytest.mark.parametrize(
    ("called", "on_path", "said"),
    [
        (".venv/bin/archbench", False, ".venv/bin/archbench"),
        ("/home/a/.venv/bin/archbench", True, "archbench"),
        ("/usr/lib/bench/__main__.py", False, "archbench"),
    ],
)
def test_a_command_to_paste_names_the_program_as_a_shell_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, called: str, on_path: bool, said: str
) -> None:
    if on_path:
        (tmp_path / "archbench").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [called, "run"])
    assert _program() == said

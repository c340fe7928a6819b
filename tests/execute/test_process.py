"""What the system is asked about workers."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.execute import process
from bench.execute.process import group_bytes, oom_kills, signal_group, tail

HOLD = "x = bytearray(100_000_000); print('held', flush=True); import time; time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}])"


def test_the_memory_of_a_group_is_that_of_all_its_processes() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, start_new_session=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"held\n"
        held = group_bytes({parent.pid})
        signal_group(parent.pid, signal.SIGKILL)
    assert 100e6 < held[parent.pid] < 250e6
    end = time.monotonic() + 10
    while group_bytes({parent.pid})[parent.pid]:  # the child takes a moment to go
        assert time.monotonic() < end
    signal_group(parent.pid, signal.SIGKILL)  # nobody there any more


def test_only_the_groups_asked_for_count() -> None:
    assert group_bytes(set()) == {}
    assert list(group_bytes({os.getpgid(0)})) == [os.getpgid(0)]


@pytest.mark.parametrize(("text", "count"), [("nr_free 5\noom_kill 7\noom_kill_x 9\n", 7), ("nr_free 5\n", 0)])
def test_kills_for_want_of_memory_are_counted_by_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, count: int
) -> None:
    (tmp_path / "vmstat").write_text(text)
    monkeypatch.setattr(process, "_VMSTAT", tmp_path / "vmstat")
    assert oom_kills() == count
    monkeypatch.setattr(process, "_VMSTAT", tmp_path / "missing")
    assert oom_kills() == 0


@pytest.mark.parametrize(
    ("text", "start", "last"),
    [
        (b"", 0, "none"),
        (b"one\n\n  two \nthree\nfour\n", 0, "two / three / four"),
        (b"old\nnew\n", 4, "new"),
        (b"old\n", 4, "none"),
        (b"\xff\xfe\n", 0, "\ufffd\ufffd"),
        (b"x" * 100_000 + b"\nlast\n", 0, "x" * (64 * 1024 - 6) + " / last"),
    ],
    ids=["empty", "three", "start", "nothing new", "bytes", "long"],
)
def test_the_tail_of_a_log_is_its_last_lines_on_one(tmp_path: Path, text: bytes, start: int, last: str) -> None:
    (tmp_path / "log").write_bytes(text)
    assert tail(tmp_path / "log", start) == last


def test_a_log_that_is_gone_has_no_last_lines(tmp_path: Path) -> None:
    assert tail(tmp_path / "log", 0) == "none"

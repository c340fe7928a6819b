"""One run at a time in a folder, and none kept out by a run that is no more."""

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest

from bench import lock
from bench.errors import StoreError
from bench.lock import locked

pytestmark = pytest.mark.skipif(lock.fcntl is None, reason="this system has no fcntl")

HOLD = """
import subprocess, sys, time
from pathlib import Path
from bench.lock import locked
with locked(Path(sys.argv[1])) as fd:
    if len(sys.argv) > 2:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[fd])
        print(child.pid, flush=True)
    print("held", flush=True)
    time.sleep(60)
"""


def hold(path: Path, *more: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), *more], stdout=subprocess.PIPE, text=True, env=environment
    )


def line(pipe: IO[str] | None) -> str:
    assert pipe is not None
    return pipe.readline().strip()


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    with hold(tmp_path / "lock") as holder:
        assert line(holder.stdout) == "held"
        with pytest.raises(StoreError) as caught, locked(tmp_path / "lock"):
            pass
        holder.kill()
    assert str(caught.value) == (
        f"{tmp_path}: a run is under way in this folder, process {holder.pid} on {platform.node()};"
        " wait until it ends, or choose another --out"
    )


def test_the_lock_ends_with_its_holder_however_that_ends(tmp_path: Path) -> None:
    with hold(tmp_path / "lock") as holder:
        assert line(holder.stdout) == "held"
        os.kill(holder.pid, signal.SIGKILL)
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()} on {platform.node()}"
    with locked(tmp_path / "lock"):
        pass


def test_a_child_that_inherits_the_file_keeps_the_lock_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_ENDING_SECONDS", 0.3)
    with hold(tmp_path / "lock", "with a child") as holder:
        child = int(line(holder.stdout))
        assert line(holder.stdout) == "held"
        holder.kill()
        holder.wait()
        with pytest.raises(StoreError, match=f"process {holder.pid} on "), locked(tmp_path / "lock"):
            pass
        monkeypatch.setattr(lock, "_ENDING_SECONDS", 30.0)
        os.kill(child, signal.SIGKILL)
        start = time.monotonic()
        with locked(tmp_path / "lock"):
            assert time.monotonic() - start < 20


@pytest.mark.parametrize("broken", ["no fcntl", "no locks"])
def test_where_nothing_can_be_locked_nobody_is_kept_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    if broken == "no fcntl":
        monkeypatch.setattr(lock, "fcntl", None)
    else:
        monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with locked(tmp_path / "lock"), locked(tmp_path / "lock"):
        assert (tmp_path / "lock").is_file()

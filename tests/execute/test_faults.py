"""Every fault of docs/faults.md, injected: what it leaves behind, and that the rest runs on."""

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import fake_bench
import numpy as np
import psutil
import pytest
from cells import catalogue

from bench.cli.progress import _Quiet
from bench.errors import StoreError
from bench.execute import local
from bench.execute.local import Pool
from bench.execute.process import environment
from bench.execute.request import Request
from bench.plan import Flags
from bench.record import Record
from bench.store import Store

HANG = "time.sleep(600)"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Pools of this process have workers that train nothing."""
    monkeypatch.setattr(local, "_WORKER", fake_bench.WORKER)
    monkeypatch.setattr(local, "_GRACE_SECONDS", 2.0)
    monkeypatch.setenv("PYTHONPATH", environment("tensorflow", 1).get("PYTHONPATH", ""))
    return monkeypatch


def request(folder: Path, *, seeds: int = 3, architectures: Sequence[str] = ("rnn",), **given: Any) -> Request:
    flags = Flags(tasks=["adding"], architectures=architectures, seeds=range(seeds), units=4)
    return Request(catalogue(), suite=None, flags=flags, out=folder, **{"workers": 1, **given})


def run(folder: Path, *, seeds: int = 3, architectures: Sequence[str] = ("rnn",), **limits: Any) -> dict[int, Record]:
    asked = request(folder, seeds=seeds, architectures=architectures)
    with asked.store.create().lock():
        asked.run(_Quiet(), **limits)
    found = {record.seed: record for record in asked.records}
    assert len(found) == len(asked.records) == seeds * len(architectures)
    return found


def at_seed(seed: int, source: str) -> str:
    return f"if cell.seed == {seed}: {source}"


def statuses(records: dict[int, Record]) -> list[str]:
    return [records[seed].status for seed in sorted(records)]


def once(path: Path, source: str) -> str:
    """Source that runs where `path` is not there yet."""
    return f"os.path.exists({str(path)!r}) or (open({str(path)!r}, 'w').close(), {source})"


KILL = "os.kill(os.getpid(), {})"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (KILL.format(int(signal.SIGSEGV)), "the worker was killed by SIGSEGV; last lines of "),
        (KILL.format(int(signal.SIGKILL)), "the worker was killed by SIGKILL; last lines of "),
        ("os._exit(7)", "the worker exited with 7; last lines of "),
        ("sys.exit(7)", "the worker exited with 7; last lines of "),
    ],
    ids=["segfault", "SIGKILL", "exit", "sys.exit"],
)
def test_a_worker_that_dies_twice_in_a_cell_costs_that_cell_alone(
    tmp_path: Path, fake: pytest.MonkeyPatch, source: str, reason: str
) -> None:
    crash = f"(open({str(tmp_path / 'tries')!r}, 'a').write('x'), print('the last', 'words'), {source})"
    fake.setenv(
        "FAKE_TRAIN", at_seed(1, crash.replace("print(", "print(file=sys.stderr, *(").replace("words')", "words'))"))
    )
    records = run(tmp_path / "run")
    assert statuses(records) == ["ok", "failed", "ok"]
    assert records[1].reason.startswith(reason)
    assert records[1].reason.endswith(": the last words")
    assert (tmp_path / "tries").read_text() == "xx"
    assert Store(tmp_path / "run").attempts(records[1].cell_id) == [1]


def idle_beside(fake: pytest.MonkeyPatch, folder: Path, gru: str, *, ahead: str = "") -> list[str]:
    """Two workers with a cell each: rnn ends once gru has begun, gru when it was made ready for. What happened.

    `gru`: what then becomes of gru's first try; `ahead`: what becomes of making ready.
    """
    folder.mkdir()
    events = folder / "events"
    say = f"say = lambda what: print(os.getpid(), what, cell.architecture, file=open({str(events)!r}, 'a'))\n"
    until = "while open({!r}).read().count({!r}) < {}: time.sleep(0.02)\n"
    both, begun = until.format(str(events), "load gru", 2), until.format(str(events), "train gru", 1)
    second = f"if open({str(events)!r}).read().count('load gru') == 2:\n {ahead or 0}"
    fake.setenv("FAKE_GROUP", f"{say}say('load')\n{second}")
    fake.setenv("FAKE_TRAIN", f"{say}say('train')\nif cell.architecture == 'rnn':\n {begun}else:\n {both} {gru}")
    asked = request(folder / "run", seeds=1, architectures=("rnn", "gru"), workers=2)
    with asked.store.create().lock():
        asked.run(_Quiet(), memory=300_000_000)
    assert sorted((record.architecture, record.status) for record in asked.records) == [("gru", "ok"), ("rnn", "ok")]
    lines = [line.split(" ", 1) for line in events.read_text().splitlines()]
    idle = next(pid for pid, what in lines if what == "train rnn")
    return [
        ("idle " if pid == idle else "") + what for pid, what in lines if what != "load rnn" and what != "train rnn"
    ]


two_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two workers need two cores")


@two_cores
def test_an_idle_worker_loads_what_others_train_and_takes_it_up_where_they_die(
    tmp_path: Path, fake: pytest.MonkeyPatch
) -> None:
    die = once(tmp_path / "died", KILL.format(9))
    assert idle_beside(fake, tmp_path / "a", die) == ["load gru", "train gru", "idle load gru", "idle train gru"]
    assert idle_beside(fake, tmp_path / "b", "0") == ["load gru", "train gru", "idle load gru"]


@two_cores
@pytest.mark.parametrize(
    "ahead", ["os._exit(3)", "raise ValueError('no luck')", "x = bytearray(400_000_000); time.sleep(600)"]
)
def test_what_an_idle_worker_meets_when_it_loads_ahead_costs_nothing(
    tmp_path: Path, fake: pytest.MonkeyPatch, ahead: str
) -> None:
    assert idle_beside(fake, tmp_path / "a", "time.sleep(1)", ahead=ahead) == ["load gru", "train gru", "idle load gru"]


def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    fake.setenv("FAKE_TRAIN", at_seed(1, once(tmp_path / "tried", KILL.format(9))))
    assert statuses(run(tmp_path / "run")) == ["ok", "ok", "ok"]
    assert (tmp_path / "tried").exists()


def test_a_worker_makes_room_for_another_after_its_share_of_programs(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    starts = tmp_path / "starts"
    fake.setenv("FAKE_START", f"open({str(starts)!r}, 'a').write('x')")
    fake.setattr(local, "_PROGRAMS", 2)
    programs = request(tmp_path / "run", seeds=2, architectures=("rnn", "gru", "lstm", "irnn", "tcn", "rnn-uniform"))
    with programs.store.create().lock():
        programs.run(_Quiet())
    assert [record.status for record in programs.records] == ["ok"] * 12
    assert starts.read_text() == "xxx"
    run(tmp_path / "seeds", seeds=5)  # one program
    assert starts.read_text() == "xxxx"


def test_a_record_that_was_written_before_the_worker_died_counts(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    # The record is there, the word of it is not.
    fake.setenv("FAKE_TRAIN", "from bench.execute import worker; worker._Server.emit = None")
    source = "import bench.store as s; real = s.write_atomic\n"
    source += "def die(path, *a, **k):\n  real(path, *a, **k)\n  str(path).endswith('.json') and os._exit(1)\n"
    source += "s.write_atomic = die"
    fake.setenv("FAKE_WRITE", source)
    records = run(tmp_path / "run")
    assert statuses(records) == ["ok", "ok", "ok"]
    assert [Store(tmp_path / "run").attempts(record.cell_id) for record in records.values()] == [[1]] * 3


def test_a_kill_by_the_system_for_want_of_memory_is_told_from_others(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    fake.setenv("FAKE_TRAIN", at_seed(1, KILL.format(9)))
    kills = iter(range(1000))
    fake.setattr(local, "oom_kills", lambda: next(kills))
    records = run(tmp_path / "run")
    assert statuses(records) == ["ok", "out-of-memory", "ok"]
    assert records[1].reason.startswith("the system killed the worker for want of memory; last lines of ")


@pytest.mark.parametrize("where", ["worker", "child"])
def test_a_worker_above_its_memory_is_ended_with_all_it_started(
    tmp_path: Path, fake: pytest.MonkeyPatch, where: str
) -> None:
    grow = "x = bytearray(400_000_000); time.sleep(600)"
    if where == "child":
        grow = f"import subprocess; subprocess.run([sys.executable, '-c', 'import time; {grow}', {str(tmp_path)!r}])"
    fake.setenv("FAKE_TRAIN", f"if cell.seed == 1:\n {grow}")
    records = run(tmp_path / "run", memory=350_000_000)
    assert statuses(records) == ["ok", "out-of-memory", "ok"]
    assert "MB, more than 350 MB (--memory); last lines of " in records[1].reason
    wait_for(lambda: not alive(tmp_path), 5)


@pytest.mark.parametrize("stubborn", [False, True], ids=["SIGTERM", "SIGKILL"])
def test_a_cell_beyond_its_time_is_ended_with_all_that_it_started(
    tmp_path: Path, fake: pytest.MonkeyPatch, stubborn: bool
) -> None:
    deaf = f"import signal, time; signal.signal(15, signal.SIG_IGN); {HANG}"
    child = f"import subprocess; subprocess.Popen([sys.executable, '-c', {deaf!r}, {str(tmp_path)!r}])"
    ignore = "import signal; signal.signal(15, signal.SIG_IGN)" if stubborn else ""
    fake.setenv("FAKE_TRAIN", f"if cell.seed == 1:\n {child}\n {ignore}\n {HANG}")
    start = time.monotonic()
    records = run(tmp_path / "run", timeout=5)
    assert time.monotonic() - start < 60
    assert statuses(records) == ["ok", "timeout", "ok"]
    assert records[1].reason.startswith("no result after 5 s (--timeout); last lines of ")
    wait_for(lambda: not alive(tmp_path), 5)


def test_a_worker_that_hangs_before_its_first_cell_is_ended(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    fake.setattr(local, "_READY_SECONDS", 5.0)
    fake.setenv("FAKE_START", once(tmp_path / "tried", HANG))
    assert statuses(run(tmp_path / "run")) == ["ok", "ok", "ok"]
    fake.setenv("FAKE_START", HANG)
    records = run(tmp_path / "other")
    assert statuses(records) == ["failed"] * 3
    assert all(record.reason.startswith("the worker was not ready after 5 s; ") for record in records.values())


def test_a_worker_that_never_starts_is_tried_twice_and_every_cell_says_why(
    tmp_path: Path, fake: pytest.MonkeyPatch
) -> None:
    fake.setenv(
        "FAKE_START", f"open({str(tmp_path / 'tries')!r}, 'a').write('x'); raise ImportError('no such library')"
    )
    records = run(tmp_path / "run", seeds=5)
    assert statuses(records) == ["failed"] * 5
    assert (tmp_path / "tries").read_text() == "xx"
    assert "the worker exited with 1; " in records[4].reason
    assert records[4].reason.endswith("ImportError: no such library")


def test_what_an_earlier_worker_printed_is_not_taken_for_the_last_words(
    tmp_path: Path, fake: pytest.MonkeyPatch
) -> None:
    fake.setenv("FAKE_TRAIN", "cell.seed == 0 and print('of another'); cell.seed == 1 and os._exit(3)")
    records = run(tmp_path / "run")
    assert records[1].reason.endswith(".log: none")


def test_a_clock_that_steps_back_changes_nothing(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    back = "time.time = lambda: 1.0; import datetime as d, bench.plan as p\n"
    back += "class Back(d.datetime):\n  now = classmethod(lambda c, z: d.datetime(2020, 1, 28 - cell.seed, tzinfo=z))\n"
    fake.setenv("FAKE_TRAIN", f"{back}p.datetime = Back\ntime.sleep(0.2)")
    fake.setattr(time, "time", lambda: 1.0)
    records = run(tmp_path / "run", timeout=60)
    assert statuses(records) == ["ok", "ok", "ok"]
    assert records[2].measured_at < records[1].measured_at < records[0].measured_at
    assert all(0.2 <= record.wall_seconds < 30 for record in records.values())
    assert request(tmp_path / "run").to_train == []


def test_a_damaged_record_is_set_aside_and_its_cell_trained_again(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    records = run(tmp_path / "run")
    path = tmp_path / "run" / records[1].cell_id / "1.json"
    path.write_bytes(path.read_bytes().replace(b'"steps": 1', b'"steps": 2'))
    again = request(tmp_path / "run")
    with again.store.create().lock():
        ((place, why),) = again.set_aside()
        assert [cell.seed for cell in again.to_train] == [1]
        again.run(_Quiet())
    assert (place.name, why) == ("1.json.damaged", "edited: its checksum is another")
    assert sorted(file.name for file in path.parent.iterdir()) == ["1.json.damaged", "1.npz", "2.json", "2.npz"]
    assert request(tmp_path / "run").to_train == []


def test_a_record_whose_curves_were_spoiled_in_the_middle_is_set_aside_too(
    tmp_path: Path, fake: pytest.MonkeyPatch
) -> None:
    records = run(tmp_path / "run")
    path = tmp_path / "run" / records[1].cell_id / "1.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    Store(tmp_path / "run").write(records[1], {"train_loss": np.ones(1)})  # two attempts that ended ok
    for number in (1, 2):
        path.with_name(f"{number}.npz").write_bytes(content)
    again = request(tmp_path / "run")
    with again.store.create().lock():
        assert again.to_train == []  # `plan` reads no curves
        again = request(tmp_path / "run")
        moved = again.set_aside()
        assert [cell.seed for cell in again.to_train] == [1]
        again.run(_Quiet())
    assert [(place.name, why) for place, why in moved] == [
        (f"{number}.json.damaged", f"its curves {number}.npz cannot be read") for number in (2, 1)
    ]
    assert request(tmp_path / "run").set_aside() == []


def test_two_runs_in_one_folder_do_not_mix(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    fake.setenv("FAKE_TRAIN", "time.sleep(1)")
    command = bench_command(tmp_path / "run", seeds=3)
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as first:
        wait_for(lambda: alive(tmp_path / "run", "fake_worker"))
        second = subprocess.run(command, capture_output=True, text=True)
        assert first.wait(60) == 0
    assert second.returncode == 4
    (line,) = second.stderr.splitlines()
    assert f"a run is under way in this folder, process {first.pid} on " in line
    assert len(Store(tmp_path / "run").records()) == 3


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="finds open files in /proc")
def test_workers_hold_the_lock_too(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    held = "any(os.path.realpath('/proc/self/fd/' + fd) == path for fd in os.listdir('/proc/self/fd'))"
    fake.setenv("FAKE_TRAIN", f"path = {str(tmp_path / 'run' / 'lock')!r}\nassert {held}")
    assert statuses(run(tmp_path / "run", seeds=1)) == ["ok"]


def test_a_disk_that_fills_up_ends_the_run_in_one_line(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    fake.setenv(
        "FAKE_WRITE",
        "import errno\ndef full(_): raise OSError(errno.ENOSPC, 'No space left on device')\nos.fsync = full",
    )
    asked = request(tmp_path / "run")
    with pytest.raises(StoreError, match="No space left on device; what is written is kept") as caught:
        asked.run(_Quiet()) if asked.store.create() else None
    assert len(str(caught.value).splitlines()) == 1
    wait_for(lambda: not alive(tmp_path / "run"), 5)
    fake.delenv("FAKE_WRITE")
    assert statuses(run(tmp_path / "run")) == ["ok", "ok", "ok"]


def test_a_small_disk_that_fills_up_loses_nothing_that_was_written(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a file system here: {mounted.stderr.decode().strip()}")
    try:
        command = bench_command(disk / "run", seeds=200)
        full = subprocess.run(command, capture_output=True, text=True)
        assert full.returncode == 4
        assert full.stderr.splitlines()[-1].startswith(
            f"archbench: cannot write results to {disk / 'run'}: No space left"
        )
        assert "Traceback" not in full.stderr
        store = Store(disk / "run")
        before = store.records()
        assert 3 < len(before) < 200
        assert store.damaged == {}
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        again = subprocess.run(command, capture_output=True, text=True)
        assert again.returncode == 0
        assert f"{200 - len(before)} to train, {len(before)} finished already" in again.stdout
        assert len(store.records()) == 200
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    run(tmp_path / "run")
    read_only = PermissionError(30, "Read-only file system")

    def refuse(*_: Any, **__: Any) -> None:
        raise read_only

    fake.setattr("bench.store.tempfile.mkstemp", refuse)
    with pytest.raises(StoreError, match=r"cannot write results to .*: Read-only file system; choose another --out"):
        request(tmp_path / "run").store.create()
    fake.undo()
    fake.setattr(Path, "open", refuse)
    with (
        pytest.raises(StoreError, match="Read-only file system; choose another --out"),
        request(tmp_path / "run").store.lock(),
    ):
        pass


def bench_command(folder: Path, *, seeds: int, workers: int = 1) -> list[str]:
    flags = f"--task adding --arch rnn --units 4 --seeds {seeds} --workers {workers} --out {folder}"
    return [sys.executable, "-P", fake_bench.__file__, "run", *flags.split()]


def test_cells_that_did_not_end_ok_are_listed_and_the_exit_code_is_4(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    fake.setenv("FAKE_TRAIN", "if cell.seed: raise ValueError('no such luck')")
    done = subprocess.run(bench_command(tmp_path / "run", seeds=3), capture_output=True, text=True)
    assert done.returncode == 4
    ids = {record.seed: record.cell_id for record in Store(tmp_path / "run").records()}
    assert done.stderr.splitlines()[-3:] == [
        "archbench: 2 of 3 cells did not end ok:",
        f"  {ids[1]} adding rnn seed 1: failed: adding with rnn: ValueError: no such luck",
        f"  {ids[2]} adding rnn seed 2: failed, as above",
    ]


def test_a_run_says_what_it_sets_aside_and_trains_it_again(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    records = run(tmp_path / "run")
    path = tmp_path / "run" / records[1].cell_id / "1.json"
    path.write_bytes(path.read_bytes()[:-9])
    done = subprocess.run(bench_command(tmp_path / "run", seeds=3), capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.splitlines()[0].startswith(f"archbench: set aside: record {path}.damaged: cut or no JSON: ")
    assert "1 to train, 2 finished already" in done.stdout
    assert Store(tmp_path / "run").attempts(records[1].cell_id) == [2]


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def alive(folder: Path, what: str = "") -> list[int]:
    """The processes that name a folder, other than this one."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(folder) in line and what in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return [pid for pid in found if pid != os.getpid()]


def interrupted(
    folder: Path, fake: pytest.MonkeyPatch, *, twice: bool, writing: float, by: signal.Signals = signal.SIGINT
) -> tuple[int, list[str], float]:
    """Exit code, lines on standard error and seconds that the end took, of a run stopped while it writes a record."""
    marker = folder.parent / "writing"
    command = bench_command(folder, seeds=3)
    fake.setenv("FAKE_GRACE", "600")
    fake.setenv("FAKE_WRITE", f"open({str(marker)!r}, 'w').close(); time.sleep({writing})")
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        wait_for(marker.exists)
        start = time.monotonic()
        os.kill(process.pid, by)
        for _ in range(30 if twice else 0):  # until it is heard: two at once are one
            with suppress(subprocess.TimeoutExpired):
                process.wait(2)
                break
            os.kill(process.pid, by)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, errors.splitlines(), time.monotonic() - start


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_the_first_interrupt_finishes_the_record_and_says_how_to_resume(
    tmp_path: Path, fake: pytest.MonkeyPatch, by: signal.Signals
) -> None:
    code, errors, _ = interrupted(tmp_path / "run", fake, twice=False, writing=1, by=by)
    assert code == 130
    assert errors[-2:] == [
        "stopped: 1 of 3 cells are finished and kept; resume with",
        f"  archbench run --task adding --arch rnn --units 4 --seeds 3 --workers 1 --out {tmp_path / 'run'}",
    ]
    assert not [line for line in errors if "Traceback" in line]
    wait_for(lambda: not alive(tmp_path / "run"), 5)
    assert [record.seed for record in Store(tmp_path / "run").records()] == [0]


@pytest.mark.parametrize("tries", [1, 2])
def test_a_record_counts_once_though_an_interrupt_cut_off_the_news_of_it(
    tmp_path: Path, fake: pytest.MonkeyPatch, tries: int
) -> None:
    fake.setenv("FAKE_TRAIN", once(tmp_path / "tried", KILL.format(9)) if tries == 2 else "0")
    handle = Pool._handle

    def interrupted(pool: Pool, worker: Any, event: Any, *more: Any) -> None:
        if event is not None and event["event"] == "done":
            raise KeyboardInterrupt
        handle(pool, worker, event, *more)

    fake.setattr(Pool, "_handle", interrupted)
    asked = request(tmp_path / "run")
    asked.store.create()
    with pytest.raises(KeyboardInterrupt):
        asked.run(_Quiet())
    assert (tmp_path / "tried").exists() == (tries == 2)
    assert [(record.seed, record.status) for record in asked.records] == [(0, "ok")]
    assert [record.cell_id for record in asked.store.records()] == [asked.records[0].cell_id]


def test_an_interrupt_as_a_cell_is_handed_out_takes_no_earlier_record_for_a_new_one(
    tmp_path: Path, fake: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "run", seeds=1)
    attempts, calls = Store.attempts, iter([True])

    def interrupted(store: Store, cell_id: str) -> list[int]:
        if next(calls, False):
            raise KeyboardInterrupt
        return attempts(store, cell_id)

    fake.setattr(Store, "attempts", interrupted)
    again = request(tmp_path / "run", seeds=1, fresh=True)
    with pytest.raises(KeyboardInterrupt):
        again.run(_Quiet())
    assert again.records == []


def test_an_interrupt_as_a_worker_starts_is_no_other_error(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    def interrupted(thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    fake.setattr(threading.Thread, "start", interrupted)
    asked = request(tmp_path / "run")
    asked.store.create()
    with pytest.raises(KeyboardInterrupt):
        asked.run(_Quiet())
    wait_for(lambda: not alive(tmp_path / "run"), 5)


def test_a_second_interrupt_kills_at_once(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    code, errors, seconds = interrupted(tmp_path / "run", fake, twice=True, writing=600)
    assert code == 130
    assert seconds < 60  # the writing takes 600, and so long a first interrupt waits
    assert not [line for line in errors if "Traceback" in line]
    wait_for(lambda: not alive(tmp_path / "run"), 5)
    assert Store(tmp_path / "run").records() == []


def test_a_worker_that_cannot_notice_ends_with_a_killed_parent(tmp_path: Path, fake: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells a process of its parent's end")
    # No thread of the worker runs: it holds the interpreter's lock in a C call.
    hang = "import ctypes; ctypes.PyDLL(None).sleep(600)"
    fake.setenv("FAKE_TRAIN", f"open({str(tmp_path / 'training')!r}, 'w').close(); {hang}")
    process = subprocess.Popen(
        bench_command(tmp_path / "run", seeds=1), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        wait_for((tmp_path / "training").exists)
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not alive(tmp_path / "run"), 5)


def _kill_at_random_moments(folder: Path, fake: pytest.MonkeyPatch, moments: int, *, seed: int = 0) -> None:
    """Kill the parent of one run after another in one folder; after each, all that was finished is there and whole."""
    rng = random.Random(seed)
    command = bench_command(folder, seeds=10 * moments, workers=min(2, len(os.sched_getaffinity(0))))
    store = Store(folder)
    finished: dict[str, Record] = {}
    first = window = 0.0
    fruitful = 0
    for moment in range(moments):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        start = time.monotonic()
        if moment == 0:
            wait_for(lambda: list(folder.glob("*/1.json")))
            first = time.monotonic() - start
            window = 2.5 * first
            fake.setenv("FAKE_TRAIN", f"time.sleep({first / 4})")  # a few cells a run, however slow the machine
        else:
            time.sleep(rng.uniform(0.0, window))
        process.kill()
        process.wait()
        found = {record.cell_id: record for record in store.records()}
        assert store.damaged == {}
        assert finished.items() <= found.items(), "a finished record was lost or altered"
        for cell_id in found.keys() - finished.keys():
            expected = np.full(1000, found[cell_id].seed, "float32")
            assert np.array_equal(store.curves(found[cell_id])["train_loss"], expected)
        fruitful += len(found) > len(finished)
        # Half of the kills come after a record, also on a machine that grows slower.
        window *= 1 / 1.2 if len(found) > len(finished) else 1.2
        finished = found
    assert fruitful >= moments // 4  # else the kills came before there was anything to lose
    wait_for(lambda: not alive(folder), 10)
    assert len(finished) < 10 * moments  # else the last kills met runs that had nothing to do
    fake.delenv("FAKE_TRAIN")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    records = store.records()
    assert len(records) == 10 * moments
    assert all(len(store.attempts(record.cell_id)) == 1 for record in records)


def test_a_run_killed_at_random_moments_loses_nothing_that_was_finished(
    tmp_path: Path, fake: pytest.MonkeyPatch
) -> None:
    _kill_at_random_moments(tmp_path / "run", fake, 5)


quarters = pytest.mark.parametrize("seed", range(1, 5), ids="quarter {} of 100".format)


@pytest.mark.slow
@quarters
def test_a_run_killed_at_100_random_moments_loses_nothing_that_was_finished(
    tmp_path: Path, fake: pytest.MonkeyPatch, seed: int
) -> None:
    _kill_at_random_moments(tmp_path / "run", fake, 25, seed=seed)


def _kill_workers_at_random_moments(folder: Path, fake: pytest.MonkeyPatch, kills: int, *, seed: int = 0) -> None:
    """Kill one worker after another, starting, training or writing; no record is lost, and all cells end ok at last."""
    rng = random.Random(seed)
    command = bench_command(folder, seeds=10 * kills, workers=min(2, len(os.sched_getaffinity(0))))
    store = Store(folder)
    finished: dict[str, Record] = {}
    fake.setenv("FAKE_TRAIN", "time.sleep(0.4)")  # so that cells are left for the last kill
    process = None
    while kills > 0:
        if process is None or process.poll() is not None:  # where no worker came to be ready, the run ends
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for(lambda: alive(folder, "fake_worker"))
        time.sleep(rng.uniform(0.0, 2.0))
        for worker in alive(folder, "fake_worker")[: 1 + rng.randrange(2)]:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
                kills -= 1
        found = {record.cell_id: record for record in store.records() if record.status == "ok"}
        assert store.damaged == {}
        assert finished.items() <= found.items(), "a finished record was lost or altered"
        for cell_id in found.keys() - finished.keys():
            expected = np.full(1000, found[cell_id].seed, "float32")
            assert np.array_equal(store.curves(found[cell_id])["train_loss"], expected)
        finished = found
    process.kill()
    process.wait()
    wait_for(lambda: not alive(folder), 10)
    failed = [record for record in store.records() if record.status != "ok"]
    assert all(re.match("the worker was killed by SIGKILL; ", record.reason or "") for record in failed)
    fake.delenv("FAKE_TRAIN")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    records = {record.cell_id: record for record in store.records()}
    assert finished.items() <= records.items()
    assert {record.status for record in records.values()} == {"ok"}


def test_workers_killed_at_random_moments_lose_nothing_that_was_finished(
    tmp_path: Path, fake: pytest.MonkeyPatch
) -> None:
    _kill_workers_at_random_moments(tmp_path / "run", fake, 5)


@pytest.mark.slow
@quarters
def test_workers_killed_at_100_random_moments_lose_nothing_that_was_finished(
    tmp_path: Path, fake: pytest.MonkeyPatch, seed: int
) -> None:
    _kill_workers_at_random_moments(tmp_path / "run", fake, 25, seed=seed)

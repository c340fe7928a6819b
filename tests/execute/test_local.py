"""The pool over workers that train: what is trained and what is reused. Faults: test_faults.py."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from cells import EXAMPLES, ended

from bench.catalogue import discover
from bench.cli.progress import _Quiet
from bench.errors import PluginError, UsageError
from bench.execute.local import Pool, _End, _shared, _Worker
from bench.execute.machine import cpus_of
from bench.execute.process import environment
from bench.execute.request import Request
from bench.plan import Flags, blank
from bench.store import Store

SMALL = {"steps": 4, "evaluations": 2, "batch_size": 8}


def _request(folder, *, tasks=("adding",), architectures=("rnn",), plugins=(), settings=(), **given):
    flags = Flags(
        tasks=tasks,
        architectures=architectures,
        settings=[*(["adding.length=10", "adding.test_size=20"] if "adding" in tasks else []), *settings],
        training=SMALL,
        units=4,
        seeds=given.pop("seeds", None),
        backend=given.pop("backend", None),
    )
    return Request(discover(plugins), suite=None, flags=flags, out=folder, plugins=plugins, **given)


def _run(request, **options):
    request.store.create()
    before = len(request.records)
    request.run(_Quiet(), **options)
    return request.records[before:]


def _plugin(folder: Path, name: str, *, at_draw: str) -> Path:
    path = folder / name
    text = (EXAMPLES / "first_value.py").read_text()
    path.write_text(text.replace("    x = rng.random", f"    {at_draw}\n    x = rng.random"))
    return path


def test_a_second_run_trains_nothing_and_one_more_seed_trains_only_that_seed(tmp_path):
    first = _request(tmp_path / "run", seeds=[0, 1])
    assert len(_run(first)) == 2
    again = _request(tmp_path / "run", seeds=[0, 1])
    assert again.to_train == []
    assert "nothing to train" in again.summary()
    assert _run(again) == []
    more = _request(tmp_path / "run", seeds=[0, 1, 2])
    assert [cell.seed for cell in more.to_train] == [2]
    assert [record.seed for record in _run(more)] == [2]
    fresh = _request(tmp_path / "run", seeds=[0], fresh=True)
    assert len(_run(fresh)) == 1
    assert len(list((tmp_path / "run" / fresh.cells[0].id).glob("*.json"))) == 2


def test_what_changed_is_said_when_a_stored_cell_is_not_reused(tmp_path):
    _run(_request(tmp_path / "run"))
    other = _request(tmp_path / "run", settings=["rnn.units=5"])
    assert "changed: architecture_settings.units 4 -> 5" in other.summary()


def test_a_pair_that_does_not_fit_is_a_skipped_record_with_the_reason(tmp_path):
    request = _request(tmp_path / "run", architectures=("cnn", "rnn"))
    records = {record.architecture: record for record in _run(request)}
    assert records["cnn"].status == "skipped"
    assert "reads image" in records["cnn"].reason
    assert records["rnn"].status == "ok"


def test_a_crash_costs_its_cell_alone(tmp_path):
    crash = _plugin(tmp_path, "crash.py", at_draw="import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    request = _request(tmp_path / "run", tasks=("crash", "adding"), plugins=[crash], workers=1, seeds=[0, 1])
    records = _run(request)
    assert sorted((record.task, record.status) for record in records) == [
        ("adding", "ok"),
        ("adding", "ok"),
        ("crash", "failed"),
        ("crash", "failed"),
    ]
    reason = next(record.reason for record in records if record.task == "crash")
    assert "killed by SIGSEGV" in reason
    assert len(Store(tmp_path / "run").records()) == 4


def test_a_fresh_attempt_that_fails_is_not_hidden_by_an_older_one_that_did_not(tmp_path):
    flag = tmp_path / "fail"
    text = f"import os, sys; os.path.exists({str(flag)!r}) and sys.exit('no more')"
    fickle = _plugin(tmp_path, "fickle.py", at_draw=text)
    first = _request(tmp_path / "run", tasks=("fickle",), plugins=[fickle])
    assert [record.status for record in _run(first)] == ["ok"]
    flag.touch()
    again = _request(tmp_path / "run", tasks=("fickle",), plugins=[fickle], fresh=True)
    assert [record.status for record in _run(again)] == ["failed"]


def test_a_result_that_arrives_as_the_time_runs_out_counts_and_no_cell_is_handed_to_the_dead(tmp_path):
    request = _request(tmp_path / "run", seeds=[0, 1], workers=1)
    request.store.create()
    one, two = request.cells
    pool = Pool(request.store, request.catalogue, backend="tensorflow", threads=1, workers=1)
    worker = _Worker(0, None, tmp_path / "log", program=one.program, cell=one, ended=_End("timeout", "late"))
    pool._live.append(worker)
    record = request.store.write(blank(one, request.catalogue.task("adding").value, status="ok"))
    records, pending = [], [two]
    pool._handle(worker, {"event": "done", "cell": one.id}, pending, records, _Quiet())
    assert records == [record]
    assert (pending, worker.cell) == ([two], None)


def test_a_worker_has_the_cores_of_its_group(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {2, 3, 5, 7, 11}, raising=False)
    assert [cpus_of(group, 2) for group in range(3)] == [[2, 3], [5, 7], []]
    request = _request(tmp_path / "run", workers=2)
    pool = Pool(request.store, request.catalogue, backend="tensorflow", threads=2, workers=2)
    assert [pool._arguments(index)[2:4] for index in range(3)] == [["2", "2,3"], ["2", "5,7"], ["2", ""]]


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_workers_that_share_what_they_compile_train_as_one_alone_and_leave_nothing(tmp_path):
    one = _run(_request(tmp_path / "one", seeds=[0, 1, 2], workers=1, backend="jax"))
    request = _request(tmp_path / "two", seeds=[0, 1, 2], workers=2, backend="jax")
    left = tmp_path / "two" / ".compiled"
    request.store.create()
    left.mkdir()
    (left / "of-a-killed-run").touch()
    kept = []

    class Look(_Quiet):
        def finished(self, worker, cell, record):
            kept.append({path.name for path in left.iterdir()})

    request.run(Look())
    assert len(kept) == 3
    assert all(len([name for name in names if name.endswith("-cache")]) > 5 for names in kept)
    assert all("of-a-killed-run" not in names for names in kept)
    assert not left.exists()
    found = [sorted((r.seed, r.status, r.final) for r in records) for records in (one, request.records)]
    assert found[0] == found[1]


def test_workers_that_cannot_share_what_they_compile_each_compile(tmp_path):
    (tmp_path / "file").touch()
    with _shared(tmp_path / "file" / ".compiled") as place:
        assert place is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize(("then", "status"), [("pass", "ok"), ("os._exit(3)", "failed")], ids=["ends well", "dies"])
def test_what_a_worker_forked_ends_with_it_and_hides_no_end(tmp_path, then, status):
    pids = tmp_path / "pids"
    slept = tmp_path / "slept"
    sleep = f"(time.sleep(30), open({str(slept)!r}, 'w').close(), os._exit(0))"
    fork = f"pid = os.fork(); pid or {sleep}; open({str(pids)!r}, 'a').write(f'{{pid}}\\n'); {then}"
    forking = _plugin(tmp_path, "forking.py", at_draw=f"import os, time; {fork}")
    (record,) = _run(_request(tmp_path / "run", tasks=("forking",), plugins=[forking]))
    assert record.status == status
    assert pids.read_text()
    assert all(ended(int(pid)) for pid in pids.read_text().split())
    assert not slept.exists()


def test_a_broken_plug_in_leaves_the_others_to_run(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("TASK = (\n")
    request = _request(tmp_path / "run", tasks=("bad", "adding"), plugins=[bad])
    assert [cell.task for cell in request.cells] == ["adding"]
    assert len(request.broken) == 1
    assert f"{bad}:1" in str(request.broken[0])
    with pytest.raises(PluginError, match=r"bad\.py:1"):
        _request(tmp_path / "run", tasks=("bad",), plugins=[bad])


def test_a_foreign_folder_is_refused_before_training(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="no archbench run"):
        _run(_request(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def _command(folder, *more):
    flags = "--task adding --arch rnn --units 4 --set adding.length=10 --set adding.test_size=20 --seeds 2 --workers 1"
    return [sys.executable, "-m", "bench", "run", *flags.split(), "--out", str(folder), *more]


def _wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.1)


def _workers_of(folder):
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if b"bench.execute.worker" in command and str(folder).encode() in command:
            found.append(int(entry.name))
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
@pytest.mark.parametrize(
    ("signum", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)],
    ids=["Ctrl-C", "kill", "kill -9"],
)
def test_an_interrupt_keeps_what_is_finished_leaves_no_worker_and_the_next_run_resumes(tmp_path, signum, code):
    folder = tmp_path / "run"
    slow = ["--steps", "1000", "--evaluations", "100"]
    around = environment("tensorflow", 1)
    process = subprocess.Popen(
        _command(folder, *slow, "--fresh"),
        env=around,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background has SIGINT ignored, and its children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        _wait_for(lambda: list(folder.glob("*/1.json")))
        os.kill(process.pid, signum)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code
    if signum != signal.SIGKILL:
        assert "1 of 2 cells are finished and kept; resume with" in errors
        assert "archbench run --task adding" in errors
        assert "--fresh" not in errors
        assert "Traceback" not in errors
    _wait_for(lambda: not _workers_of(folder), 30)
    assert len(Store(folder).records()) == 1
    again = subprocess.run(_command(folder, *slow), env=around, capture_output=True, text=True)
    assert "1 to train, 1 finished already" in again.stdout
    assert again.returncode == 0
    assert len(Store(folder).records()) == 2

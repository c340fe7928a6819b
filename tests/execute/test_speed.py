"""The speed phase: cells take turns, what is lost costs itself alone, and nothing is timed twice."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import psutil
import pytest
from cells import BACKEND, EXAMPLES, cell, ended

from bench.catalogue import discover
from bench.execute import speed
from bench.execute.machine import conditions
from bench.execute.process import environment
from bench.execute.request import Request
from bench.execute.speed import Phase, summary
from bench.plan import Flags, blank
from bench.stopwatch import ROUNDS
from bench.store import Store
from bench.task import Data, Split

EMPTY = Split(np.zeros((0, 1)), np.zeros(0))


def _found(one, **known):
    return {
        "conditions": conditions(one, "cpu")(Data(EMPTY, EMPTY, EMPTY)).model_dump(mode="json"),
        "build_seconds": 0.1,
        "compile_seconds": 2.0,
        "peak_bytes": 1000,
        "flops_per_sample": 500,
        "uncounted": [],
        "matmul_operations": 10**6,
        "batch": 8,
        "steps": 10,
        **known,
    }


VISIT = {"step": [0.02, 0.02], "inference": [0.001], "batch_inference": [0.004], "matmul": [1e-3]}


def test_a_summary_has_rates_by_the_median_and_the_share_of_the_peak():
    one = cell()
    timing = summary(one, _found(one), ([VISIT] * 3, [VISIT] * 3), peak=1e6)
    assert timing.group == one.group
    assert (timing.step_seconds.p50, timing.step_seconds.calls, timing.step_seconds.noise) == (0.02, 12, 1.0)
    assert (timing.inference_seconds.p50, timing.speed.batch_inference_seconds.p50) == (0.001, 0.004)
    assert timing.speed.train_samples_per_second == pytest.approx(8 / 0.02)
    assert timing.speed.inference_samples_per_second == pytest.approx(8 / 0.004)
    assert timing.speed.train_tokens_per_second == pytest.approx(80 / 0.02)
    assert timing.speed.inference_tokens_per_second == pytest.approx(80 / 0.004)
    assert timing.speed.share_of_peak == pytest.approx(3 * 500 * 8 / 0.02 / 1e6)
    assert (timing.peak_bytes, timing.flops_per_sample, timing.speed.rounds) == (1000, 500, 3)
    assert timing.speed.cell_id == one.id


def test_without_a_count_there_is_no_share_and_without_steps_there_are_no_tokens():
    one = cell()
    found = _found(one, flops_per_sample=None, uncounted=["Strange"], steps=None)
    timing = summary(one, found, ([VISIT], [VISIT]), peak=1e6)
    assert timing.flops_per_sample is timing.speed.share_of_peak is None
    assert timing.speed.train_tokens_per_second is timing.speed.inference_tokens_per_second is None
    assert timing.speed.uncounted == ["Strange"]


class _Puppet(speed._Child):
    """A child without a process."""

    log: ClassVar[list[tuple[str, int]]] = []
    working = 0

    def __post_init__(self):
        pass

    def tell(self, **command):
        if self.lost:
            return
        assert type(self).working == 0 or command["do"] == "load"
        type(self).working += 1
        self.log.append((command["do"], self.cell.seed))
        self.command = command

    def _answer(self, patience):
        type(self).working -= 1
        if self.cell.seed == 2 and len(self.log) > 20:
            raise speed._LostError("gone")
        return {"load": {}, "compile": _found(self.cell), "visit": {"visit": VISIT}}[self.command["do"]]

    def end(self):
        self.log.append(("end", self.cell.seed))


def test_all_load_then_one_compiles_after_another_and_then_they_take_turns_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "_Child", _Puppet)
    monkeypatch.setattr(_Puppet, "log", [])
    cells = [cell(seed=seed) for seed in range(3)]
    shares = []
    store = Store(tmp_path).create()
    Phase(store, workers=2, progress=shares.append).run([replace(one, params=one.seed + 100) for one in cells])
    log = _Puppet.log
    assert log[:6] == [("load", 0), ("load", 1), ("load", 2), ("compile", 0), ("compile", 1), ("compile", 2)]
    assert log[-3:] == [("end", 0), ("end", 1), ("end", 2)]
    visits = log[6:-3]
    for start in range(0, len(visits), 6):
        if ("visit", 2) in visits[start + 6 :]:
            assert sorted(visits[start : start + 6]) == [("visit", seed) for seed in (0, 0, 1, 1, 2, 2)]
    assert visits.count(("visit", 0)) == visits.count(("visit", 1)) == 2 * ROUNDS
    assert visits[:6] != sorted(visits[:6])
    assert 0 < visits.count(("visit", 2)) < 2 * ROUNDS
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    timings = store.timings().values()
    assert sorted((timing.reason or "", timing.speed is None) for timing in timings) == [
        ("", False),
        ("", False),
        ("gone", True),
    ]


def test_an_interrupt_ends_every_child_and_keeps_what_was_written_before(tmp_path, monkeypatch):
    class Interrupted(_Puppet):
        def _answer(self, patience):
            if self.cell.seed == 3:
                raise KeyboardInterrupt
            return super()._answer(patience)

    monkeypatch.setattr(speed, "_Child", Interrupted)
    monkeypatch.setattr(_Puppet, "log", [])
    monkeypatch.setattr(speed, "_MOST_CHILDREN", 2)
    cells = [replace(cell(seed=seed), params=seed + 100) for seed in (0, 1, 3, 4)]
    store = Store(tmp_path).create()
    with pytest.raises(KeyboardInterrupt):
        Phase(store, workers=1).run(cells)
    assert store.timings().keys() == {cells[0].group, cells[1].group}
    assert [seed for what, seed in _Puppet.log if what == "end"] == [0, 1, 3, 4]


def test_no_more_children_than_memory_holds_are_there_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "_Child", _Puppet)
    free = type("Memory", (), {"available": 8 * speed.CHILD_BYTES})()
    monkeypatch.setattr(speed.psutil, "virtual_memory", lambda: free)
    bunches = []
    monkeypatch.setattr(Phase, "_time", lambda self, cells, *_: bunches.append([one.seed for one in cells]) or cells)
    Phase(Store(tmp_path), workers=1).run([cell(seed=seed) for seed in range(6)])
    assert bunches == [[0, 1, 2], [3, 4, 5]]  # not four and two
    bunches.clear()
    Phase(Store(tmp_path), workers=1).run([])
    assert bunches == []


SMALL = {"steps": 4, "evaluations": 2, "batch_size": 8}


def _request(folder: Path, *, tasks=("adding",), plugins=(), seeds=(0, 1), **given) -> Request:
    settings = ["adding.length=10", "adding.test_size=20"] if "adding" in tasks else []
    flags = Flags(
        tasks=tasks, architectures=["rnn"], settings=settings, training=SMALL, units=4, seeds=seeds, backend=BACKEND
    )
    return Request(discover(plugins), suite=None, flags=flags, out=folder, plugins=plugins, **{"speed": True, **given})


def _trained(folder: Path, **given) -> Request:
    """A request whose cells all ended ok, as far as the records say."""
    request = _request(folder, **given)
    request.store.create()
    for one in request.to_train:
        request.store.write(blank(one, request.catalogue.task(one.task).value, status="ok"))
    return _request(folder, **given)


def _children() -> list[psutil.Process]:
    return psutil.Process().children()


@pytest.mark.contract
def test_one_seed_is_timed_all_seeds_have_the_speed_and_nothing_is_timed_twice(tmp_path):
    request = _trained(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("*/1.json")}
    assert len(request.to_time()) == 1
    assert request.time(request.to_time(), lambda share: None) == []
    assert request.to_time() == []
    assert {path: path.read_bytes() for path in before} == before
    assert [path.name for path in (tmp_path / "speed").iterdir()] == [f"{request.cells[0].group}-1.json"]
    first, second = request.records
    assert first.step_seconds == second.step_seconds
    assert first.step_seconds.noise >= 1
    assert first.step_seconds.p50 <= first.step_seconds.p90 <= first.step_seconds.p99
    assert first.speed.cell_id == first.cell_id
    assert first.flops_per_sample == 10 * (2 * (2 * 4 + 4 * 4) + 12) + 2 * 4 + 1
    assert 0 < first.speed.share_of_peak < 1
    assert first.peak_bytes > 0
    again = _request(tmp_path)
    assert (again.to_train, again.to_time()) == ([], [])
    assert again.records == request.records
    assert _trained(tmp_path, seeds=(0, 1, 2)).to_time() == []
    assert {record.seed: record.step_seconds for record in Store(tmp_path).records()}[2] == first.step_seconds
    assert len(_request(tmp_path, fresh=True).to_time()) == 1
    assert _request(tmp_path, speed=False, fresh=True).to_time() == []


def test_what_cannot_be_timed_says_why_costs_itself_alone_and_is_tried_again(tmp_path):
    flag = tmp_path / "crash"
    crash = tmp_path / "crash.py"
    text = (EXAMPLES / "first_value.py").read_text()
    killed = f"import os; os.path.exists({str(flag)!r}) and os.kill(os.getpid(), 9)"
    crash.write_text(text.replace("    x = rng.random", f"    {killed}\n    x = rng.random"))
    given = {"tasks": ("crash", "adding"), "plugins": [crash], "seeds": (0,)}
    request = _trained(tmp_path / "run", **given)
    flag.touch()
    (reason,) = request.time(request.to_time(), lambda share: None)
    assert reason.startswith("rnn on crash: the worker ended with -9; last lines of ")
    timed = {record.task: record.step_seconds is not None for record in Store(tmp_path / "run").records()}
    assert timed == {"crash": False, "adding": True}
    assert [one.task for one in _request(tmp_path / "run", **given).to_time()] == ["crash"]
    assert _children() == []


def test_a_child_that_does_not_answer_is_ended_and_said(tmp_path):
    request = _trained(tmp_path, seeds=(0,))
    reasons = request.time(request.to_time(), lambda share: None, timeout=0.2)
    assert reasons == ["rnn on adding: no answer after 0.2 s"]
    assert _children() == []
    assert Store(tmp_path).records()[0].step_seconds is None


def test_cells_that_load_side_by_side_have_the_patience_of_them_all(tmp_path, monkeypatch):
    waited = []

    class Patient(_Puppet):
        def _answer(self, patience):
            waited.append((self.command["do"], patience))
            return super()._answer(patience)

    monkeypatch.setattr(speed, "_Child", Patient)
    cells = [replace(cell(seed=seed), params=seed + 100) for seed in (0, 1, 3)]
    Phase(Store(tmp_path).create(), workers=1, timeout=7.0).run(cells)
    assert set(waited) == {("load", 21.0), ("compile", 7.0), ("visit", 7.0)}


def _forking(folder, *, then):
    """A task that leaves a process behind: of 30 s, which it marks in a file, its pid in another, with its pipes."""
    path = folder / "forking.py"
    sleep = f"(time.sleep(30), open({str(folder / 'slept')!r}, 'w').close(), os._exit(0))"
    fork = f"pid = os.fork(); pid or {sleep}; open({str(folder / 'pid')!r}, 'w').write(str(pid))"
    text = (EXAMPLES / "first_value.py").read_text()
    path.write_text(text.replace("    x = rng.random", f"    import os, time; {fork}; {then}\n    x = rng.random"))
    return path


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("then", ["pass", "os._exit(3)"], ids=["ends well", "dies"])
def test_what_a_child_forked_ends_with_it_and_hides_no_end(tmp_path, then):
    given = {"plugins": [_forking(tmp_path, then=then)]}
    one = _request(tmp_path / "run", tasks=("forking",), seeds=(0,), **given).cells[0]
    child = speed._Child(one, tmp_path, [], given["plugins"])
    try:
        child.ask(do="load", cell=speed.encode(one))
    finally:
        child.end()
    assert (child.lost is None) == (then == "pass")
    assert then == "pass" or child.lost.startswith("the worker ended with 3; ")
    assert ended(int((tmp_path / "pid").read_text()))
    assert not (tmp_path / "slept").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_child_at_work_ends_with_its_parent_and_holds_the_lock_until_then(tmp_path):
    busy = tmp_path / "busy.py"
    text = (EXAMPLES / "first_value.py").read_text()
    wait = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    busy.write_text(text.replace("    x = rng.random", f"    {wait}\n    x = rng.random"))
    (tmp_path / "run" / "logs").mkdir(parents=True)
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    one = _request(tmp_path / "other", tasks=("busy",), plugins=[busy], seeds=(0,)).cells[0]
    arguments = [str(tmp_path / "run"), speed.encode(one), str(busy)]
    parent = subprocess.Popen([sys.executable, script, *arguments], env=environment(BACKEND, 1))
    try:
        end = time.monotonic() + 120
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < end, "it never loaded"
            time.sleep(0.1)
        child = psutil.Process(int((tmp_path / "pid").read_text()))
        assert str(tmp_path / "run" / "lock") in {file.path for file in child.open_files()}
    finally:
        parent.kill()
        parent.wait()
    child.wait(10)


PARENT = """
import sys
from pathlib import Path
from bench.execute import speed
from bench.execute.worker import decode
from bench.store import Store

folder, line, plugin = sys.argv[1:]
store = Store(Path(folder))
with store.lock():
    child = speed._Child(decode(line), Path(folder) / "logs", [], [Path(plugin)], lock=store.lock_fd)
    child.ask(do="load", cell=line)
"""


def test_what_a_task_raises_is_the_reason(tmp_path):
    one = replace(cell(), task_settings={**cell().task_settings, "length": 10**9})
    child = speed._Child(one, tmp_path, [], [])
    try:
        child.ask(do="load", cell=speed.encode(one))
        assert child.lost
        assert "Traceback" not in child.lost
        assert "last lines" not in child.lost
        assert child.ask(do="visit") == {}
    finally:
        child.end()


def test_before_a_run_the_plan_says_how_many_cells_will_be_timed(tmp_path):
    assert "then 1 timed alone" in _request(tmp_path).summary()
    assert "timed alone" not in _request(tmp_path, speed=False).summary()

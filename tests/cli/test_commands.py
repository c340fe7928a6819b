"""What the commands that only read answer: list, info, data, plan, show."""

import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from timings import timing

from bench.catalogue import discover
from bench.execute.request import Request
from bench.plan import Flags, blank, plan
from bench.record import GradientFlow, Percentiles, Record
from bench.store import Store
from bench.suite import adhoc_suite

Archbench = Callable[..., Any]
Make = Callable[..., Record]
Plugin = Callable[..., Path]

FIELDS = """cell_id, task, task_settings, architecture, architecture_settings, seed, backend,
status, reason, metric, higher_is_better, value, validation_value, chance, solved, steps, steps_to_target, parameters,
embedding_parameters, flops_per_sample, train_seconds, compile_seconds, step_seconds, inference_seconds,
peak_bytes, gradient, interventions, speed"""


def strict(text: str) -> Any:
    """JSON as other languages read it: without NaN."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_the_list_as_json_is_the_list(archbench: Archbench) -> None:
    items = strict(archbench("list", "--json").out)
    shown = archbench("list").out
    assert {item["kind"] for item in items} == {"tasks", "architectures", "suites", "claims"}
    for item in items:
        assert item.keys() == {"kind", "name", "summary"}
        assert f"  {item['name']} " in shown
        assert item["summary"] in shown


@pytest.mark.parametrize("kind", ["tasks", "architectures", "suites", "claims"])
def test_one_kind_is_listed_alone(archbench: Archbench, kind: str) -> None:
    assert {item["kind"] for item in strict(archbench("list", kind, "--json").out)} == {kind}


def test_a_plug_in_is_listed_described_and_planned(archbench: Archbench, plugin: Plugin) -> None:
    path = plugin("mine.py", "TASK = task()")
    assert "  mine " in archbench("list", "tasks", "--plugin", path).out
    assert "sum of a sequence" in archbench("info", "mine", "--plugin", path).out
    called = archbench("plan", "--task", "mine", "--arch", "lstm,cnn", "--seeds", 2, "--plugin", path)
    assert (called.code, called.err) == (0, "")
    assert "4 cells: 2 to train, 2 skipped because the pair does not fit" in called.out


@pytest.mark.parametrize("command", [["list"], ["info", "adding"], ["plan", "--task", "adding,bad", "--arch", "lstm"]])
def test_a_broken_plug_in_is_a_line_and_the_others_go_on(
    archbench: Archbench, plugin: Plugin, command: list[str]
) -> None:
    path = plugin("bad.py", "1 / 0")
    line = path.read_text().splitlines().index("1 / 0") + 1
    called = archbench(*command, "--plugin", path)
    assert called.code == 0
    assert "adding" in called.out
    assert called.err == f"archbench: plug-in left out: {path}:{line}: ZeroDivisionError: division by zero\n"


def test_where_only_the_broken_plug_in_was_asked_for_nothing_is_planned(archbench: Archbench, plugin: Plugin) -> None:
    called = archbench("plan", "--task", "bad", "--plugin", plugin("bad.py", "1 / 0"))
    assert (called.code, called.out) == (4, "")
    (line,) = called.err.splitlines()
    assert "ZeroDivisionError" in line


def test_data_says_where_files_belong_and_what_to_do(
    archbench: Archbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    called = archbench("data", "status", "mnist")
    assert (called.code, called.err) == (0, "")
    assert f"mnist: no data file {tmp_path}/datasets/mnist.npz: run `archbench data fetch`" in called.out


def test_data_that_is_altered_is_said_and_a_fetch_of_it_fails(
    archbench: Archbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "mnist.npz").write_bytes(b"cut")
    assert "is truncated or altered: expected sha256:" in archbench("data", "status", "mnist").out
    called = archbench("data", "fetch", "mnist")
    assert (called.code, called.out) == (4, "")
    assert "is truncated or altered" in called.err
    assert len(called.err.splitlines()) == 1


def test_a_plan_says_in_one_line_whose_data_is_not_there(
    archbench: Archbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    called = archbench("plan", "--task", "mnist,fashion-mnist,digits", "--arch", "mlp", "--seeds", "2")
    assert called.code == 0
    assert called.err == (
        "archbench: no data yet for mnist, fashion-mnist: `run` downloads it; without a network see "
        "`archbench data status`\n"
    )
    assert archbench("plan", "--task", "digits", "--arch", "mlp").err == ""


def test_a_run_asks_for_a_missing_data_set_once_whatever_its_files_and_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for name in ("http", "https"):
        monkeypatch.setenv(f"{name}_proxy", "http://127.0.0.1:1")
    flags = Flags(tasks=["fashion-mnist", "digits"], architectures=["mlp", "cnn"], seeds=range(2))
    request = Request(discover(), suite=None, flags=flags, out=tmp_path / "run")
    (error,) = request.fetch()
    assert str(error).startswith("cannot fetch fashion-mnist/")


def test_a_plan_says_of_every_cell_what_a_run_does(archbench: Archbench) -> None:
    called = archbench("plan", "--task", "adding", "--arch", "lstm,cnn", "--seed", "3,3,7")
    lines = called.out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["train", "train", "skip", "skip"]
    assert [line.partition(" seed ")[2].partition(":")[0] for line in lines[:4]] == ["3", "7", "3", "7"]
    assert "reads image, the task gives sequence (100, 2)" in lines[2]
    assert lines[4] == "4 cells: 2 to train, 2 skipped because the pair does not fit"
    assert lines[5].startswith("training takes unknown time on ")
    assert lines[6] == "records take at least 28 kB, since no like cell was measured here"
    assert len(lines) == 7


def test_a_plan_says_what_is_finished_and_what_changed(archbench: Archbench, elsewhere: Path) -> None:
    catalogue = discover()
    (cell,) = plan(catalogue, adhoc_suite(["adding"], ["lstm"]))
    store = Store(elsewhere / "out").create()
    store.write(blank(cell, catalogue.task("adding").value, status="ok", wall_seconds=60.0))
    known = ("--task", "adding", "--arch", "lstm", "--out", "out")
    called = archbench("plan", *known)
    assert called.out.splitlines()[0].startswith(f"reuse {cell.id}")
    assert "1 finished already and reused; nothing to train" in called.out
    more = archbench("plan", *known, "--seeds", 2).out
    assert [line.split()[0] for line in more.splitlines()[:2]] == ["reuse", "train"]
    assert re.search(r"training takes about 60 s on \d+ workers?\n", more)
    unlike = archbench("plan", *known[:3], "lstm,gru", *known[4:], "--seeds", 2).out
    why = "since no like cell was measured here"
    assert re.search(rf"training takes about 60 s on \d+ workers? and unknown time for 2 of 3 cells, {why}\n", unlike)
    assert "not run before" in more
    assert "not reused, changed: training.lr 0.005 -> 0.5" in archbench("plan", *known, "--lr", 0.5).out
    assert archbench("plan", *known, "--fresh").out.splitlines()[0].endswith("anew, as --fresh asks for")
    (elsewhere / "out" / cell.id / "1.json").write_text("{")
    assert archbench("plan", *known).out.splitlines()[0].endswith("a record of it is damaged")


def test_a_plan_creates_nothing(archbench: Archbench, elsewhere: Path) -> None:
    assert archbench("plan", "quick").code == 0
    assert list(elsewhere.iterdir()) == []


@pytest.fixture
def run(elsewhere: Path, make_record: Make) -> Path:
    store = Store(elsewhere / "run").create()
    store.write(
        make_record(
            "a" * 16,
            value=math.nan,
            chance=math.inf,
            train_seconds=3.5,
            step_seconds=Percentiles(p50=0.1, p90=math.nan, p99=math.inf),
            inference_seconds=Percentiles(p50=0.1, p99=0.2),
        )
    )
    store.write(make_record("b" * 16, status="failed", reason="a\nreason"))
    store.write(make_record("c" * 16, status="skipped", architecture="cnn", reason="reads image"))
    return store.folder


def test_a_run_as_json_has_the_promised_fields_and_null_for_what_was_not_measured(
    archbench: Archbench, run: Path
) -> None:
    called = archbench("show", run, "--json")
    assert (called.code, called.err) == (0, "")
    measured, failed, skipped = strict(called.out)
    for cell in (measured, failed, skipped):
        assert list(cell) == FIELDS.replace(",", " ").split()
    assert (measured["value"], measured["chance"], measured["train_seconds"]) == (None, None, 3.5)
    assert measured["step_seconds"] == {"p50": 0.1, "p90": None, "p99": None}
    assert {measured[key] for key in ("compile_seconds", "peak_bytes", "flops_per_sample", "parameters")} == {None}
    assert measured["gradient"] is measured["speed"] is None
    assert (failed["status"], failed["reason"], failed["value"], failed["step_seconds"]) == (
        "failed",
        "a\nreason",
        None,
        None,
    )
    assert (skipped["status"], skipped["validation_value"]) == ("skipped", None)


def test_a_run_as_json_has_what_the_speed_phase_found(
    archbench: Archbench, elsewhere: Path, make_record: Callable[..., Record]
) -> None:
    store = Store(elsewhere / "run").create()
    store.write_timing(timing(store.write(make_record()), p50=0.125))
    (cell,) = strict(archbench("show", store.folder, "--json").out)
    assert cell["step_seconds"]["p50"] == 0.125
    assert (cell["peak_bytes"], cell["flops_per_sample"]) == (12_345_678, 432_129)
    assert cell["speed"]["share_of_peak"] == 0.125


def test_curves_that_are_damaged_cost_a_line_and_no_other_cell(
    archbench: Archbench, elsewhere: Path, make_record: Callable[..., Record]
) -> None:
    store = Store(elsewhere / "run").create()
    flow = {"init": GradientFlow(step=0, loss=0.1, samples=8, not_finite=0, decay={})}
    curves = {"probe_step": np.zeros(1, "int64"), "profile_h": np.random.default_rng(0).random((1, 50, 3))}
    for name in ("a", "b"):
        store.write(make_record(name * 16, gradient=flow), curves)
    path = store.folder / ("a" * 16) / "1.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:400] + b"\xff" * 40 + whole[440:])  # its end is as it was
    called = archbench("show", store.folder, "--json")
    assert [cell["cell_id"] for cell in strict(called.out)] == ["a" * 16, "b" * 16]
    assert called.code == 4
    (line,) = called.err.splitlines()
    assert line.startswith(f"archbench: cannot read curves {path}: ")


def test_a_run_without_records_is_an_empty_array(archbench: Archbench, elsewhere: Path) -> None:
    Store(elsewhere / "run").create()
    assert strict(archbench("show", "run", "--json").out) == []
    assert "no records yet" in archbench("show", "run").out


def test_a_run_half_way_through_is_shown_with_how_many_cells_are_missing(archbench: Archbench, run: Path) -> None:
    ended = [record.cell_id for record in Store(run).each()]
    Store(run).write_plan([*ended, "e" * 16, "f" * 16])
    called = archbench("show", run)
    assert called.code == 0
    assert called.err.startswith(f"archbench: {run}: {len(ended)} of {len(ended) + 2} planned cells ended; ")
    assert len(called.err.splitlines()) == 1


def test_a_run_is_shown_as_a_table(archbench: Archbench, run: Path) -> None:
    called = archbench("show", run)
    assert (called.code, called.err) == (0, "")
    assert "adding" in called.out


def test_an_altered_record_is_one_line_with_its_file(archbench: Archbench, run: Path) -> None:
    (run / ("a" * 16) / "1.json").write_text('{"schema_version": 99}')
    called = archbench("show", run, "--json")
    assert called.code == 4
    assert "1.json: expected schema 1, received 99; update archbench" in called.complaint


def test_damaged_records_are_named_and_left_out_by_commands_that_only_read(archbench: Archbench, run: Path) -> None:
    path = run / ("a" * 16) / "1.json"
    path.write_bytes(path.read_bytes()[:-40])
    shown = archbench("show", run)
    for arguments in (["show", run], ["show", run, "--json"], ["plan", "quick", "--out", run], ["claims", run]):
        called = archbench(*arguments)
        assert called.code == 0
        (line,) = called.err.splitlines()
        assert line.startswith(f"archbench: left out: record {path} is damaged: cut or no JSON: ")
    assert "test score" in shown.out
    assert [file.name for file in path.parent.glob("*.json*")] == ["1.json"]  # setting aside is for `run`


def test_a_report_of_nothing_but_damaged_records_names_them(archbench: Archbench, run: Path) -> None:
    for path in run.glob("*/1.json"):
        path.write_text("{")
    called = archbench("report", run)
    assert called.code == 4
    assert [line for line in called.err.splitlines() if "is damaged: cut or no JSON" in line]
    assert called.err.splitlines()[-1].startswith("archbench: cannot write a report: there are no records")


def test_of_many_damaged_records_a_few_are_named(archbench: Archbench, run: Path) -> None:
    for number in range(25):
        (run / f"{number:016x}").mkdir()
        (run / f"{number:016x}" / "1.json").write_text("{")
    lines = archbench("show", run).err.splitlines()
    assert len(lines) == 11
    assert lines[-1] == "archbench: left out: 15 more damaged records"


def test_a_folder_of_a_newer_schema_is_refused_by_run_and_plan(archbench: Archbench, run: Path) -> None:
    (run / "archbench.json").write_text('{"schema_version": 2}')
    for command in ("run", "plan"):
        called = archbench(command, "--task", "adding", "--arch", "lstm", "--out", run)
        assert called.code == 4
        assert f"{run}: expected schema 1, received 2; update archbench" in called.complaint


def test_a_second_run_in_one_folder_is_refused_in_one_line(archbench: Archbench, run: Path) -> None:
    with Store(run).lock():
        called = archbench("run", "--task", "adding", "--arch", "lstm", "--out", run)
        assert archbench("show", run).code == 0
    assert called.code == 4
    assert f"{run}: a run is under way in this folder, process {os.getpid()} on " in called.complaint


@pytest.mark.parametrize("command", ["plan", "run"])
def test_more_workers_than_cores_are_refused(
    archbench: Archbench, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    called = archbench(command, "--task", "adding", "--arch", "lstm", "--workers", 3, "--threads", 2)
    assert called.code == 2
    assert "--workers: expected at most 2 (4 cores, 2 threads a worker), received 3" in called.complaint

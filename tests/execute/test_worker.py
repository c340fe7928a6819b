"""The child process, spoken to as the parent does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cells import BACKEND, EXAMPLES, cell, with_seed

from bench.catalogue import discover
from bench.execute.process import environment
from bench.execute.worker import decode, encode
from bench.plan import Cell, Flags, plan
from bench.store import Store
from bench.suite import adhoc_suite


def _serve(folder: Path, *cells, plugins=(), ahead=()):
    Store(folder).create()
    lines = "".join(encode(one, ahead=True) + "\n" for one in ahead) + "".join(encode(one) + "\n" for one in cells)
    # Standard input stays open until the last answer: its end is the end of the worker.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "bench.execute.worker", str(folder), BACKEND, "1", "", *map(str, plugins)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(BACKEND, 1),
    )
    process.stdin.write(lines)
    process.stdin.flush()
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if sum(event["event"] in ("done", "fatal") for event in events) == len(cells) or events[-1]["event"] == "fatal":
            break
    process.stdin.close()
    process.stdout.close()
    process.stderr.close()
    process.wait(30)
    return events


def test_a_cell_survives_the_way_to_the_worker():
    one = cell()
    again = decode(encode(one))
    assert again.id == one.id
    assert again.training == one.training


@pytest.mark.contract
def test_the_same_cell_in_two_folders_and_two_processes_is_identical_to_the_last_bit(tmp_path):
    one = cell(architecture="lstm")
    _serve(tmp_path / "a", one)
    _serve(tmp_path / "b", cell(architecture="gru"), one)  # after another group in the same process
    events = _serve(tmp_path / "c", one, ahead=[one])
    assert [event["event"] for event in events] == ["ready", "start", "progress", "progress", "done"]
    for other in ("b", "c"):
        _same_to_the_last_bit(tmp_path / "a", tmp_path / other, one)


def test_arms_that_differ_in_initial_weights_alone_are_compiled_once(tmp_path):
    arms = [cell(architecture=arm) for arm in ("rnn", "rnn-uniform", "irnn")]
    _serve(tmp_path / "shared", *arms)
    _serve(tmp_path / "own", arms[1])
    compiling = [Store(tmp_path / "shared").record(arm.id).compile_seconds is not None for arm in arms]
    assert compiling == [True, False, True]
    _same_to_the_last_bit(tmp_path / "shared", tmp_path / "own", arms[1])


@pytest.mark.contract
@pytest.mark.parametrize(
    ("task", "architecture", "settings"),
    [("digits", "cnn", ["cnn.dropout=0.5"]), ("adding", "lstm", ["lstm.dropout=0.5"])],
    ids=["batch norm, dropout, shuffled epochs", "loop, dropout, fresh samples"],
)
def test_seeds_that_share_a_process_are_identical_to_the_last_bit_to_a_process_each(
    tmp_path, task, architecture, settings
):
    training = {"steps": 10, "batch_size": 32, **({"train_size": 128} if task == "digits" else {})}
    one = cell(task, architecture, settings=settings, training=training)
    seeds = [with_seed(one, seed) for seed in (3, 0, 1)]
    _serve(tmp_path / "shared", *seeds)
    for seed in seeds[1:]:
        _serve(tmp_path / "own", seed)
        _same_to_the_last_bit(tmp_path / "shared", tmp_path / "own", seed)
    a, b = (Store(tmp_path / "shared").record(seed.id) for seed in seeds[1:])
    assert a.final != b.final


def _same_to_the_last_bit(a: Path, b: Path, one: Cell) -> None:
    records = [Store(folder).record(one.id) for folder in (a, b)]
    curves = [Store(folder).curves(record) for folder, record in zip((a, b), records, strict=True)]
    assert records[0].status == "ok"
    for part in ("best", "final", "gradient_norm", "gradient", "interventions", "unmeasured"):
        assert getattr(records[0], part) == getattr(records[1], part), part
    assert curves[0].keys() == curves[1].keys()
    for name, array in curves[0].items():
        assert array.tobytes() == curves[1][name].tobytes(), name


@pytest.mark.contract
def test_a_plug_in_that_gives_wrong_data_becomes_a_failed_record_that_names_its_file_and_the_next_cell_runs(tmp_path):
    broken = tmp_path / "holey.py"
    text = (EXAMPLES / "first_value.py").read_text()
    broken.write_text(text.replace("return Split(x, x[:, 0, :])", "x[0] = np.nan\n    return Split(x, x[:, 0, :])"))
    raising = tmp_path / "raising.py"
    raising.write_text(text.replace("return Split(x, x[:, 0, :])", 'raise ValueError("no such luck")'))
    plugins = [broken, raising]
    suite = adhoc_suite(["holey", "raising", "adding"], ["rnn"])
    flags = Flags(training={"steps": 2, "evaluations": 1}, units=3, settings=["adding.length=10"], backend=BACKEND)
    cells = plan(discover(plugins), suite, flags)
    events = _serve(tmp_path / "run", *cells, plugins=plugins)
    store = Store(tmp_path / "run")
    holey, raised, fine = (store.record(one.id) for one in cells)
    assert holey.status == raised.status == "failed"
    assert f"{broken}:{_line(broken, 'def draw')}: " in holey.reason
    assert "NaN or infinite" in holey.reason
    assert f"{raising}:{_line(raising, 'no such luck')}: ValueError: no such luck" in raised.reason
    assert fine.status == "ok"
    assert [event["event"] for event in events][:2] == ["ready", "start"]


@pytest.mark.contract
def test_a_cell_that_memory_cannot_hold_becomes_such_a_record_and_the_next_one_runs(tmp_path):
    greedy = tmp_path / "greedy.py"
    text = (EXAMPLES / "first_value.py").read_text()
    greedy.write_text(text.replace("return Split(", "import keras; keras.ops.ones((2**46,))\n    return Split("))
    flags = Flags(training={"steps": 2, "evaluations": 1}, settings=["adding.length=10"], backend=BACKEND)
    cells = plan(discover([greedy]), adhoc_suite(["greedy", "adding"], ["rnn"]), flags)
    _serve(tmp_path / "run", *cells, plugins=[greedy])
    huge, fine = (Store(tmp_path / "run").record(one.id) for one in cells)
    assert [huge.status, fine.status] == ["out-of-memory", "ok"], huge.reason
    assert huge.reason.startswith(f"{greedy}:{_line(greedy, 'ones(')}: ")


def _line(path: Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


@pytest.mark.contract
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin")
def test_a_record_says_where_and_with_what_it_was_measured(tmp_path):
    one = cell()
    _serve(tmp_path, one)
    conditions = Store(tmp_path).record(one.id).conditions
    assert conditions.libraries.keys() == {"python", "keras", "numpy", BACKEND}
    assert conditions.threads == 1
    assert conditions.test_samples == 20
    assert conditions.train_samples is None
    assert len(conditions.data_hash) == 64


def test_a_results_folder_that_vanishes_is_fatal_and_said(tmp_path):
    folder = tmp_path / "run"
    one = cell()
    Store(folder).create()
    (folder / one.id).write_text("a file where the cell's folder belongs")
    events = _serve(folder, one)
    assert events[-1]["event"] == "fatal"
    assert "cannot write results" in events[-1]["message"]


def test_a_cell_is_the_same_after_its_way_to_a_worker() -> None:
    one = cell()
    assert decode(encode(one)) == one
    assert decode(encode(one)).id == one.id

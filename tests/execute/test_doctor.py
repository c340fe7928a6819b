"""What doctor finds on machines that are made up, and on this one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench.catalogue import discover
from bench.execute import doctor
from bench.execute.checkup import against_itself
from bench.execute.doctor import GIB, Finding, findings
from bench.execute.process import environment
from bench.stopwatch import Job

CALM = {"device": "cpu", "affinity": [3], "rate": 5e10, "noise": 1.01}


@pytest.fixture
def look(tmp_path, monkeypatch):
    """The findings by name, on a calm machine unless a test makes it another."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(os, "getloadavg", lambda: (0.1, 0.1, 0.1), raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(available=8 * GIB, total=16 * GIB))

    def found(out=tmp_path, *, threads=1, checkup=lambda backend, threads: CALM) -> dict[str, Finding]:
        each = findings(discover(), out, backend="tensorflow", threads=threads, checkup=checkup)
        return {finding.name: finding for finding in each}

    return found


def test_on_a_calm_machine_all_is_well_but_data_that_is_missing_and_nothing_is_left_behind(look, tmp_path):
    found = look(tmp_path / "not" / "there")
    assert {name for name, finding in found.items() if finding.level != "ok"} <= {"data", "jax", "torch"}
    assert found["data"].advice.startswith("archbench data fetch cifar10")
    assert "mnist" in found["data"].value
    assert f"{tmp_path}: " in found["results"].value
    assert list(tmp_path.iterdir()) == []
    assert found["device"].value == "cpu, 1 thread pinned to 3; 50 GFLOP/s in a matrix product"
    assert "up to 1.0 %" in found["noise"].value


def test_every_finding_that_is_not_well_says_what_to_do(look, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (3.0, 1.0, 1.0), raising=False)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(available=GIB, total=2 * GIB))
    monkeypatch.setattr(doctor, "_SLOW_WRITE_SECONDS", 0.0)
    found = look(threads=5, checkup=lambda backend, threads: {**CALM, "affinity": [], "noise": 1.3})
    for name in ("load", "memory", "pinning", "results", "noise"):
        assert found[name].level == "note", name
    assert all(finding.advice for finding in found.values() if finding.level != "ok")
    assert not any(finding.advice for finding in found.values() if finding.level == "ok")
    assert "5 threads not pinned" in found["device"].value
    assert "up to 30.0 %" in found["noise"].value


def test_a_system_that_cannot_pin_is_said(look, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert look()["pinning"].level == "note"


@pytest.mark.parametrize(
    ("found", "threads", "said"),
    [
        ([], 1, "4 processors for 4 workers of 1 thread"),
        ([], 3, "4 processors for 1 worker of 3 threads"),
        (["0", "1"], 1, "4 processors for 2 workers of 1 thread, one a GPU"),
        (["0", "1", "2"], 2, "4 processors for 2 workers of 2 threads, one a GPU"),
    ],
)
def test_there_are_as_many_workers_as_a_run_would_have(look, monkeypatch, found, threads, said):
    monkeypatch.setattr(doctor, "gpus", lambda backend: found)
    assert look(threads=threads)["pinning"].value == said


def test_a_backend_that_does_not_run_is_a_problem_with_its_reason(look):
    def broken(backend, threads):
        raise RuntimeError("libcudart.so: cannot open shared object file")

    found = look(checkup=broken)["device"]
    assert (found.level, found.advice) == ("problem", "reinstall it: pip install --force-reinstall tensorflow")
    assert "tensorflow does not run: libcudart.so" in found.value


def test_a_backend_that_is_not_installed_is_a_problem_where_it_was_asked_for_and_is_not_run(look, monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda package: None)
    found = look(checkup=lambda backend, threads: pytest.fail("it was run"))
    assert found["tensorflow"] == Finding("tensorflow", "problem", "not installed", "pip install tensorflow")
    assert found["jax"] == Finding("jax", "note", "not installed", "pip install 'archbench[jax]'")


def test_a_folder_that_cannot_be_written_is_a_problem(look, tmp_path, monkeypatch):
    def refuse(path, content):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor, "write_atomic", refuse)
    found = look()["results"]
    assert (found.level, found.advice) == ("problem", "choose another --out")
    assert f"cannot write to {tmp_path}: Permission denied" in found.value


@pytest.mark.parametrize("name", ["x" * 300, "file", "file/below"])
def test_an_out_that_cannot_become_a_folder_is_a_problem(look, tmp_path, name):
    (tmp_path / "file").touch()
    found = look(tmp_path / name)["results"]
    assert (found.level, found.advice) == ("problem", "choose another --out")
    assert ("is a file" if "file" in name else "File name too long") in found.value


def test_data_that_is_altered_is_a_problem(look, tmp_path):
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    (folder / "mnist.npz").write_bytes(b"cut")
    each = list(findings(discover(), tmp_path, backend="tensorflow", threads=1, checkup=lambda *_: CALM))
    (altered,) = (finding for finding in each if finding.level == "problem")
    assert "mnist.npz is truncated or altered" in altered.value
    assert altered.advice == "archbench data fetch mnist"


def test_a_product_timed_against_itself_has_the_noise_of_the_clock():
    now, rng = [0.0], np.random.default_rng(0)

    def measured(spread):
        def call():
            now[0] += 0.1 * np.exp(spread * rng.standard_normal())

        return against_itself(Job(call), lambda: None, lambda: now[0])

    p50, noise = measured(0.0)
    assert (p50, noise) == (pytest.approx(0.1), pytest.approx(1.0))
    assert measured(0.3)[1] > measured(0.03)[1] > 1.003


def test_a_checkup_that_fails_gives_the_last_line_it_said(monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(RuntimeError) as caught:
        doctor.run_checkup("tensorflow", 1)
    assert caught.value.args[0]
    assert "\n" not in caught.value.args[0]


def test_this_machine_is_looked_at_without_a_framework_in_the_parent(tmp_path):
    script = (
        "import sys; from bench.cli import main; sys.argv = ['archbench', 'doctor', '--json']\n"
        "try: main()\n"
        "except SystemExit as end: assert not {'tensorflow', 'keras'} & set(sys.modules); raise\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        env=environment("tensorflow", 1),
        capture_output=True,
        text=True,
        check=False,
    )
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert found["device"]["value"].startswith("cpu, 1 thread") or "GPU" in found["device"]["value"]
    assert "GFLOP/s" in found["device"]["value"]
    assert found["noise"]["level"] in ("ok", "note")
    assert all(each.keys() == {"name", "level", "value", "advice"} for each in found.values())
    assert list(Path(tmp_path).iterdir()) == []

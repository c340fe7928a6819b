"""The results folder: whole attempts or none, and one line about whatever cannot be read or written."""

import io
import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from timings import lost, speed, timing

from bench.errors import BenchError, StoreError, UsageError
from bench.record import Record
from bench.store import Store, write_atomic

Make = Callable[..., Record]
CURVES = {
    "train_loss": np.array([1.0, np.nan, np.inf], "float32"),
    "evaluation_step": np.arange(3),
    "variables": np.array(["lstm/kernel", "readout/bias"]),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "run").create()


def files(store: Store) -> list[str]:
    return sorted(str(path.relative_to(store.folder)) for path in store.folder.rglob("*") if path.is_file())


def test_a_record_and_its_curves_come_back_as_they_were(store: Store, make_record: Make) -> None:
    written = store.write(make_record(chance=math.inf), CURVES)
    (record,) = store.records()
    assert record == written
    assert record.curves == "1.npz"
    found = store.curves(record)
    assert found.keys() == CURVES.keys()
    for name, array in CURVES.items():
        assert np.array_equal(found[name], array, equal_nan=array.dtype.kind == "f"), name
        assert found[name].dtype == array.dtype


def test_a_record_with_nan_comes_back(store: Store, make_record: Make) -> None:
    store.write(make_record(value=math.nan))
    (record,) = store.records()
    assert math.isnan(record.value)
    assert store.curves(record) == {}


def test_attempts_are_numbered_and_never_written_again(store: Store, make_record: Make) -> None:
    for attempt in range(1, 12):
        store.write(make_record(status="failed", reason=f"attempt {attempt}"))
    first = json.loads((store.folder / "0123456789abcdef" / "1.json").read_bytes())
    assert first["reason"] == "attempt 1"
    (record,) = store.records()
    assert record.reason == "attempt 11"  # not 9, the last by letter


@pytest.mark.parametrize(
    ("statuses", "counts"),
    [
        (["failed", "ok"], 2),
        (["ok", "failed"], 1),
        (["ok", "failed", "ok", "timeout"], 3),
        (["failed", "timeout"], 2),
        (["diverged", "failed"], 2),
    ],
)
def test_the_newest_ok_attempt_counts_else_the_newest(
    store: Store, make_record: Make, statuses: list[str], counts: int
) -> None:
    for attempt, status in enumerate(statuses, 1):
        store.write(make_record(status=status, steps=attempt))
    assert [record.steps for record in store.records()] == [counts]


def test_the_last_attempt_is_the_newest_whatever_became_of_it(store: Store, make_record: Make) -> None:
    store.write(make_record(status="ok"))
    failed = store.write(make_record(status="failed", reason="this time"))
    assert store.last(failed.cell_id) == failed
    assert store.record(failed.cell_id).status == "ok"


def test_a_cell_without_attempts_has_no_record(store: Store) -> None:
    (store.folder / "0123456789abcdef").mkdir()
    assert store.record("0123456789abcdef") is None
    assert store.record("fedcba9876543210") is None
    assert store.records() == []


@pytest.mark.parametrize("ending", [".json", ".npz"])
def test_a_kill_in_the_middle_of_an_attempt_leaves_the_old_state(
    store: Store, make_record: Make, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    before = store.write(make_record(status="failed"), CURVES)
    rename = os.replace

    def killed(source: Any, target: Any) -> None:
        if str(target).endswith(ending):
            raise KeyboardInterrupt
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            store.write(make_record(), {"train_loss": np.zeros(1)})
    assert store.records() == [before]
    assert not [name for name in files(store) if name.endswith(".part")]
    after = store.write(make_record(), {"train_loss": np.ones(1)})
    assert (store.records(), after.curves) == ([after], "2.npz")
    assert store.curves(after)["train_loss"].tolist() == [1.0]


def test_what_a_hard_kill_leaves_behind_is_passed_over(store: Store, make_record: Make) -> None:
    written = store.write(make_record())
    cell = store.folder / written.cell_id
    for name in (".abc.part", "2.npz", "notes.json", "².json", "3.json.bak"):
        (cell / name).write_bytes(b"half")
    (store.folder / ".xyz.part").write_bytes(b"half")
    (store.folder / "notes.txt").write_text("mine")
    (store.folder / "report").mkdir()
    assert store.records() == [written]


def test_no_temporary_file_survives_a_failed_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(tmp_path / "a.json", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line(store: Store, make_record: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=f"cannot write results to {store.folder}: No space left on device"):
        store.write(make_record(), CURVES)
    assert store.records() == []


def test_a_folder_that_holds_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match="holds files that are no archbench run; name an empty folder"):
        Store(tmp_path).create()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_empty_folder_and_a_run_may_be_written_to(tmp_path: Path, make_record: Make) -> None:
    store = Store(tmp_path / "deep" / "er").create()
    store.write(make_record())
    assert Store(store.folder).create().records() == store.records()
    assert len(store.records()) == 1


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(StoreError, match=r"cannot write results to .*: Not a directory; choose another --out"):
            Store(folder).create()


def test_a_folder_that_cannot_be_written_is_said_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bench.store.tempfile.mkstemp", refuse)
    with pytest.raises(StoreError, match="Permission denied; choose another --out"):
        Store(tmp_path).create()


@pytest.mark.parametrize("name", ["missing", "x" * 5000, "file", "empty"])
def test_what_is_no_run_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no archbench run; expected a folder written by `archbench run --out`"):
        Store(tmp_path / name).open()


def spoil(raw: dict[str, Any], **change: Any) -> bytes:
    return json.dumps({**raw, **change}).encode()


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        (lambda raw: b"", "cannot read record"),
        (lambda raw: json.dumps(raw).encode()[:-20], "cannot read record"),
        (lambda raw: b"\xff\xfe", "cannot read record"),
        (lambda raw: b"[" * 100_000, "cannot read record"),
        (lambda raw: b"9" * 10_000, "cannot read record"),
        (lambda raw: b"[]", "expected schema 1, received None; update archbench"),
        (lambda raw: spoil(raw, schema_version=2), "expected schema 1, received 2; update archbench"),
        (lambda raw: spoil(raw, schema_version=None), "expected schema 1, received None"),
        (lambda raw: spoil(raw, surprise=1), "is altered: surprise: Extra inputs are not permitted"),
        (lambda raw: spoil(raw, status="fine"), "is altered: status: "),
        (lambda raw: spoil(raw, best={"step": 1}), "is altered: best.validation: Field required"),
    ],
    ids=["empty", "cut", "bytes", "brackets", "digits", "list", "newer", "unversioned", "surprise", "status", "part"],
)
def test_a_record_that_is_not_whole_is_one_line_with_its_file(
    store: Store, make_record: Make, spoiled: Callable[[dict[str, Any]], bytes], message: str
) -> None:
    path = store.folder / store.write(make_record()).cell_id / "1.json"
    path.write_bytes(spoiled(json.loads(path.read_bytes())))
    with pytest.raises(StoreError) as caught:
        store.records()
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, train_loss=np.array([{"a": 1}], dtype=object))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda whole: b"",
        lambda whole: whole[:-30],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:60] + b"\xff" * 40 + whole[100:],
        lambda whole: b"not a zip file at all",
        lambda whole: npy(),
        lambda whole: pickled(),
    ],
    ids=["empty", "cut", "half", "altered", "text", "one array", "pickled"],
)
def test_curves_that_are_not_whole_are_one_line_with_their_file(
    store: Store, make_record: Make, spoiled: Callable[[bytes], bytes]
) -> None:
    record = store.write(make_record(), CURVES)
    path = store.folder / record.cell_id / "1.npz"
    path.write_bytes(spoiled(path.read_bytes()))
    with pytest.raises(StoreError) as caught:
        store.curves(record)
    assert str(caught.value).startswith(f"cannot read curves {path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_missing_curves_are_said(store: Store, make_record: Make) -> None:
    record = store.write(make_record(), CURVES)
    (store.folder / record.cell_id / "1.npz").unlink()
    with pytest.raises(StoreError, match="cannot read curves"):
        store.curves(record)


def test_a_record_cannot_name_curves_outside_its_cell(store: Store, make_record: Make, tmp_path: Path) -> None:
    np.savez(tmp_path / "secret.npz", a=np.zeros(1))
    record = store.write(make_record()).model_copy(update={"curves": "../../secret.npz"})
    with pytest.raises(StoreError, match="cannot read curves"):
        store.curves(record)


def test_pickled_curves_are_never_written(store: Store, make_record: Make) -> None:
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        store.write(make_record(), {"train_loss": np.array([{"a": 1}], dtype=object)})
    assert store.records() == []


def test_folders_of_two_machines_merge_by_copying(tmp_path: Path, make_record: Make) -> None:
    one, other = (Store(tmp_path / name).create() for name in ("one", "other"))
    one.write(make_record("a" * 16, seed=0), CURVES)
    other.write(make_record("b" * 16, seed=1), CURVES)
    other.write(make_record("c" * 16, seed=2))
    shutil.copytree(other.folder, one.folder, dirs_exist_ok=True)
    assert [record.seed for record in one.records()] == [0, 1, 2]
    for record in one.records()[:2]:
        assert one.curves(record).keys() == CURVES.keys()


def test_errors_of_the_store_are_the_users(tmp_path: Path) -> None:
    with pytest.raises(BenchError):
        Store(tmp_path / "missing").open()


def test_a_timing_is_in_every_ok_record_of_its_group_and_in_no_other(store: Store, make_record: Make) -> None:
    one = make_record("a" * 16, seed=0, identity={"seed": 0, "lr": 0.1})
    store.write(one)
    store.write(make_record("b" * 16, seed=1, identity={"seed": 1, "lr": 0.1}))
    store.write(make_record("c" * 16, seed=2, identity={"seed": 2, "lr": 0.1}, status="diverged"))
    store.write(make_record("d" * 16, seed=0, identity={"seed": 0, "lr": 0.2}))
    written = (store.folder / one.cell_id / "1.json").read_bytes()
    store.write_timing(timing(one))
    found = {record.cell_id[0]: record for record in store.records()}
    assert {name: record.step_seconds is not None for name, record in found.items()} == {
        "a": True,
        "b": True,
        "c": False,
        "d": False,
    }
    assert found["b"].speed == speed(one.cell_id)
    assert found["b"].value == 0.9
    assert (store.folder / one.cell_id / "1.json").read_bytes() == written


def test_the_newest_timing_that_found_something_counts(store: Store, make_record: Make) -> None:
    one = make_record()
    store.write(one)
    for number in range(1, 12):
        store.write_timing(timing(one, p50=float(number)))
    store.write_timing(lost(one, "no answer"))
    assert len(list((store.folder / "speed").iterdir())) == 12
    (record,) = store.records()
    assert record.step_seconds is not None
    assert record.step_seconds.p50 == 11.0


def test_a_timing_that_failed_leaves_the_record_as_it_was_and_says_why(store: Store, make_record: Make) -> None:
    written = store.write(make_record())
    store.write_timing(lost(written, "no answer"))
    assert store.records() == [written]
    assert [found.reason for found in store.timings().values()] == ["no answer"]


@pytest.mark.parametrize("content", [b"", b'{"schema_version": 1, "gro', b"[]", b"\xff", b'{"schema_version": 2}'])
def test_a_timing_that_cannot_be_read_was_not_measured(store: Store, make_record: Make, content: bytes) -> None:
    written = store.write(make_record())
    store.write_timing(timing(written))
    (path,) = (store.folder / "speed").iterdir()
    path.write_bytes(content)
    assert store.timings() == {}
    assert store.records() == [written]
    store.write_timing(timing(written))
    assert store.records()[0].step_seconds is not None


def test_a_timing_that_cannot_be_written_is_one_line(store: Store, make_record: Make) -> None:
    (store.folder / "speed").write_text("a file where a folder belongs")
    with pytest.raises(StoreError, match="cannot write results"):
        store.write_timing(timing(make_record()))

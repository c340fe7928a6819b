"""The results folder: whole attempts or none, and one line about whatever cannot be read or written."""

import io
import json
import math
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from timings import lost, speed, timing

from bench.errors import BenchError, StoreError, UsageError
from bench.record import Record
from bench.seal import sealed
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
    link = os.link

    def killed(source: Any, target: Any) -> None:
        if str(target).endswith(ending):
            raise KeyboardInterrupt
        link(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", killed)
        with pytest.raises(KeyboardInterrupt):
            store.write(make_record(), {"train_loss": np.zeros(1)})
    assert store.records() == [before]
    assert not [name for name in files(store) if name.endswith(".part")]
    after = store.write(make_record(), {"train_loss": np.ones(1)})
    assert (store.records(), after.curves) == ([after], "3.npz" if ending == ".json" else "2.npz")
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


DAMAGE: list[tuple[str, Callable[[dict[str, Any]], bytes], str]] = [
    ("empty", lambda raw: b"", "cut or no JSON: "),
    ("cut", lambda raw: json.dumps(raw).encode()[:-20], "cut or no JSON: "),
    ("bytes", lambda raw: b"\xff\xfe", "cut or no JSON: "),
    ("brackets", lambda raw: b"[" * 100_000, "cut or no JSON: "),
    ("digits", lambda raw: b"9" * 10_000, ""),
    ("list", lambda raw: b"[]", "Input should be an object"),
    ("unversioned", lambda raw: spoil({key: raw[key] for key in raw if key != "schema_version"}), "schema_version: "),
    ("old", lambda raw: spoil(raw, schema_version=0), "schema_version: Input should be 1"),
    ("text", lambda raw: spoil(raw, schema_version="2"), "schema_version: Input should be 1"),
    ("surprise", lambda raw: spoil(raw, surprise=1), "surprise: Extra inputs are not permitted"),
    ("status", lambda raw: spoil(raw, status="fine"), "status: "),
    ("part", lambda raw: spoil(raw, best={"step": 1}), "best.validation: Field required"),
    ("value", lambda raw: spoil(raw, steps=raw["steps"] + 1), "edited: its checksum is another"),
    ("reformatted", lambda raw: json.dumps(raw, indent=4).encode(), "edited: its checksum is another"),
    ("stranger", lambda raw: spoil(raw, cell_id="f" * 16), f"is of cell {'f' * 16}, which is not the folder's"),
]


@pytest.mark.parametrize(("spoiled", "message"), [(how, what) for _, how, what in DAMAGE], ids=[d[0] for d in DAMAGE])
def test_a_damaged_record_is_named_and_left_out_and_set_aside_without_being_deleted(
    store: Store, make_record: Make, spoiled: Callable[[dict[str, Any]], bytes], message: str
) -> None:
    other = store.write(make_record("f" * 16))
    path = store.folder / store.write(make_record()).cell_id / "1.json"
    damaged = spoiled(json.loads(path.read_bytes()))
    path.write_bytes(damaged)
    assert store.records() == [other]
    assert list(store.damaged) == [path]
    assert message in store.damaged[path]
    assert len(store.damaged[path].splitlines()) == 1
    ((place, why),) = store.set_aside()
    assert (place.name, place.read_bytes()) == ("1.json.damaged", damaged)
    assert message in why
    assert (store.records(), store.damaged) == ([other], {})
    again = store.write(make_record())
    assert files(store)[0:2] == ["0123456789abcdef/1.json.damaged", "0123456789abcdef/2.json"]
    assert store.records() == [again, other]


def test_a_damaged_attempt_does_not_hide_a_whole_one(store: Store, make_record: Make) -> None:
    first = store.write(make_record(status="ok"))
    path = store.folder / store.write(make_record(status="ok")).cell_id / "2.json"
    path.write_bytes(b"{")
    assert store.records() == [first]
    assert list(store.damaged) == [path]


@pytest.mark.parametrize("spoiled", [None, b"", b"PK"], ids=["missing", "empty", "cut"])
def test_an_attempt_whose_curves_are_not_there_is_damaged(
    store: Store, make_record: Make, spoiled: bytes | None
) -> None:
    record = store.write(make_record(), CURVES)
    path = store.folder / record.cell_id / "1.npz"
    path.unlink() if spoiled is None else path.write_bytes(spoiled)
    assert store.records() == []
    assert list(store.damaged.values()) == ["its curves 1.npz are missing or cut"]


def test_line_ends_that_version_control_changed_are_no_damage(store: Store, make_record: Make) -> None:
    record = store.write(make_record())
    path = store.folder / record.cell_id / "1.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert store.records() == [record]


def test_a_record_without_a_checksum_is_taken_as_it_is(store: Store, make_record: Make) -> None:
    record = store.write(make_record())
    path = store.folder / record.cell_id / "1.json"
    raw = json.loads(path.read_bytes())
    del raw["checksum"]
    path.write_bytes(json.dumps(raw).encode())
    assert store.records() == [record.model_copy(update={"checksum": None})]


def test_what_is_set_aside_never_overwrites_what_was(store: Store, make_record: Make) -> None:
    cell = store.folder / store.write(make_record()).cell_id
    (cell / "1.json.damaged").write_bytes(b"earlier")
    (cell / "1.json").write_bytes(b"later")
    assert store.records() == []
    ((place, _),) = store.set_aside()
    assert {path.name: path.read_bytes() for path in cell.iterdir()} == {
        "1.json.damaged": b"earlier",
        "1.json.damaged2": b"later",
    }
    assert place.name == "1.json.damaged2"


def test_a_record_of_a_newer_schema_is_refused_in_one_line(store: Store, make_record: Make) -> None:
    path = store.folder / store.write(make_record()).cell_id / "1.json"
    path.write_bytes(spoil(json.loads(path.read_bytes()), schema_version=2, surprise=1))
    with pytest.raises(StoreError) as caught:
        store.records()
    assert str(caught.value) == f"{path}: expected schema 1, received 2; update archbench, or name another folder"


def test_a_folder_of_a_newer_schema_is_refused_and_left_alone(store: Store) -> None:
    marker = store.folder / "archbench.json"
    marker.write_text('{"schema_version": 2}')
    for use in (store.create, store.open):
        with pytest.raises(StoreError, match="expected schema 1, received 2; update archbench"):
            use()
    assert marker.read_text() == '{"schema_version": 2}'


def test_a_damaged_marker_is_written_again(store: Store) -> None:
    marker = store.folder / "archbench.json"
    marker.write_text("{")
    store.open().create()
    assert json.loads(marker.read_text()) == {"schema_version": 1}


def test_without_the_gradient_flow_all_else_is_there(store: Store, make_record: Make) -> None:
    record = store.write(make_record(gradient={}, chance=math.nan, target=-math.inf))
    (brief,) = store.records(flow=False)
    assert record.gradient == {}
    assert brief.gradient is None
    without = record.model_copy(update={"gradient": None})
    assert brief.model_dump_json() == without.model_dump_json()  # as text NaN equals NaN


@pytest.mark.parametrize("checked", [True, False])
def test_a_gradient_flow_that_is_passed_over_is_still_known_to_be_damaged(
    store: Store, make_record: Make, checked: bool
) -> None:
    path = store.folder / store.write(make_record(gradient={})).cell_id / "1.json"
    content = json.loads(path.read_text())
    content["gradient"] = {"init": {"step": "none"}}
    if not checked:
        del content["checksum"]
    path.write_text(json.dumps(content, indent=1))
    assert not store.records(flow=False)
    assert list(store.damaged) == [path]
    assert ("edited: its checksum is another" if checked else "gradient.init.step: Input should") in store.damaged[path]


def test_attempts_are_ordered_by_number_though_the_clock_stepped_back(store: Store, make_record: Make) -> None:
    for day in (3, 1, 2):
        store.write(make_record(status="failed", reason=str(day), measured_at=datetime(2026, 1, day, tzinfo=UTC)))
    assert store.record("0123456789abcdef").reason == "2"
    assert store.last("0123456789abcdef").reason == "2"


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_two_that_write_at_once_overwrite_nothing(
    store: Store, make_record: Make, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    theirs = store.write(make_record(reason="theirs"), CURVES)
    monkeypatch.setattr("bench.store._attempts", lambda *_: [])  # theirs came after we had looked
    ours = store.write(make_record(reason="ours"), CURVES)
    monkeypatch.undo()
    assert (theirs.curves, ours.curves) == ("1.npz", "2.npz")
    assert [path.name for path in sorted((store.folder / ours.cell_id).iterdir())] == [
        "1.json",
        "1.npz",
        "2.json",
        "2.npz",
    ]
    assert store.last(ours.cell_id) == ours


def test_a_full_disk_leaves_records_that_were_there(
    store: Store, make_record: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store.write(make_record(status="failed"), CURVES)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="No space left on device; what is written is kept; mend that and run again"):
        store.write(make_record(), CURVES)
    assert store.records() == [before]
    assert not [name for name in files(store) if name.endswith(".part")]


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
        lambda whole: (at := whole.index(b"PK\x01\x02") + 8, whole[:at] + b"\x01" + whole[at + 1 :])[1],
        lambda whole: b"not a zip file at all",
        lambda whole: npy(),
        lambda whole: pickled(),
    ],
    ids=["empty", "cut", "half", "altered", "encrypted", "text", "one array", "pickled"],
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


def test_curves_that_cannot_be_read_now_are_not_taken_for_damaged(
    store: Store, make_record: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = store.write(make_record(), CURVES)

    def hiccup(path: Path) -> bytes:
        if path.suffix == ".npz":
            raise OSError(5, "Input/output error")
        return read(path)

    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", hiccup)
    with pytest.raises(StoreError, match=r"cannot read curves .*: Input/output error"):
        store.test(record.cell_id)
    assert store.damaged == {}


def test_a_gradient_flow_that_another_version_sealed_and_this_one_cannot_read_is_damaged(
    store: Store, make_record: Make
) -> None:
    path = store.folder / store.write(make_record(gradient={})).cell_id / "1.json"
    content = json.loads(path.read_text()) | {"checksum": "", "gradient": {"init": {"step": "later"}}}
    path.write_bytes(sealed(json.dumps(content, indent=1).encode())[1])
    assert len(store.records(flow=False)) == 1
    assert not store.damaged
    store.test(path.parent.name)
    assert store.damaged[path].startswith("gradient.init.step: ")


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

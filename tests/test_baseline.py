"""A run packed into one file, and read again."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from baselines import RATE, baseline, commit_id, measured
from sides import conditions, flow, record, side

from bench.baseline import NAMES, pack, read, read_folder, save
from bench.commit import Commit
from bench.compare import compare
from bench.errors import StoreError, UsageError
from bench.gates import gradient_gates
from bench.record import Record
from bench.store import Store

COMMIT = Commit(commit_id(0), datetime(2026, 3, 2, tzinfo=UTC))
NOTHING = dict[str, np.ndarray]()


def packed(records: list[Record], curves=lambda _: NOTHING, commit: Commit = COMMIT):
    return pack(records, curves, commit)


def rewritten(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    return path


def test_what_is_read_is_what_was_packed_and_compares_as_the_run_itself(tmp_path):
    nan = record(float("nan"), 4, gradient=flow(float("inf")))
    records = [*side([0.9, 0.8, 0.85, 0.95]), nan, record(0.1, 5, status="diverged", reason="loss is nan")]
    found = read(save(packed(records), tmp_path))
    assert [each.model_dump_json() for each in found.records] == [each.model_dump_json() for each in records]
    (row,) = compare(found.records, records).rows
    (alone,) = compare(records, records).rows
    assert row.quantities == alone.quantities


def test_the_reference_run_is_equivalent_to_its_baseline_in_all_it_has(tmp_path):
    store = Store(Path(__file__).parents[1] / "results" / "reference" / "claims-filters").open()
    records = store.records()
    found = read(save(pack(records, store.curves, COMMIT), tmp_path))
    compared = compare(found.records, records, curves=(found.curves, store.curves))
    assert compared.counts == {"equivalent": len(compared.rows)}
    assert not compared.differences
    assert found.last_norms.keys() == {each.cell_id for each in records}


def test_a_file_is_named_by_hashes_alone_whatever_the_machine_is_called(tmp_path):
    hostile = conditions(machine={"processor": "../../<script>\n|", "cores": 2}, device="a/b")
    path = save(packed([record(conditions=hostile)]), tmp_path)
    assert [path] == list(tmp_path.glob(NAMES))
    assert path.name.split("-")[1] == commit_id(0)[:12]


def test_machine_commit_environment_and_sources_each_give_another_name():
    names = {
        packed([record()]).name,
        packed([record()], commit=Commit(commit_id(1), None)).name,
        packed([record(conditions=conditions(machine={"processor": "other", "cores": 2}))]).name,
        packed([record(conditions=conditions(device="gpu"))]).name,
        packed([record(conditions=conditions(libraries={"keras": "9"}))]).name,
        packed([record(version="two")]).name,
    }
    assert len(names) == 6
    assert packed([record(0.1)]).name == packed([record(0.2)]).name


def test_a_baseline_is_never_overwritten_but_the_same_one_may_be_saved_again(tmp_path):
    path = save(packed([record(0.9)]), tmp_path / "new")
    before = path.read_bytes()
    assert save(packed([record(0.9)]), tmp_path / "new") == path
    with pytest.raises(StoreError, match="never overwritten; delete it first"):
        save(packed([record(0.8)]), tmp_path / "new")
    assert path.read_bytes() == before
    assert list((tmp_path / "new").iterdir()) == [path]


def test_where_nothing_can_be_written_the_error_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write .*choose another folder with --to"):
        save(packed([record()]), tmp_path / "file")


def test_an_edited_baseline_is_refused_and_other_line_ends_are_not(tmp_path):
    path = save(packed([record(0.75)]), tmp_path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read(path).records[0].value == 0.75
    with pytest.raises(StoreError, match="edited: its checksum is another"):
        read(rewritten(path, b'"test": 0.75', b'"test": 0.95'))


def test_without_its_checksum_a_baseline_is_refused(tmp_path):
    path = save(packed([record()]), tmp_path)
    raw = json.loads(path.read_bytes())
    del raw["checksum"]
    path.write_text(json.dumps(raw))
    with pytest.raises(StoreError, match="checksum: Field required"):
        read(path)


@pytest.mark.parametrize(
    ("old", "new", "own"),
    [
        (b'{\n "schema_version": 1', b'{\n "schema_version": 7', 1),
        (b'   "schema_version": 1', b'   "schema_version": 7', 1),
    ],
)
def test_a_newer_schema_of_the_file_or_of_a_record_is_named(tmp_path, old, new, own):
    path = rewritten(save(packed([record()]), tmp_path), old, new)
    with pytest.raises(StoreError, match=f"expected schema {own}, received 7; update archbench"):
        read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"schema_version": 1}',
        b"[" * 100_000,
        b'{"schema_version": "1"}',
        b"1" * 5000,
    ],
)
def test_what_is_no_baseline_is_one_line(tmp_path, content):
    path = tmp_path / "b.json"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"b\.json") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_huge_file_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.baseline._MOST_BYTES", 2**20)
    path = tmp_path / "b.json"
    path.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(StoreError, match="expected at most 1 MiB"):
        read(path)


@pytest.mark.parametrize("name", ["none.json", "a" * 300 + ".json"])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(UsageError, match="no baseline; expected a file that"):
        read(tmp_path / name)


def test_records_of_two_machines_or_two_versions_are_refused():
    other = conditions(machine={"processor": "other", "cores": 8})
    with pytest.raises(UsageError, match=r"one machine, received 2 machines: .*other, 8, cpu"):
        packed([record(seed=0), record(seed=1, conditions=other)])
    newer = conditions(libraries={"keras": "4.0.0"})
    with pytest.raises(UsageError, match=r"one version of keras, received 3\.12\.0 and 4.0.0"):
        packed([record(seed=0), record(seed=1, conditions=newer)])
    timed = measured(record(), ratio=1.0, machine={"processor": "other", "cores": 8})
    with pytest.raises(UsageError, match="one machine"):
        packed([timed])


def test_a_run_without_a_cell_to_train_is_refused():
    for records in ([], [record(status="skipped")]):
        with pytest.raises(UsageError, match="at least one cell"):
            packed(records)


def test_of_two_records_of_one_cell_the_newest_is_kept():
    old, new = record(0.1), record(0.9, version="two", measured_at=datetime(2026, 2, 2, tzinfo=UTC))
    assert [each.value for each in packed([new, old]).records] == [0.9]


def dying(steps: int = 100):
    """Norms of two variables, of which the second gets none over the last tenth of the steps."""
    norms = np.ones((steps, 2), "float32")
    norms[-steps // 10 :, 1] = 0
    return {"gradient_norm": norms, "variables": np.array(["kernel", "bias"])}


def test_the_gate_on_dead_variables_finds_the_same_in_a_baseline(tmp_path):
    alive = {"gradient_norm": np.ones((100, 2), "float32"), "variables": np.array(["kernel", "bias"])}
    records = [record(curves="1.npz")]
    dead, living = (read(save(packed(records, lambda _, a=arrays: a), tmp_path / str(i)))
                    for i, arrays in enumerate((dying(), alive)))  # fmt: skip
    (gate,) = gradient_gates(records, records, living.curves, dead.curves)
    assert (gate.verdict, "bias" in gate.note) == ("worse", True)
    assert next(gradient_gates(records, records, living.curves, lambda _: dying())) == gate
    assert list(gradient_gates(records, records, dead.curves, dead.curves)) == []
    assert dead.last_norms[records[0].cell_id] == {"kernel": 1.0, "bias": 0.0}


def test_a_variable_that_met_a_nan_is_not_dead(tmp_path):
    arrays = dying()
    arrays["gradient_norm"][-1, 1] = np.nan
    found = read(save(packed([record(curves="1.npz")], lambda _: arrays), tmp_path))
    assert np.isnan(found.curves(found.records[0])["gradient_norm"][0, 1])
    assert list(gradient_gates(found.records, found.records, lambda _: NOTHING, found.curves)) == []


def test_a_variable_with_a_gradient_at_any_of_the_last_steps_is_not_dead():
    arrays = dying()
    arrays["gradient_norm"][-3, 1] = 0.5
    assert packed([record(curves="1.npz")], lambda _: arrays).last_norms[record().cell_id]["bias"] == 0.5


def test_a_baseline_is_as_old_as_its_last_record_and_so_is_a_commit_that_git_does_not_know():
    days = [datetime(2026, 2, day, tzinfo=UTC) for day in (3, 9, 6)]
    records = [record(seed=seed, measured_at=day) for seed, day in enumerate(days)]
    assert packed(records).measured_at == days[1]
    assert packed(records, commit=Commit(commit_id(0), None)).committed_at == days[1]


def test_of_commits_of_one_date_those_that_were_measured_first_come_first(tmp_path):
    for order in ((0, 1), (1, 0)):  # names are hashes, and one of the two orders is not theirs
        folder = tmp_path / str(order)
        for day, place in enumerate(order, 1):
            one = record(measured_at=datetime(2026, 2, day, tzinfo=UTC))
            save(packed([one], commit=Commit(commit_id(place), COMMIT.made_at)), folder)
        assert [each.commit for each in read_folder(folder)[0].values()] == [*map(commit_id, order)]


def test_of_the_gradient_only_what_the_gates_ask_for_is_kept():
    probed = flow(9.0)
    known = {"init": probed["end"], "step 500": probed["end"], "end": probed["end"]}
    (kept,) = packed([record(gradient=known, interventions={"none": 0.9}, checksum="0" * 16)]).records
    assert list(kept.gradient) == ["init", "end"]
    assert kept.gradient["end"].decay["h"].half_life == 9.0
    assert (kept.interventions, kept.checksum) == (None, None)


def test_speed_is_kept_and_counted_in_products_of_the_same_job(tmp_path):
    found = read(save(packed([measured(record(), ratio=0.6)]), tmp_path))
    assert found.records[0].step_ratio == pytest.approx(0.6)
    assert found.records[0].step_seconds.p50 == pytest.approx(0.6e9 / RATE)
    assert np.isnan(record().step_ratio)


def test_between_a_machine_at_half_its_clock_and_itself_the_ratio_tells_no_difference():
    base, head = [measured(record(), ratio=0.6)], [measured(record(), ratio=0.6, rate=RATE / 2)]
    times = {
        relative: next(q for q in compare(base, head, relative=relative).rows[0].quantities if q.scale == "ratio")
        for relative in (False, True)
    }
    assert (times[False].name, times[False].verdict) == ("ms/step", "worse")
    assert (times[True].name, times[True].verdict, times[True].effect) == ("step ratio", "equivalent", pytest.approx(1))
    assert (times[True].base, times[True].advisory) == (pytest.approx(0.6), True)


def test_a_folder_is_read_by_the_age_of_its_commits_and_other_files_are_let_be(tmp_path):
    for place in (2, 0, 1):
        save(baseline(place, [record()]), tmp_path)
    (tmp_path / "claims.json").write_text("{}")
    (tmp_path / "ack.toml").write_text("")
    broken = save(baseline(3, [record(0.123)]), tmp_path)
    rewritten(broken, b"0.123", b"0.999")
    found, damaged = read_folder(tmp_path)
    assert [each.commit for each in found.values()] == [commit_id(place) for place in range(3)]
    assert [str(broken) in str(error) for error in damaged] == [True]
    with pytest.raises(UsageError, match="no folder"):
        read_folder(tmp_path / "none")


def test_what_may_make_it_another_baseline_than_meant_is_said():
    plain = packed([record()], commit=Commit(commit_id(0), datetime(2025, 1, 1, tzinfo=UTC)))
    assert list(plain.doubts({plain.records[0].cell_id})) == []
    mixed = [record(seed=0), record(seed=1, conditions=conditions(code="0.1.0+def")), record(seed=2, status="failed")]
    doubtful = packed(mixed, commit=Commit(commit_id(0), datetime(2027, 1, 1, tzinfo=UTC), changed=True))
    said = " / ".join(doubtful.doubts({"another cell", mixed[0].cell_id}))
    for part in (
        "2 versions of the code",
        "1 of the run's 2 planned",
        "1 of 3 cells have no score",
        "files differ",
        "older",
    ):
        assert part in said

"""What holds for every format: found by existing, names that do no harm, same bytes, one line for what is missing."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import StoreError, UsageError
from bench.export._format import format_names, load_format, write_export
from bench.record import Record

from .conftest import HOSTILE, arrays, need_format, request_of

ROOT = Path(__file__).parents[2]
NAMES = format_names()


def test_the_formats_are_the_files_of_their_folder() -> None:
    files = {path.stem.replace("_", "-") for path in (ROOT / "bench" / "export").glob("[!_]*.py")}
    assert set(NAMES) == files
    assert {"asv", "bencher", "csv", "github-action-benchmark", "mlflow", "parquet", "pytest-benchmark"} < files


@pytest.mark.parametrize("name", NAMES)
def test_every_format_is_documented(name: str) -> None:
    assert f"\n## {name}\n" in (ROOT / "docs" / "export.md").read_text()


def test_an_unknown_format_names_those_that_are_near() -> None:
    with pytest.raises(UsageError, match="parquet"):
        load_format("parket")


def test_a_missing_package_is_one_line_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "bench.export.parquet", raising=False)
    with pytest.raises(UsageError, match=r"--to parquet: the package pyarrow .* pip install 'archbench\[export\]'"):
        load_format("parquet")


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leaves_the_folder_and_the_files_are_what_was_told(
    name: str, tmp_path: Path, make_record: Callable[..., Record], cells: list[Record]
) -> None:
    need_format(name)
    records = [
        make_record(
            f"{number:016x}",
            task=hostile,
            architecture=hostile,
            task_settings={hostile: hostile},
            architecture_settings={hostile: hostile},
            metric=hostile,
            identity={"task": hostile},
            conditions=cells[0].conditions,
            train_seconds=2.0,
            curves="1.npz",
        )
        for number, hostile in enumerate(HOSTILE)
    ]
    form = load_format(name)
    place = tmp_path / "inner" / "place"
    paths, left_out = write_export(form, request_of(records, place / form.file if form.file else place))
    assert paths
    assert not left_out
    found = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert found == set(paths)
    assert all(place in path.parents for path in found)
    for path in found:
        if path.suffix == ".json":
            json.loads(path.read_text())


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"mlflow"}))  # whose store draws its own ids
def test_the_same_records_give_the_same_bytes_in_any_order(name: str, tmp_path: Path, cells: list[Record]) -> None:
    need_format(name)
    export = load_format(name).export
    first, second = (dict(export(request_of(given, tmp_path)).files) for given in (cells, list(cells)))
    assert first == second
    assert all(first.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_run_without_records_is_one_line(name: str, tmp_path: Path) -> None:
    need_format(name)
    with pytest.raises(StoreError, match="there are no records"):
        write_export(load_format(name), request_of([], tmp_path))


@pytest.mark.parametrize("name", ["asv", "bencher", "github-action-benchmark", "pytest-benchmark", "tensorboard"])
def test_of_skipped_cells_there_is_nothing_to_export_and_each_is_told(
    name: str, tmp_path: Path, make_record: Callable[..., Record]
) -> None:
    need_format(name)
    record = make_record(status="skipped", reason="no images")
    paths, left_out = write_export(load_format(name), request_of([record], tmp_path))
    assert paths == []
    assert len(left_out) == 1
    assert "skipped: no images" in left_out[0]


def test_arrays_of_the_tests_are_those_that_records_have(cells: list[Record]) -> None:
    assert len(arrays(cells[0])["gradient_norm"]) == cells[0].steps

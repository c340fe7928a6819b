"""The tables as DuckDB and pandas read them, and that every column has a type."""

import io
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.export._format import load_format, write_export
from bench.record import Record
from bench.report.objects import cell_object
from bench.report.tables import cell

from .conftest import HOSTILE, need, need_format, request_of


@pytest.fixture
def folder(tmp_path: Path, cells: list[Record]) -> Path:
    need_format("parquet")
    write_export(load_format("parquet"), request_of(cells, tmp_path))
    return tmp_path


def test_duckdb_reads_what_show_prints(folder: Path, cells: list[Record]) -> None:
    connection = need("duckdb").connect()
    columns = ["cell_id", "task", "architecture", "seed", "status", "reason", "higher_is_better", "value", "chance"]
    columns += ["solved", "steps", "train_seconds", "peak_bytes", "flops_per_sample"]
    table = folder / "cells.parquet"
    found = connection.sql(f"SELECT {', '.join(columns)} FROM '{table}' ORDER BY cell_id").fetchall()
    shown = [cell_object(record, {}) for record in cells]
    assert found == [tuple(each[column] for column in columns) for each in shown]
    ((mean,),) = connection.sql(f"SELECT avg(1 - value) FROM '{table}' WHERE architecture = 'lstm'").fetchall()
    assert mean == pytest.approx(0.07)
    types = dict(connection.sql(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '{table}')").fetchall())
    assert (types["seed"], types["value"], types["solved"]) == ("BIGINT", "DOUBLE", "BOOLEAN")
    assert types["measured_at"] == "TIMESTAMP WITH TIME ZONE"


def test_pandas_reads_the_columns_of_the_report(folder: Path, cells: list[Record]) -> None:
    found = pd.read_parquet(folder / "cells.parquet")
    assert list(found.columns) == list(cell(cells[0]))
    assert found["step_milliseconds"].tolist()[:3] == [10.0, 10.0, 10.0]
    assert found["measured_at"].tolist() == [pd.Timestamp(record.measured_at) for record in cells]
    diverged = found[found.status == "diverged"].iloc[0]
    assert math.isnan(diverged["value"])
    assert diverged["reason"] == "the loss is NaN"


def test_curves_are_a_row_a_step_and_keep_what_a_diverging_model_gave(folder: Path, cells: list[Record]) -> None:
    found = pd.read_parquet(folder / "curves.parquet")
    # Losses and gradients at every step, validations thrice, updates from the second of them on.
    assert len(found) == len(cells) * (100 + 2 * 100 + 2 * 3 + 2 * 3 + 2 * 2)
    one = found[(found.cell_id == cells[0].cell_id) & (found.curve == "gradient_norm")]
    bias = one[one.variable == "cell/bias"]
    assert bias.step.tolist() == list(range(1, 101))
    assert bias.value.tolist() == pytest.approx((2 / np.arange(1, 101)).tolist())
    last = found[(found.cell_id == cells[5].cell_id) & (found.step == 100)]
    assert math.isnan(last[last.curve == "train_loss"].value.item())
    assert last[(last.curve == "gradient_norm") & (last.variable == "cell/kernel")].value.item() == math.inf
    assert found[found.curve == "update_norm"].step.min() == 50


def test_the_gradient_flow_is_a_row_a_probe_and_lag(folder: Path, cells: list[Record]) -> None:
    found = pd.read_parquet(folder / "flow.parquet")
    assert found.cell_id.unique().tolist() == [cells[0].cell_id]
    assert found[["moment", "step", "of", "lag", "log10_mean"]].values.tolist() == [
        [moment, step, "h", lag, value] for moment, step, value in (("init", 0, -1.0), ("end", 100, -2.0))
        for lag in range(3)
    ]  # fmt: skip


def test_units_are_in_the_metadata_of_the_columns(folder: Path) -> None:
    schema = need("pyarrow.parquet").read_schema(folder / "cells.parquet")
    units = {name: (schema.field(name).metadata or {}).get(b"unit") for name in schema.names}
    assert (units["train_seconds"], units["step_milliseconds"], units["peak_bytes"]) == (b"s", b"ms", b"B")


def test_the_schema_has_every_column_of_a_cell(cells: list[Record]) -> None:
    need_format("parquet")
    from bench.export.parquet import CELLS

    assert list(CELLS.names) == list(cell(cells[0]))


def test_cells_without_curves_give_tables_without_rows(tmp_path: Path, cells: list[Record]) -> None:
    need_format("parquet")
    bare = [each.model_copy(update={"curves": None}) for each in cells]
    write_export(load_format("parquet"), request_of(bare, tmp_path))
    assert pd.read_parquet(tmp_path / "curves.parquet").columns.tolist() == [
        "cell_id", "curve", "variable", "step", "value",
    ]  # fmt: skip
    assert len(pd.read_parquet(tmp_path / "flow.parquet")) == 0


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_read_back_as_they_are(name: str, cells: list[Record]) -> None:
    need_format("parquet")
    records = [cells[0].model_copy(update={"task": name, "reason": name})]
    content = dict(load_format("parquet").export(request_of(records, Path())).files)["cells.parquet"]
    found = pd.read_parquet(io.BytesIO(content)).task.item()
    assert found == name.encode(errors="backslashreplace").decode()


def test_many_pieces_become_few_row_groups(monkeypatch: pytest.MonkeyPatch, cells: list[Record]) -> None:
    need_format("parquet")
    import bench.export.parquet as module

    whole = module.curves(request_of(cells, Path()).runs)
    monkeypatch.setattr(module, "_ROWS", 500)
    parts = module.curves(request_of(cells, Path()).runs)
    count = need("pyarrow.parquet").ParquetFile
    assert (count(io.BytesIO(whole)).num_row_groups, count(io.BytesIO(parts)).num_row_groups) == (1, 4)
    pd.testing.assert_frame_equal(
        *(pd.read_parquet(io.BytesIO(each)).astype({"cell_id": str, "curve": str}) for each in (whole, parts)),
        check_categorical=False,
    )

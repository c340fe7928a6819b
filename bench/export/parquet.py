"""Parquet: three tables with typed columns, for DuckDB, pandas, Polars or Spark.

    cells.parquet    a cell a row: the columns of the report's cells.csv, names and reasons as they are
    curves.parquet   curves over training steps: cell_id, curve, variable (null where of none), step, value
    flow.parquet     gradient through time: cell_id, moment, step, of (input, h, c, ...), lag (or position, of images
                     and vectors), log10 of the norm: mean over sequences and 10, 50, 90 % quantiles

Units are in the metadata of the columns. What was not measured is null, in cells.parquet NaN and infinities too; in the
other tables those are what a diverging model gave. Failed and skipped cells are rows with their status.
"""

import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.export._curves import scalars
from bench.export._format import Exported, Format, Request
from bench.record import Record
from bench.report.tables import cell
from bench.runs import Runs

_TEXT, _COUNT, _REAL, _YES = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_TIME: Final = pa.timestamp("us", tz="UTC")


def _fields(kind: Any, unit: str, *names: str) -> Iterator[Any]:
    for name in names:
        yield pa.field(name, kind, metadata={"unit": unit} if unit else None)


CELLS: Final = pa.schema(
    [
        *_fields(_TEXT, "", "cell_id", "task", "task_settings", "architecture", "architecture_settings", "training"),
        *_fields(_COUNT, "", "seed"),
        *_fields(_TEXT, "", "backend", "status", "reason", "metric"),
        *_fields(_YES, "", "higher_is_better"),
        *_fields(_REAL, "of the metric", "chance", "target", "value", "validation_value"),
        *_fields(_YES, "", "solved"),
        *_fields(_COUNT, "training steps", "steps", "steps_to_target"),
        *_fields(_REAL, "s", "seconds_to_target"),
        *_fields(_COUNT, "parameters", "parameters", "embedding_parameters"),
        *_fields(_REAL, "s", "train_seconds", "wall_seconds", "compile_seconds"),
        *_fields(_REAL, "ms", "step_milliseconds"),
        *_fields(_REAL, "ratio", "step_noise"),
        *_fields(_REAL, "ms", "inference_milliseconds"),
        *_fields(_REAL, "samples/s", "train_samples_per_second", "inference_samples_per_second"),
        *_fields(_COUNT, "B", "peak_bytes"),
        *_fields(_COUNT, "operations", "flops_per_sample"),
        *_fields(_REAL, "1", "share_of_peak"),
        *_fields(_REAL, "norm", "gradient_first", "gradient_last"),
        *_fields(_COUNT, "training steps", "not_finite"),
        *_fields(_TIME, "", "measured_at"),
        *_fields(_TEXT, "", "archbench", "processor", "device"),
        *_fields(_COUNT, "", "threads"),
    ]
)
_NAME: Final = pa.dictionary(pa.int32(), pa.string())
CURVES: Final = pa.schema(
    [
        *_fields(_NAME, "", "cell_id", "curve", "variable"),
        *_fields(_COUNT, "training steps", "step"),
        *_fields(_REAL, "loss, metric or norm, as the curve", "value"),
    ]
)
FLOW: Final = pa.schema(
    [
        *_fields(_NAME, "", "cell_id", "moment"),
        *_fields(_COUNT, "training steps", "step"),
        *_fields(_NAME, "", "of"),
        *_fields(_COUNT, "steps back from the loss, or positions", "lag"),
        *_fields(_REAL, "log10 of a norm", "log10_mean", "log10_q10", "log10_q50", "log10_q90"),
    ]
)
Columns = list[Any]
_ROWS: Final = 2**20
"""Of a row group, about."""


def cells(runs: Runs) -> bytes:
    """A row a cell; typed, so that a column of nulls keeps its type."""
    rows = []
    for record in runs.records:
        row = {name: _known(value) for name, value in cell(record).items()}
        rows.append(row | {"measured_at": record.measured_at.astimezone(UTC)})
    return _file(CELLS, [[pa.array([row[name] for row in rows], CELLS.field(name).type) for name in CELLS.names]])


def curves(runs: Runs) -> bytes:
    """A row a curve and step."""
    return _file(CURVES, _columns(runs, _curve_columns))


def flow(runs: Runs) -> bytes:
    """A row a probe, state and lag."""
    return _file(FLOW, _columns(runs, _flow_columns))


def _columns(runs: Runs, of: Callable[[Record, Mapping[str, np.ndarray]], Iterator[Columns]]) -> Iterator[Columns]:
    for record in runs.records:
        if record.curves is not None:
            yield from of(record, runs.curves(record))


def _curve_columns(record: Record, arrays: Mapping[str, np.ndarray]) -> Iterator[Columns]:
    for name, variable, steps, values in scalars(arrays):
        size = len(values)
        names = (_repeated(each, size) for each in (record.cell_id, name, variable))
        yield [*names, pa.array(steps[:size].astype("int64")), pa.array(values.astype("float64"))]


def _flow_columns(record: Record, arrays: Mapping[str, np.ndarray]) -> Iterator[Columns]:
    for moment, (label, probe) in enumerate((record.gradient or {}).items()):
        for array in sorted(name for name in arrays if name.startswith("profile_")):
            if moment < len(arrays[array]):
                table = arrays[array][moment].astype("float64")
                size = len(table)
                yield [
                    *(_repeated(each, size) for each in (record.cell_id, label)),
                    pa.array(np.full(size, probe.step)),
                    _repeated(array.removeprefix("profile_"), size),
                    pa.array(np.arange(size)),
                    *(pa.array(np.ascontiguousarray(column)) for column in table.T),
                ]


def _repeated(value: str | None, size: int) -> Any:
    """A dictionary column of one value."""
    if value is None:
        return pa.nulls(size, _NAME)
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, "int32")), pa.array([_known(value)]))


def _file(schema: Any, pieces: Iterable[Columns]) -> bytes:
    """Columns piece by piece; many small pieces are one row group, which costs more than it would hold else."""
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, schema, compression="zstd") as writer:
        for group in _groups(pa.Table.from_arrays(columns, schema=schema) for columns in pieces):
            writer.write_table(pa.concat_tables(group).unify_dictionaries())
    return buffer.getvalue()


def _groups(tables: Iterable[Any]) -> Iterator[list[Any]]:
    group: list[Any] = []
    rows = 0
    for table in tables:
        group.append(table)
        rows += len(table)
        if rows >= _ROWS:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _known(value: object) -> object:
    """Null for numbers that are none, and a text that has UTF-8."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _export(request: Request) -> Exported:
    tables = {"cells.parquet": cells, "curves.parquet": curves, "flow.parquet": flow}
    return Exported(((name, make(request.runs)) for name, make in tables.items()), [])


FORMAT = Format(_export)

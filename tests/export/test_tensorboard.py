"""The event files as TensorBoard's own reader sees them."""

import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench.export._format import load_format, write_export
from bench.record import Record

from .conftest import need, need_format, request_of


@pytest.fixture
def folder(tmp_path: Path, cells: list[Record]) -> Path:
    need_format("tensorboard")
    write_export(load_format("tensorboard"), request_of(cells, tmp_path))
    return tmp_path


def read(folder: Path) -> Any:
    # The reader's own switch; else it imports TensorFlow, for half a minute.
    sys.modules.setdefault("tensorboard.compat.notf", ModuleType("notf"))
    events = need("tensorboard.backend.event_processing.event_accumulator")
    found = events.EventAccumulator(str(folder), size_guidance={events.SCALARS: 0})
    found.Reload()
    return found


def cell(folder: Path, architecture: str, seed: int) -> Any:
    (path,) = (folder / "adding" / architecture).glob(f"seed-{seed}*")
    return read(path)


def test_a_cell_is_a_folder_and_its_curves_are_scalars(folder: Path) -> None:
    found = cell(folder, "lstm", 0)
    assert sorted(found.Tags()["scalars"]) == [
        "test_score", "train_loss", "validation_loss", "validation_score",  # first: TensorBoard sorts and cuts
        "variable_gradient_norm/cell/bias", "variable_gradient_norm/cell/kernel",
        "variable_update_norm/cell/bias", "variable_update_norm/cell/kernel",
        "variable_weight_norm/cell/bias", "variable_weight_norm/cell/kernel",
    ]  # fmt: skip
    loss = found.Scalars("train_loss")
    assert [event.step for event in loss] == list(range(1, 101))
    assert [event.value for event in loss] == pytest.approx([1 / step for step in range(1, 101)])
    assert [(event.step, event.value) for event in found.Scalars("validation_score")] == [
        (0, pytest.approx(0.1)), (50, 0.5), (100, pytest.approx(0.9)),
    ]  # fmt: skip
    assert [(event.step, event.value) for event in found.Scalars("test_score")] == [(900, pytest.approx(0.9))]


def test_wall_times_end_when_the_cell_was_measured(folder: Path, cells: list[Record]) -> None:
    times = [event.wall_time for event in cell(folder, "lstm", 0).Scalars("train_loss")]
    end = cells[0].measured_at.timestamp()
    assert (times[49], times[-1]) == (pytest.approx(end - 1.0), pytest.approx(end))


def test_what_a_diverging_model_gave_is_kept(folder: Path) -> None:
    found = cell(folder, "rnn", 2)
    assert math.isnan(found.Scalars("train_loss")[-1].value)
    assert found.Scalars("variable_gradient_norm/cell/kernel")[-1].value == math.inf
    assert "test_score" not in found.Tags()["scalars"]


def test_the_hyperparameters_are_those_of_the_cell(folder: Path) -> None:
    plugin = need("tensorboard.plugins.hparams.plugin_data_pb2")
    found = cell(folder, "rnn", 1).SummaryMetadata("_hparams_/session_start_info")
    given = plugin.HParamsPluginData.FromString(found.plugin_data.content).session_start_info.hparams
    assert given["architecture"].string_value == "rnn"
    assert given["architecture.units"].number_value == 32
    assert given["seed"].number_value == 1
    assert given["backend"].string_value == "tensorflow"


def longer(cells: list[Record]) -> list[Record]:
    """The same cells on a longer task."""
    return [
        each.model_copy(update={"task_settings": {"length": 400}, "cell_id": f"beef{number:012x}"})
        for number, each in enumerate(cells)
    ]


def test_folders_tell_cells_apart_by_the_settings_that_vary(tmp_path: Path, cells: list[Record]) -> None:
    need_format("tensorboard")
    write_export(load_format("tensorboard"), request_of([*cells, *longer(cells)], tmp_path))
    found = {path.parent.parent.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*/seed-0-*/*")}
    assert found == {f"adding-length-{length}/{name}" for length in (100, 400) for name in ("lstm", "rnn")}


def test_a_cell_is_there_once_after_the_run_has_grown(folder: Path, cells: list[Record]) -> None:
    other = folder / "adding" / "lstm" / "seed-7-deadbeef" / "events.out.tfevents.0.archbench"
    other.parent.mkdir()
    other.write_bytes(b"of another export")
    write_export(load_format("tensorboard"), request_of([*cells, *longer(cells)], folder))
    assert len(list(folder.glob("adding-length-*/*/*/*"))) == 2 * len(cells)
    assert [path for path in folder.glob("adding/*/*/*") if path.is_file()] == [other]


def test_cells_without_curves_are_told(tmp_path: Path, cells: list[Record]) -> None:
    need_format("tensorboard")
    bare = cells[0].model_copy(update={"curves": None, "status": "timeout", "reason": "too slow"})
    paths, left_out = write_export(load_format("tensorboard"), request_of([bare, *cells[1:]], tmp_path))
    assert len(paths) == 5
    assert left_out == ["adding lstm seed 0: no curves: timeout: too slow"]


def test_tensorflow_is_not_imported(folder: Path) -> None:
    code = "import sys, bench.export.tensorboard; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""The store as MLflow's own client reads it back."""

import importlib
import os
from pathlib import Path
from typing import Any

import pytest

from bench.export._format import load_format, write_export
from bench.record import Record

from .conftest import need, need_format, request_of


@pytest.fixture
def store(tmp_path: Path, cells: list[Record], make_record: Any) -> Any:
    need_format("mlflow")
    skipped = make_record("f" * 16, architecture="cnn", status="skipped", reason="no images")
    write_export(load_format("mlflow"), request_of([*cells, skipped], tmp_path))
    return need("mlflow.tracking").MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")


# Of MLflow's own making.
@pytest.mark.filterwarnings("ignore")
def test_mlflow_reads_the_runs_back(store: Any, cells: list[Record], tmp_path: Path) -> None:
    experiment = store.get_experiment_by_name("adding")
    assert experiment.artifact_location == (tmp_path / "artifacts").as_uri()
    runs = {run.data.tags["archbench.cell_id"]: run for run in store.search_runs([experiment.experiment_id])}
    assert len(runs) == len(cells) + 1
    first = runs[cells[0].cell_id]
    assert (first.info.status, first.info.run_name) == ("FINISHED", "lstm seed 0")
    assert first.data.metrics["test_score"] == 0.9
    assert (first.data.metrics["step_seconds"], first.data.metrics["peak_bytes"]) == (0.01, 12_345_678)
    assert (first.data.params["architecture.units"], first.data.params["training.steps"]) == ("32", "1000")
    assert first.info.end_time == int(1000 * cells[0].measured_at.timestamp())
    history = store.get_metric_history(first.info.run_id, "validation_score")
    assert [(each.step, each.value) for each in history] == [(0, 0.1), (50, 0.5), (100, 0.9)]
    norms = store.get_metric_history(first.info.run_id, "gradient_norm")
    assert [(each.step, each.value) for each in norms] == [(n, pytest.approx(5**0.5 / n)) for n in (50, 100)]

    diverged = runs[cells[5].cell_id]
    assert (diverged.info.status, diverged.data.tags["archbench.reason"]) == ("FAILED", "the loss is NaN")
    assert "test_score" not in diverged.data.metrics
    assert "archbench.reason" not in first.data.tags
    assert [each.step for each in store.get_metric_history(diverged.info.run_id, "train_loss")] == [50]
    skipped = runs["f" * 16]
    assert (skipped.info.status, skipped.data.tags["archbench.status"]) == ("KILLED", "skipped")


@pytest.mark.filterwarnings("ignore")
def test_exported_again_nothing_is_there_twice(store: Any, cells: list[Record], tmp_path: Path) -> None:
    write_export(load_format("mlflow"), request_of(cells[:2], tmp_path))
    again = need("mlflow.tracking").MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    again._tracking_client.store.engine.dispose()
    experiment = again.get_experiment_by_name("adding")
    assert len(again.search_runs([experiment.experiment_id])) == 2


def test_mlflow_is_not_to_report_that_it_was_used() -> None:
    need_format("mlflow")
    load_format("mlflow")
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_names_of_runs_tell_them_apart_by_the_settings_that_vary(cells: list[Record]) -> None:
    need_format("mlflow")
    run_names = importlib.import_module("bench.export.mlflow").run_names
    assert run_names(cells[:2]) == ["lstm seed 0", "lstm seed 1"]
    longer = cells[0].model_copy(update={"task_settings": {"length": 400}})
    wider = cells[0].model_copy(update={"architecture_settings": {"units": 64}})
    assert run_names([cells[0], longer]) == ["lstm seed 0 [length=100]", "lstm seed 0 [length=400]"]
    assert run_names([cells[0], wider]) == ["lstm [units=32] seed 0", "lstm [units=64] seed 0"]

"""TensorBoard: an event file a cell, `TASK/ARCHITECTURE/seed-N-ID/`; scalars over training steps, and hyperparameters.

    train_loss, validation_loss, probe_loss                         the task's loss, lower is better
    validation_score                                                the task's metric, in its own direction
    test_score                                                      once, at the step of the weights that count
    variable_gradient_norm/VARIABLE, variable_weight_norm/... ,     norms; the gradient's before clipping
    variable_update_norm/...

TensorBoard sorts tags by name, and its page of hyperparameters has columns of the first few: the norms of variables are
many, so they are named to come after losses and scores.

TensorBoard judges nothing, so scores are as they are. NaN and infinities are kept: TensorBoard marks them. Wall times
take the training steps as equally long. Values are 32 bit. Cells without curves, such as skipped ones, have no folder,
and that is said on standard error. Written with the package tensorboard; TensorFlow is not imported.
"""

import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from bench.export._curves import scalars, seed_folders, wall_time
from bench.export._format import Exported, Format, Request
from bench.record import Record
from bench.report.text import plain
from bench.runs import Runs

_FILE: Final = "events.out.tfevents.0.archbench"
"""Always this name, so that a cell exported anew takes the place of the old one."""


def event_file(record: Record, arrays: Mapping[str, np.ndarray]) -> bytes:
    """All scalars of a cell as the records of an event file, in the order of their steps."""
    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    begin = wall_time(record, 0)
    writer.write(Event(wall_time=begin, file_version="brain.Event:2").SerializeToString())
    head = hparams_pb(hyperparameters(record), trial_id=record.cell_id, start_time_secs=begin)
    writer.write(Event(wall_time=begin, summary=_own(head)).SerializeToString())
    for step, values in _by_step(record, arrays):
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values])
        writer.write(Event(wall_time=wall_time(record, step), step=step, summary=summary).SerializeToString())
    return buffer.getvalue()


def hyperparameters(record: Record) -> dict[str, Any]:
    """What TensorBoard's page of hyperparameters compares: task, architecture, seed, backend, all that is set."""
    named: dict[str, Any] = {
        "task": record.task,
        "architecture": record.architecture,
        "seed": record.seed,
        "backend": record.backend,
    }
    for kind, settings in (
        ("task", record.task_settings),
        ("architecture", record.architecture_settings),
        ("training", vars(record.training)),
    ):
        named |= {f"{kind}.{key}": value for key, value in settings.items() if value is not None}
    return {plain(key): plain(value) if isinstance(value, str) else value for key, value in named.items()}


def _own(head: Any) -> Summary:
    """The same message in the classes of the tensorboard package, whichever hparams_pb took."""
    return Summary.FromString(head.SerializeToString())


def _by_step(record: Record, arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[int, list[tuple[str, float]]]]:
    found: dict[int, list[tuple[str, float]]] = {}
    for name, variable, steps, values in scalars(arrays):
        tag = name if variable is None else f"variable_{name}/{plain(variable)}"
        for step, value in zip(steps.tolist(), values.tolist(), strict=False):
            found.setdefault(int(step), []).append((tag, value))
    if record.score is not None and math.isfinite(record.score.test):
        found.setdefault(record.score.step, []).append(("test_score", record.score.test))
    yield from sorted(found.items())


def _event_files(runs: Runs, place: Path) -> Iterator[tuple[str, bytes]]:
    names = [f"{folder}/{_FILE}" for folder in seed_folders(runs.records)]
    kept = {place / name for name in names}
    for record, name in zip(runs.records, names, strict=True):
        if record.curves is not None:
            # Where other settings vary by now, the cell had another folder: TensorBoard would show it twice.
            for old in set(place.glob(f"*/*/{Path(name).parent.name}/{_FILE}")) - kept:
                old.unlink()
            yield name, event_file(record, runs.curves(record))


def _export(request: Request) -> Exported:
    without = [record for record in request.runs.records if record.curves is None]
    lines = [
        f"{each.task} {each.architecture} seed {each.seed}: no curves: {each.status}: {each.reason}" for each in without
    ]
    return Exported(_event_files(request.runs, request.place), lines)


FORMAT = Format(_export)

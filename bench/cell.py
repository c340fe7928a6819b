"""Trains one cell and returns its record: the only place that trains.

Every architecture of a comparison meets the same data, in the same order, for as many steps. Cells that differ only
in seed, and those of their program, which differ in initial weights too, share a model that is built, traced and
compiled once. Each starts from the weights, seed generators and optimizer state of its own freshly built twin, so it is
the same to the last bit as in a process of its own.
"""

import math
import time
from bisect import insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import keras
import numpy as np

from bench import backends
from bench.alike import alike
from bench.architecture import InputSpec
from bench.catalogue import Catalogue, declared, first_line
from bench.errors import DataError, PluginError
from bench.evaluation import evaluate
from bench.gradients.closer import closer, pairs
from bench.gradients.flow import Flow, measure, stack
from bench.gradients.interventions import first_filters, interventions
from bench.gradients.probe import Probe
from bench.gradients.recorder import recorded, recording
from bench.plan import Cell, blank
from bench.record import Conditions, GradientFlow, GradientNorm, Record, Score
from bench.stream import batches, steps, subset
from bench.task import Data, Loss, Metric, Split, Task, check
from bench.width import count_parameters, match_width

_LOSSES: Mapping[Loss, Callable[[], keras.losses.Loss]] = {
    "cross-entropy": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "mse": keras.losses.MeanSquaredError,
}

PROBED: Final = 256
"""Sequences whose gradients are probed: the first of the validation set."""

Progress = Callable[[int, int, float], None]
"""Called with steps done, steps in all and the validation score."""


class Result(NamedTuple):
    """A record and the arrays that go beside it (bench.record.CURVES)."""

    record: Record
    curves: dict[str, np.ndarray]


@dataclass
class _Run:
    """What one seed's training leaves behind."""

    losses: list[float] = field(default_factory=list)
    gradient_norms: list[np.ndarray] = field(default_factory=list)
    evaluations: list[tuple[int, float, float, list[float], np.ndarray]] = field(default_factory=list)
    """(step, validation loss, validation score, weight norms, update norms)"""
    best: tuple[int, float, float] | None = None
    best_weights: list[np.ndarray] | None = None
    compile_seconds: float | None = None
    train_seconds: float = 0.0
    streak: list[tuple[int, float]] = field(default_factory=list)
    target: tuple[int, float] | None = None
    """(step, training seconds) at the first of the evaluations in a row that solve the task."""
    flows: list[Flow] = field(default_factory=list)
    closer: list[dict[str, np.ndarray]] = field(default_factory=list)
    """What is looked at more closely at init and at the end."""
    interventions: dict[str, float] | None = None
    unmeasured: str | None = None


class _Diverged(Exception):
    """A loss is no longer finite."""


class Group:
    """Data, model and compiled training step for the cells of a group, and others of its program that it `takes`.

    Raises DataError where the task's data is not what it declares, BenchError where `--params` cannot be met.
    """

    def __init__(self, cell: Cell, catalogue: Catalogue, conditions: Callable[[Data], Conditions]) -> None:
        self.catalogue, self.taken = catalogue, {cell.architecture}
        entry = catalogue.architecture(cell.architecture)
        task_entry = catalogue.task(cell.task)
        self.task: Task = task_entry.value
        self.spec = self.task.spec(**cell.task_settings)
        self.training = cell.training
        self.data = subset(self.task.data(cell.task_settings), cell.training.train_size)
        try:
            check(self.data, self.spec, self.task.loss)
        except DataError as error:
            raise DataError(f"{declared(self.task.draw or self.task.load, task_entry.file)}: {error}") from None
        self.steps = steps(self.data, cell.training)
        self.interval = math.ceil(self.steps / cell.training.evaluations)
        _pin_keras()
        self.units = {**cell.architecture_settings, **entry.value.fixed}.get("units")
        if cell.params is not None:
            self.units = match_width(lambda units: self.build(cell, units=units), cell.params)
            keras.utils.clear_session()  # the tried models have taken the layers' plain names
        self.model = self.build(cell)
        _check_model(self.model, self.spec, declared(entry.value.build, entry.file))
        self.backend = backend = backends.load(keras.backend.backend())
        jit = backend.compiles(entry.value.jit)
        every = cell.training.probe_every
        self.probe_every = math.ceil(self.steps / 2) if every is None else every
        self.probe: Probe | None = None
        self.unprobed: str | None = None
        if self.probe_every:
            try:
                at = cell.training.probe_at
                self.probe = Probe(self.model, self.spec, self.task.loss, jit=jit, at=at)
            except Exception as error:  # whatever Keras makes of a plug-in's model
                self.unprobed = f"probe: {type(error).__name__}: {first_line(error)}"
        self.probed = Split(*(array[:PROBED] for array in self.data.validation))
        self.cues = self.task.cues(self.probed.x) if self.task.cues else None
        self.variables = list(self.model.variables)
        self.parameters = count_parameters(self.model)
        self.optimizer = recording(
            cell.training.optimizer,
            interval=self.interval,
            steps=self.steps,
            learning_rate=cell.training.lr,
            global_clipnorm=cell.training.clip,
        )
        self.model.compile(self.optimizer, _LOSSES[self.task.loss](), jit_compile=jit)
        self.optimizer.build(self.model.trainable_variables)
        self.step = backend.stepper(self.model)
        self.optimizer_start = [keras.ops.convert_to_numpy(variable).copy() for variable in self.optimizer.variables]
        self.compiled = False
        self.conditions = conditions(self.data)

    def build(self, cell: Cell, **given: Any) -> keras.Model:
        """The model of a cell of the group, with the weights that its arm and the seed of Keras give it."""
        arm = self.catalogue.architecture(cell.architecture).value
        units = {} if self.units is None else {"units": self.units}
        return arm.build(self.spec, **{**cell.architecture_settings, **arm.fixed, **units, **given})

    def takes(self, cell: Cell) -> bool:
        """Whether the model is that of a cell of its program too, as its architecture declares, but for weights."""
        if cell.architecture not in self.taken:
            self.step.sync()
            twin = self.build(cell)
            if not alike(self.model, twin, self.probed.x):
                return False
            self.taken.add(cell.architecture)
        return True

    def run(self, cell: Cell, progress: Progress = lambda *_: None) -> Result:
        """Train the group's model from the initial weights of a cell."""
        self.reset(cell)
        run = _Run(unmeasured=self.unprobed)
        try:
            self._train(run, cell.seed, progress)
            reason = None
        except _Diverged as error:
            reason = str(error)
        self._look_back(run, finished=not reason)
        best, final = (None, None) if reason else self._scores(run)
        record = blank(
            cell,
            self.task,
            status="diverged" if reason else "ok",
            reason=reason,
            conditions=self.conditions,
            best=best,
            final=final,
            solved=run.target is not None,
            steps=len(run.losses),
            steps_to_target=run.target[0] if run.target else None,
            seconds_to_target=run.target[1] if run.target else None,
            units=self.units,
            parameters=self.parameters[0],
            embedding_parameters=self.parameters[1],
            train_seconds=run.train_seconds,
            compile_seconds=run.compile_seconds,
            gradient_norm=_gradient_norm(run, self.training.clip),
            gradient=_moments(run.flows, len(run.losses)) or None,
            interventions=run.interventions,
            unmeasured=run.unmeasured,
        )
        return Result(record, self._curves(run))

    def reset(self, cell: Cell) -> None:
        """Give model and optimizer the state in which a cell of the group starts."""
        self.step.sync()  # steps may have been kept by a seed that failed between two of them
        keras.utils.set_random_seed(cell.seed)
        twin = self.build(cell)
        for variable, start in zip(self.variables, twin.variables, strict=True):
            variable.assign(start)
        for variable, value in zip(self.optimizer.variables, self.optimizer_start, strict=True):
            variable.assign(value)

    def _train(self, run: _Run, seed: int, progress: Progress) -> None:
        stream = batches(self.data, seed, self.training.batch_size)
        self._evaluate(run, progress)
        self._probe(run)
        while len(run.losses) < self.steps:
            count = min(self.interval, self.steps - len(run.losses))
            done = self._interval(run, stream, count)
            run.gradient_norms.append(recorded(self.optimizer, done)[0])
            if done < count or not math.isfinite(run.losses[-1]):
                raise _Diverged(f"the training loss became {run.losses[-1]} at step {len(run.losses)}")
            self._evaluate(run, progress)
            validation_loss = run.evaluations[-1][1]
            if not math.isfinite(validation_loss):
                raise _Diverged(f"the validation loss became {validation_loss} at step {len(run.losses)}")
            if run.target and self.training.stop_solved:
                break

    def _interval(self, run: _Run, stream: Iterator[Split], count: int) -> int:
        """Train `count` steps, fewer where the loss stops being finite; the steps done."""
        before = len(run.losses)
        for _ in range(count):
            x, y = next(stream)
            self.step.reset()
            loads = 0 if self.compiled else self.backend.loads()
            start = time.perf_counter()
            loss = self.step(x, y)
            seconds = time.perf_counter() - start
            if self.compiled:
                run.train_seconds += seconds
            else:
                run.compile_seconds = seconds if self.backend.loads() == loads else None
                self.compiled = True
            run.losses.append(loss)
            if not math.isfinite(loss):
                break
            if self.probe_every and len(run.losses) % self.probe_every == 0:
                self.step.sync()
                self._probe(run)
        self.step.sync()
        return len(run.losses) - before

    def _attempt(self, run: _Run, what: str, measurement: Callable[[Probe], None]) -> None:
        """A measurement that fails says so in the record and costs no training; none is tried after it."""
        if not self.probe or run.unmeasured:
            return
        try:
            measurement(self.probe)
        except Exception as error:  # whatever Keras makes of a plug-in's model
            run.unmeasured = f"{what}: {type(error).__name__}: {first_line(error)}"

    def _probe(self, run: _Run) -> None:
        """Gradient flow through the weights as they stand, once a step, outside the timed region."""

        def measurement(probe: Probe) -> None:
            if not run.flows or run.flows[-1].record.step < len(run.losses):
                run.flows.append(measure(probe, self.probed, len(run.losses), self.cues))
            if not run.losses:
                run.closer.append(self._closer(probe, run.flows[0]))

        self._attempt(run, f"probe at step {len(run.losses)}", measurement)

    def _look_back(self, run: _Run, *, finished: bool) -> None:
        """What is asked of the last weights, before those of the best validation are put in their place."""
        validation, size = self.data.validation, self.training.batch_size

        def score() -> float:
            return evaluate(self.model, validation, self.task, size)[1]

        def measurement(probe: Probe) -> None:
            run.closer.append(self._closer(probe, run.flows[-1]))
            if finished:
                flow = run.flows[-1]
                means = {name: flow.arrays[f"gate_{name}"] for name in flow.gates}
                unchanged = run.evaluations[-1][2]
                run.interventions = interventions(probe, self.task, validation, means, score, unchanged) or None

        self._probe(run)
        self._attempt(run, "interventions", measurement)

    def _closer(self, probe: Probe, flow: Flow) -> dict[str, np.ndarray]:
        found = closer(probe, flow, self.probed, self.cues, spectrum=self.training.spectrum)
        filters = first_filters(self.model)
        return found if filters is None else {**found, "filters": filters}

    def _evaluate(self, run: _Run, progress: Progress) -> None:
        step = len(run.losses)
        loss, score = evaluate(self.model, self.data.validation, self.task, self.training.batch_size)
        weights = [float(np.linalg.norm(keras.ops.convert_to_numpy(v))) for v in self.model.trainable_variables]
        updates = recorded(self.optimizer, 0)[1] if step else np.full(len(weights), np.nan, "float32")
        run.evaluations.append((step, loss, score, weights, updates))
        if not step:
            return
        if run.best is None or _better(score, run.best[2], self.task.metric):
            run.best, run.best_weights = (step, loss, score), self.model.get_weights()
        solved = self.task.solved
        run.streak = [*run.streak, (step, run.train_seconds)] if solved.reached(score, self.task.metric) else []
        if run.target is None and len(run.streak) >= solved.in_a_row:
            run.target = run.streak[-solved.in_a_row]
        progress(step, self.steps, score)

    def _scores(self, run: _Run) -> tuple[Score, Score]:
        """The weights with the best validation score and the last ones, each evaluated once on the test set."""
        assert run.best is not None
        assert run.best_weights is not None
        final = self._score(*run.evaluations[-1][:3])
        if run.best[0] == final.step:
            return final, final
        self.model.set_weights(run.best_weights)
        return self._score(*run.best), final

    def _score(self, step: int, validation_loss: float, validation: float) -> Score:
        test_loss, test = evaluate(self.model, self.data.test, self.task, self.training.batch_size)
        return Score(step=step, validation=validation, validation_loss=validation_loss, test=test, test_loss=test_loss)

    def _curves(self, run: _Run) -> dict[str, np.ndarray]:
        steps, losses, scores, weights, updates = zip(*run.evaluations, strict=True)
        return {
            "evaluation_step": np.array(steps, "int64"),
            "train_loss": np.array(run.losses, "float32"),
            "validation_loss": np.array(losses, "float64"),
            "validation_score": np.array(scores, "float64"),
            "gradient_norm": np.concatenate(run.gradient_norms),
            "weight_norm": np.array(weights, "float32"),
            "update_norm": np.array(updates, "float32"),
            "variables": np.array([variable.path for variable in self.model.trainable_variables], "str"),
            **stack(run.flows),
            **pairs(run.closer),
            **({} if self.cues is None or not self.probe else {"example_cues": self.cues[0]}),
        }


def _pin_keras() -> None:
    """Forget earlier groups, and what a user's keras.json says: it would change numbers that share a cell id."""
    keras.utils.clear_session()
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")


def _check_model(model: keras.Model, spec: InputSpec, place: str) -> None:
    for what, found, expected in (
        ("input", model.input_shape, (None, *spec.shape)),
        ("output", model.output_shape, (None, *spec.output_shape)),
    ):
        if found != expected:
            raise PluginError(f"{place}: build(): expected {what} {expected}, received {found}")


def _better(score: float, than: float, metric: Metric) -> bool:
    return (score > than if metric.higher_is_better else score < than) or math.isnan(than)


def _moments(flows: list[Flow], last: int) -> dict[str, GradientFlow]:
    """By their names: init, the steps between, and end where the last step was probed."""
    named = {0: "init", last: "end"} if last else {0: "init"}
    return {named.get(flow.record.step, str(flow.record.step)): flow.record for flow in flows}


def _gradient_norm(run: _Run, clip: float | None) -> GradientNorm:
    norms = np.concatenate(run.gradient_norms)
    total = np.sqrt(np.square(norms.astype("float64")).sum(axis=1))
    finite = total[np.isfinite(total)]
    tenth = max(1, len(finite) // 10)
    weights = [(step, float(np.linalg.norm(weights))) for step, *_, weights, _ in run.evaluations if step]
    ratios = [total[step - 1] / weight for step, weight in weights if weight > 0 and np.isfinite(total[step - 1])]
    return GradientNorm(
        first=float(np.median(finite[:tenth])) if len(finite) else math.nan,
        last=float(np.median(finite[-tenth:])) if len(finite) else math.nan,
        largest=float(finite.max()) if len(finite) else math.nan,
        not_finite=len(total) - len(finite),
        clipped=None if clip is None or not len(finite) else float((finite > clip).mean()),
        exploded=_exploded(finite),
        to_weight=float(np.median(ratios)) if ratios else math.nan,
    )


def _exploded(norms: np.ndarray) -> float:
    """Share of steps with more than ten times the median norm of the steps before."""
    before: list[float] = []
    count = 0
    for norm in norms.tolist():
        middle = len(before) // 2
        if before and norm > 10 * (before[middle] + before[~middle]) / 2:
            count += 1
        insort(before, norm)
    return count / len(norms) if len(norms) else math.nan

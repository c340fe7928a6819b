"""From suite and flags to cells: what is in the plan, what overrides what, and what an id stands for."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.architecture import Architecture, reads
from bench.catalogue import Catalogue, discover, suite_names
from bench.errors import PluginError, UsageError
from bench.plan import Cell, Flags, blank, plan, program_id, without_broken
from bench.suite import Suite, adhoc_suite, read_suite

Plugin = Callable[..., Path]
CATALOGUE = discover()


def suite(tasks: Any = ("adding",), architectures: Any = ("lstm",), **fields: Any) -> Suite:
    grid = {"tasks": list(tasks), "architectures": list(architectures), "training": fields.pop("grid_training", {})}
    return Suite.model_validate({"summary": "made up", "grid": [grid], **fields})


def the_plan(given: Suite | None = None, **flags: Any) -> list[Cell]:
    return plan(CATALOGUE, given or suite(), Flags(**flags))


def the_cell(given: Suite | None = None, **flags: Any) -> Cell:
    (cell,) = the_plan(given, **flags)
    return cell


def names(cells: list[Cell]) -> set[tuple[str, str]]:
    return {(cell.task, cell.architecture) for cell in cells}


@pytest.mark.parametrize("name", suite_names())
def test_every_shipped_suite_plans(name: str) -> None:
    given = read_suite(name)
    cells = plan(CATALOGUE, given)
    asked = [given.seeds if grid.seeds is None else grid.seeds for grid in given.grid]
    seeds = {seed for some in asked for seed in (range(some) if isinstance(some, int) else some)}
    assert {cell.seed for cell in cells} == seeds
    assert len({cell.id for cell in cells}) == len(cells)
    assert all(re.fullmatch("[0-9a-f]{16}", cell.id) for cell in cells)
    assert not [cell for cell in cells if cell.skip]


def test_seeds_are_innermost_and_the_order_is_the_suites() -> None:
    cells = the_plan(suite(["digits", "adding"], ["mlp", "lstm"], seeds=2))
    pairs = [(cell.task, cell.architecture, cell.seed) for cell in cells]
    assert pairs == [(t, a, s) for t in ("digits", "adding") for a in ("mlp", "lstm") for s in (0, 1)]


@pytest.mark.parametrize(
    ("given", "flag", "seeds"),
    [
        (1, None, [0]),
        (3, None, [0, 1, 2]),
        ([5, 2], None, [5, 2]),
        (3, [7], [7]),
        (3, range(2), [0, 1]),
        (1, [4, 4], [4]),
    ],
)
def test_seeds_are_a_number_or_a_list_and_the_flag_goes_first(given: Any, flag: Any, seeds: list[int]) -> None:
    assert [cell.seed for cell in the_plan(suite(seeds=given), seeds=flag)] == seeds


@pytest.mark.parametrize(
    ("given", "flag", "message"),
    [
        (0, None, "seeds: expected an integer >= 1 and <= 10000, received 0"),
        (-1, None, "seeds: expected an integer >= 1"),
        (10**9, None, "seeds: expected an integer >= 1 and <= 10000"),
        ([], None, "seeds: expected at least one integer >= 0, received an empty list"),
        ([-1], None, "seeds: expected an integer >= 0 and <= 4294967295, received -1"),
        ([2**32], None, "seeds: expected an integer >= 0 and <= 4294967295, received 4294967296"),
        (1, [], "--seed: expected at least one integer"),
        (1, [-1], "--seed: expected an integer >= 0"),
    ],
)
def test_impossible_seeds_are_refused(given: Any, flag: Any, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
        the_plan(suite(seeds=given), seeds=flag)


def test_a_task_trains_under_its_own_conditions_where_nothing_else_is_said() -> None:
    assert the_cell().training == CATALOGUE.task("adding").value.training


def test_flags_go_before_grids_before_the_suite_before_the_task() -> None:
    given = suite(training={"lr": 0.1, "batch_size": 8, "steps": 9}, grid_training={"batch_size": 4, "steps": 7})
    training = the_cell(given, training={"steps": "5"}).training
    own = CATALOGUE.task("adding").value.training
    assert (training.lr, training.batch_size, training.steps, training.clip) == (0.1, 4, 5, own.clip)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (({"epochs": 2}, {}, {}), (None, 2)),
        (({"epochs": 2}, {"steps": 5}, {}), (5, None)),
        (({"steps": 5}, {"epochs": 2}, {}), (None, 2)),
        (({"steps": 5}, {"epochs": 2}, {"steps": 3}), (3, None)),
        (({"epochs": 5}, {"steps": 2}, {"epochs": 3}), (None, 3)),
        (({"epochs": 5}, {"lr": 0.1}, {"lr": 0.2}), (None, 5)),
    ],
)
def test_giving_steps_takes_epochs_back_and_the_other_way_round(layers: Any, expected: Any) -> None:
    given = suite(["digits"], ["mlp"], training=layers[0], grid_training=layers[1])
    training = the_cell(given, training=layers[2]).training
    assert (training.steps, training.epochs) == expected


def test_steps_and_epochs_in_one_place_are_refused() -> None:
    with pytest.raises(UsageError, match="steps and epochs: expected one of them, received both"):
        the_plan(training={"steps": 5, "epochs": 2})


def test_epochs_of_a_task_that_draws_need_a_size() -> None:
    with pytest.raises(UsageError, match="epochs: adding draws fresh samples at every step; give --steps or --train"):
        the_plan(training={"epochs": 2})
    assert the_cell(training={"epochs": 2, "train_size": 100}).training.epochs == 2


def test_a_step_to_probe_is_one_of_a_task_with_a_loss_a_step() -> None:
    assert the_cell(tasks=["copy"], training={"probe_at": 3}).training.probe_at == 3
    with pytest.raises(UsageError, match="probe_at: adding has one loss, of its one answer; choose tasks"):
        the_plan(training={"probe_at": 3})
    with pytest.raises(UsageError, match="probe_at and probe_every: expected a step only where there is a probe"):
        the_plan(tasks=["copy"], training={"probe_at": 3, "probe_every": 0})
    with pytest.raises(UsageError, match="probe_at: expected a step of copy, 0 to 119, received 120"):
        the_plan(tasks=["copy"], training={"probe_at": 120})


@pytest.mark.parametrize("off", ["none", None])
def test_clipping_can_be_switched_off(off: Any) -> None:
    assert the_cell(training={"clip": off}).training.clip is None


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("steps", -1, "steps: expected an integer >= 1 and <= 1000000000, received -1"),
        ("steps", 10**12, "steps: expected an integer >= 1"),
        ("steps", 1.5, "steps: expected an integer"),
        ("steps", True, "steps: expected an integer"),
        ("lr", "nan", "lr: expected a number >= 1e-09 and <= 1000, received 'nan'"),
        ("lr", float("nan"), "lr: expected a number"),
        ("lr", 0, "lr: expected a number"),
        ("lr", 10**400, "lr: expected a number"),
        ("lr", "none", "lr: expected a number"),
        ("clip", -1, "clip: expected a number"),
        ("optimizer", "adm", "optimizer: expected one of adam, adamw"),
        ("optimizer", 3, "optimizer: expected one of adam"),
        ("stop_solved", 1, "stop_solved: expected true or false"),
        ("train_size", 0, "train_size: expected an integer >= 1"),
        ("stepz", 3, "unknown training setting 'stepz'; did you mean steps"),
    ],
)
def test_an_impossible_condition_is_refused_wherever_it_is_given(key: str, value: Any, message: str) -> None:
    for given in (suite(training={key: value}), suite(grid_training={key: value})):
        with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
            the_plan(given)
    with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
        the_plan(training={key: value})


def test_units_and_params_override_one_another_only_from_further_up() -> None:
    assert the_cell(suite(units=5)).architecture_settings["units"] == 5
    assert the_cell(suite(units=5), units=6).architecture_settings["units"] == 6
    matched = the_cell(suite(units=5), params=1000)
    assert (matched.params, "units" in matched.architecture_settings) == (1000, False)
    widened = the_cell(suite(params=1000), units=6)
    assert (widened.params, widened.architecture_settings["units"]) == (None, 6)


def test_the_units_of_one_arm_go_before_those_of_the_suite_and_behind_the_flag() -> None:
    given = suite(architectures=[{"name": "lstm", "units": 3}, "gru"], units=5)
    assert [cell.architecture_settings["units"] for cell in the_plan(given)] == [3, 5]
    assert [cell.architecture_settings["units"] for cell in the_plan(given, units=7)] == [7, 7]
    assert [cell.architecture_settings["units"] for cell in the_plan(given, units=7, settings=["gru.units=9"])] == [
        7,
        9,
    ]


@pytest.mark.parametrize(
    ("fields", "flags", "message"),
    [
        ({"units": 0}, {}, "units: expected an integer >= 1 and <= 100000, received 0"),
        ({"units": -5}, {}, "units: expected an integer >= 1"),
        ({"units": 10**9}, {}, "units: expected an integer >= 1 and <= 100000, received 1000000000"),
        ({"params": 10}, {}, "params: expected an integer >= 100 and <= 10000000000, received 10"),
        ({"threads": 0}, {}, "threads: expected an integer >= 1 and <= 1024, received 0"),
        ({"threads": 10**6}, {}, "threads: expected an integer >= 1"),
        ({"backend": "jaxx"}, {}, "backend: expected one of jax, tensorflow, torch, received 'jaxx'"),
        ({"units": 5, "params": 1000}, {}, "units and params: expected one of them, received both"),
        ({}, {"units": 5, "params": 1000}, "--units and --params: expected one of them, received both"),
        ({}, {"units": 0}, "--units: expected an integer >= 1"),
        ({}, {"params": 10}, "--params: expected an integer >= 100"),
        ({}, {"params": 1000, "settings": ["lstm.units=5"]}, "params and --set lstm.units: expected one of them"),
    ],
)
def test_an_impossible_cell_is_refused(fields: dict[str, Any], flags: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
        the_plan(suite(**fields), **flags)


TWO = {
    "summary": "two grids",
    "grid": [
        {"tasks": ["digits"], "architectures": ["mlp", "cnn"]},
        {"tasks": [{"name": "adding", "length": 20}], "architectures": ["lstm", "gru"]},
    ],
}


@pytest.mark.parametrize(
    ("tasks", "architectures", "pairs"),
    [
        ([], [], {("digits", "mlp"), ("digits", "cnn"), ("adding", "lstm"), ("adding", "gru")}),
        (["adding"], [], {("adding", "lstm"), ("adding", "gru")}),
        ([], ["mlp"], {("digits", "mlp")}),
        (["adding"], ["gru"], {("adding", "gru")}),
        ([], ["rnn"], {("digits", "rnn"), ("adding", "rnn")}),
        ([], ["mlp", "rnn"], {("digits", "mlp"), ("digits", "rnn"), ("adding", "rnn")}),
        (["copy"], [], {("copy", "mlp"), ("copy", "cnn"), ("copy", "lstm"), ("copy", "gru")}),
        (["adding"], ["tcn"], {("adding", "tcn")}),
    ],
)
def test_names_of_the_suite_are_selected_and_others_are_added(tasks: Any, architectures: Any, pairs: Any) -> None:
    cells = the_plan(Suite.model_validate(TWO), tasks=tasks, architectures=architectures)
    assert names(cells) == pairs
    assert {cell.task_settings["length"] for cell in cells if cell.task == "adding"} <= {20}


def test_a_selection_that_no_grid_holds_is_refused() -> None:
    with pytest.raises(UsageError, match="the suite has no grid that holds all of digits, lstm; leave out the suite"):
        the_plan(Suite.model_validate(TWO), tasks=["digits"], architectures=["lstm"])


def test_settings_of_tasks_and_arms_are_overridden_by_name() -> None:
    cell = the_cell(
        suite([{"name": "adding", "length": 20, "test_size": 30}]),
        settings=["adding.length=7", "adding.length=9", "lstm.layers=2"],
    )
    assert (cell.task_settings["length"], cell.task_settings["test_size"]) == (9, 30)
    assert cell.architecture_settings["layers"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adding.length=abc", "adding.length: expected an integer >= 2 and <= 100000, received 'abc'"),
        ("adding.length=1", "adding.length: expected an integer >= 2 and <= 100000, received '1'"),
        ("adding.length=", "adding.length: expected an integer >= 2 and <= 100000, received ''"),
        ("adding.length=5=6", "adding.length: expected an integer >= 2 and <= 100000, received '5=6'"),
        ("adding.lenth=5", "unknown setting 'adding.lenth'; did you mean adding.length"),
        ("addin.length=5", "unknown task or architecture 'addin'; did you mean adding"),
        ("lstm.units=0", "lstm.units: expected an integer >= 1, received '0'"),
        ("lstm.dropout=nan", "lstm.dropout: expected a number >= 0 and <= 0.95, received 'nan'"),
        ("digits.view=row", "digits.view: expected one of image, rows, pixels, received 'row'"),
        ("", "--set: expected TASK.KEY=VALUE or ARCH.KEY=VALUE, received ''"),
        ("=", "--set: expected TASK.KEY=VALUE"),
        ("adding", "--set: expected TASK.KEY=VALUE"),
        ("length=5", "--set: expected TASK.KEY=VALUE"),
        (".length=5", "--set: expected TASK.KEY=VALUE"),
        ("adding.=5", "--set: expected TASK.KEY=VALUE"),
        ("a\nb", "--set: expected TASK.KEY=VALUE or ARCH.KEY=VALUE, received 'a\\nb'"),
        ("copy.length=5", "--set copy: expected a name of the plan's cells"),
    ],
)
def test_a_wrong_setting_is_refused_with_key_expected_and_received(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
        the_plan(settings=[text])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (suite(tasks=["addin"]), "unknown task 'addin'; did you mean adding"),
        (suite(architectures=["lsmt"]), "unknown architecture 'lsmt'; did you mean lstm"),
        (suite(tasks=["lstm"]), "unknown task 'lstm'"),
        (suite(tasks=[""]), "unknown task ''"),
        (suite(tasks=[{"name": "adding", "lenght": 5}]), "unknown setting 'adding.lenght'; did you mean adding.length"),
        (
            suite(tasks=[{"name": "adding", "length": "x"}]),
            "adding.length: expected an integer >= 2 and",
        ),
        (
            suite(tasks=[{"name": "adding", "length": [5]}]),
            "adding.length: expected an integer >= 2 and <= 100000, received [5]",
        ),
        (suite(architectures=[{"name": "lstm", "unit": 5}]), "unknown setting 'lstm.unit'; did you mean lstm.units"),
    ],
)
def test_an_unknown_name_in_a_suite_is_answered_with_the_nearest(given: Suite, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
        the_plan(given)


def test_a_pair_that_does_not_fit_is_planned_with_the_reason() -> None:
    cell = the_cell(suite(architectures=["cnn"]))
    assert cell.skip == "reads image, the task gives sequence (100, 2)"


def test_the_same_cell_is_planned_once() -> None:
    given = Suite.model_validate({"summary": "", "grid": [TWO["grid"][0], TWO["grid"][0]]})
    assert len(the_plan(given)) == 2
    assert len(the_plan(suite(["adding", {"name": "adding", "length": 100}, "adding"]))) == 1


CHANGES: dict[str, dict[str, Any]] = {
    "seed": {"seeds": [1]},
    "a task setting": {"settings": ["adding.length=99"]},
    "an arm's setting": {"settings": ["lstm.layers=2"]},
    "units": {"units": 63},
    "params": {"params": 1000},
    "other params": {"params": 1001},
    "threads": {"threads": 2},
    **{
        key: {"training": {key: value}}
        for key, value in {
            "steps": 2999,
            "batch_size": 63,
            "optimizer": "sgd",
            "lr": 0.004,
            "clip": "none",
            "evaluations": 19,
            "stop_solved": True,
            "train_size": 100,
        }.items()
    },
}


def test_the_id_differs_wherever_something_that_decides_the_numbers_does() -> None:
    cells = [the_cell(), *(the_cell(**change) for change in CHANGES.values())]
    cells += [
        the_cell(suite(["copy"])),
        the_cell(suite(architectures=["gru"])),
        the_cell(training={"epochs": 3, "train_size": 100}),
    ]
    assert len({cell.id for cell in cells}) == len(cells)
    assert len({cell.group for cell in cells}) == len(cells) - 1  # the one that differs in seed only


@pytest.mark.parametrize("key", ["backend", "sources"])
def test_the_id_depends_on_backend_and_sources(key: str) -> None:
    cell = the_cell()
    other = replace(cell, **{key: "jax" if key == "backend" else {**cell.sources, "keras": "0.0"}})
    assert other.id != cell.id
    assert other.group != cell.group


def test_the_id_does_not_depend_on_the_reason_of_a_skip() -> None:
    cell = the_cell()
    assert replace(cell, skip="another reason").id == cell.id
    assert "skip" not in cell.identity


def test_a_group_is_the_cells_that_differ_in_seed_only() -> None:
    cells = the_plan(suite(["adding", "copy"], ["lstm", "gru"], seeds=3))
    assert len({cell.group for cell in cells}) == 4
    for cell in cells:
        assert {other.seed for other in cells if other.group == cell.group} == {0, 1, 2}


def test_a_program_is_the_cells_that_differ_in_seed_and_initial_weights_alone() -> None:
    arms = ["rnn", "rnn-uniform", "irnn", "gru", "gru-chrono", "lstm", "lstm-b0", "lstm-chrono", "bilstm", "mlp", "tcn"]
    cells = the_plan(suite(["adding"], arms, seeds=2))
    programs: dict[str, set[str]] = {}
    for cell in cells:
        programs.setdefault(cell.program, set()).add(cell.architecture)
    shared = [{"rnn", "rnn-uniform"}, {"gru", "gru-chrono"}, {"lstm", "lstm-b0", "lstm-chrono"}]
    alone = [{"irnn"}, {"bilstm"}, {"mlp"}, {"tcn"}]
    assert sorted(map(sorted, programs.values())) == sorted(map(sorted, [*shared, *alone]))
    assert len({cell.group for cell in cells}) == len(arms)


LONG = np.zeros(2000)
OTHER = np.where(np.arange(2000) == 1000, 1.0, 0.0)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("rnn", "".join(["r", "nn"]), True),
        ((8, 0.5, None), (8, float("0.5"), None), True),
        (LONG, LONG, True),
        (LONG, OTHER, False),
        ([LONG], [OTHER], False),
        ((8, 8), [8, 8], False),
        (1, True, False),
        ("1", 1, False),
    ],
    ids=["text", "plain values", "one array", "arrays", "lists of them", "tuple and list", "number and flag", "digit"],
)
def test_arms_of_unlike_fixed_arguments_share_no_program(one: Any, other: Any, equal: bool) -> None:
    assert repr(LONG) == repr(OTHER)
    arm = Architecture("made up", print, reads("sequence"), "none", fixed={"arm": one}, initial=frozenset({"start"}))
    cell = the_cell()
    assert (program_id(cell, arm) == program_id(cell, replace(arm, fixed={"arm": other}))) is equal


def test_cells_of_other_conditions_are_another_program() -> None:
    cells = [the_cell(suite(architectures=["lstm-b0"])), *(the_cell(**change) for change in CHANGES.values())]
    one = the_cell(suite(architectures=["lstm"]))
    assert [cell.program == one.program for cell in cells] == [
        True, *(cell.group == the_cell().group for cell in cells[1:])
    ]  # fmt: skip


def test_the_program_is_no_part_of_the_identity() -> None:
    cell = the_cell()
    assert "program" not in cell.identity
    assert replace(cell, program="other") == cell


def test_the_id_does_not_depend_on_the_order_in_which_things_are_given() -> None:
    one = the_cell(suite([{"name": "adding", "length": 20, "test_size": 5}]), training={"lr": 0.1, "steps": 3})
    other = the_cell(suite([{"name": "adding", "test_size": 5, "length": 20}]), training={"steps": 3, "lr": 0.1})
    assert one.id == other.id
    turned = replace(
        one, task_settings=dict(reversed(one.task_settings.items())), sources=dict(reversed(one.sources.items()))
    )
    assert turned.id == one.id
    assert json.loads(json.dumps(one.identity)) == one.identity


def test_a_value_given_as_text_or_number_is_the_same_cell() -> None:
    assert the_cell(training={"lr": "1e-1"}).id == the_cell(training={"lr": 0.1}).id
    assert the_cell(training={"clip": 1}).id == the_cell(training={"clip": "1.0"}).id == the_cell().id


def test_ids_are_the_same_in_another_process_which_needs_no_framework() -> None:
    code = (
        "import sys\nfrom bench.catalogue import discover\n"
        "from bench.plan import plan\nfrom bench.suite import read_suite\n"
        "print([cell.id for cell in plan(discover(), read_suite('quick'))])\n"
        "print({'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules))"
    )
    environment = {"PYTHONHASHSEED": "4711", "PYTHONPATH": ":".join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    ids, loaded = done.stdout.splitlines()
    assert ids == str([cell.id for cell in plan(CATALOGUE, read_suite("quick"))])
    assert loaded == "set()"


def test_the_id_depends_on_the_content_of_the_definitions_and_not_on_where_they_lie(plugin: Plugin) -> None:
    def the_id(folder: str, declared: str) -> str:
        catalogue = discover([plugin("mine.py", declared, folder=folder)])
        (cell,) = plan(catalogue, adhoc_suite(["mine"], ["lstm"]))
        return cell.id

    assert the_id("one", "TASK = task()") == the_id("two", "TASK = task()")
    assert the_id("three", "TASK = task()  # changed") != the_id("one", "TASK = task()")


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("lambda **_: (4, 2)", "mine.py: TypeError: spec(): expected an InputSpec, received tuple"),
        ("lambda **_: None", "expected an InputSpec, received NoneType"),
        ("lambda **_: 1 / 0", "mine.py:31: ZeroDivisionError: division by zero"),
        ("lambda **_: InputSpec('sequence', (4,), 2)", "ValueError: invalid shape for sequence"),
        ("lambda: 3", "TypeError: <lambda>() got an unexpected keyword"),
    ],
)
def test_a_plug_in_whose_spec_is_wrong_is_one_line(plugin: Plugin, declared: str, message: str) -> None:
    path = plugin("mine.py", f"import dataclasses\nTASK = dataclasses.replace(task(), spec={declared})")
    with pytest.raises(PluginError, match=re.escape(message)) as caught:
        plan(discover([path]), adhoc_suite(["mine"], ["lstm"]))
    assert str(path) in str(caught.value)


def test_a_blank_record_says_what_is_known_before_a_cell_runs() -> None:
    cell = the_cell()
    record = blank(cell, CATALOGUE.task("adding").value, status="failed", reason="a reason")
    assert (record.cell_id, record.identity) == (cell.id, cell.identity)
    assert (record.status, record.reason, record.metric, record.higher_is_better) == (
        "failed",
        "a reason",
        "mse",
        False,
    )
    assert record.chance == pytest.approx(1 / 6)
    assert record.training == cell.training


def broken_catalogue() -> Catalogue:
    catalogue = discover()
    catalogue.broken["mine"] = PluginError("mine.py:3: broken")
    return catalogue


def test_a_broken_name_is_left_out_and_the_others_run_on() -> None:
    asked = Flags(tasks=["mine", "adding"], architectures=["lstm"])
    _, flags, errors = without_broken(broken_catalogue(), adhoc_suite(["mine", "adding"], ["lstm"]), asked)
    assert (flags.tasks, flags.architectures) == (["adding"], ["lstm"])
    assert [str(error) for error in errors] == ["mine.py:3: broken"]


@pytest.mark.parametrize("flags", [Flags(tasks=["mine"]), Flags(tasks=["adding"], architectures=["mine"])])
def test_where_nothing_but_a_broken_name_was_asked_for_its_error_is_raised(flags: Flags) -> None:
    with pytest.raises(PluginError, match=r"mine\.py:3: broken"):
        without_broken(broken_catalogue(), read_suite("quick"), flags)


def test_without_broken_names_nothing_changes() -> None:
    suite, flags, errors = without_broken(broken_catalogue(), read_suite("quick"), Flags())
    assert suite == read_suite("quick")
    assert (list(flags.tasks), errors) == ([], [])


def test_a_broken_name_in_a_suite_file_is_left_out_and_the_others_run_on() -> None:
    given = adhoc_suite(["mine", "adding"], ["lstm"])
    suite, _, errors = without_broken(broken_catalogue(), given, Flags())
    assert suite.grid[0].tasks == ["adding"]
    assert len(errors) == 1


def test_a_plug_in_of_a_built_ins_name_leaves_the_built_in_usable() -> None:
    catalogue = discover()
    catalogue.broken["adding"] = PluginError("adding.py: the name 'adding' is taken")
    given = adhoc_suite(["adding"], ["lstm"])
    suite, flags, errors = without_broken(catalogue, given, Flags(tasks=["adding"]))
    assert (suite, list(flags.tasks), errors) == (given, ["adding"], [])


@pytest.mark.parametrize(("flags", "word"), [(Flags(units=7), "units"), (Flags(params=5000), "params")])
def test_a_width_for_an_arm_without_units_is_refused(plugin: Plugin, flags: Flags, word: str) -> None:
    text = "from bench.architecture import Architecture, reads\n"
    path = plugin("stiff.py", text + "ARCHITECTURE = Architecture('', lambda spec: None, reads('sequence'), '')")
    with pytest.raises(UsageError, match=f"{word}: architecture stiff has no setting units"):
        plan(discover([path]), adhoc_suite(["adding"], ["stiff"]), flags)


def test_params_and_an_arms_own_units_in_a_suite_are_refused_together() -> None:
    given = suite(architectures=[{"name": "lstm", "units": 32}]).model_copy(update={"params": 5000})
    with pytest.raises(UsageError, match=r"params and lstm\.units: expected one of them, received both"):
        plan(discover(), given)


def test_a_grids_own_seeds_come_before_the_suites_and_flags_before_both() -> None:
    given = suite().model_copy(update={"seeds": 2})
    own = given.model_copy(update={"grid": [given.grid[0].model_copy(update={"seeds": [4, 7]})]})
    assert {cell.seed for cell in plan(discover(), given)} == {0, 1}
    assert {cell.seed for cell in plan(discover(), own)} == {4, 7}
    assert {cell.seed for cell in plan(discover(), own, Flags(seeds=[9]))} == {9}

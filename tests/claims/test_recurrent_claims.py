"""The claims on recurrence, on made-up records: every verdict they can give."""

import math

import numpy as np
import pytest
from evidence import cells, flow, jitter, record, verdict

from bench.ladder import ladders

RECURRENT = ["vanishing-gradients", "lstm-fixes", "conveyor-belt", "gates-control", "hidden-state", "right-tool"]


def rank(cell):
    """0 for the shortest length of the cell's task, 1, 2, ..."""
    same = sorted(
        {c.task_settings["length"] for c in cells("right-tool") if c.task == cell.task and "length" in c.task_settings}
    )
    return same.index(cell.task_settings["length"])


def top(cell):
    return max(rank(c) for c in cells("lstm-fixes") if c.task == cell.task)


@pytest.mark.parametrize("claim", RECURRENT)
def test_missing_seeds_and_cells_are_unclear_and_say_what_to_run(claim):
    few = verdict(claim, record, keep=lambda cell: cell.seed % 5 < 3)
    gone = verdict(claim, record, keep=lambda cell: cell.architecture != "lstm" and cell.architecture != "rnn")
    for found in (few, gone):
        assert found.outcome == "unclear"
        assert found.missing
        assert all(gap.command.startswith(f"archbench run {gap.suite} --arch ") for gap in found.missing)
        assert "Missing: " in found.sentence
    left = {"vanishing": "seeds 8, 9", "claims-images": "seeds 3, 4"}
    assert all(line.endswith(left[gap.suite]) for gap in few.missing for line in gap.which)
    nothing = verdict(claim, lambda cell: None)
    assert nothing.outcome == "unclear"
    assert all(gap.cells == gap.of for gap in nothing.missing)


@pytest.mark.parametrize("claim", RECURRENT)
def test_where_all_cells_diverged_nothing_breaks_and_nothing_is_supported(claim):
    found = verdict(claim, lambda cell: record(cell, status="diverged", reason="x"))
    assert found.outcome in ("unclear", "refuted", "partly")
    assert "did not end ok" in found.sentence


@pytest.mark.parametrize("status", ["failed", "timeout", "out-of-memory"])
@pytest.mark.parametrize("claim", RECURRENT)
def test_what_a_machine_failed_at_says_nothing_of_an_architecture(claim, status):
    found = verdict(claim, lambda cell: record(cell, status=status, reason="x"))
    assert found.outcome == "unclear"
    assert all(gap.cells == gap.of for gap in found.missing)


# lstm-fixes


def reaching(lengths):
    """Records in which an arm solves so many of its task's lengths; of copy, where few are asked for longer ones,
    the shortest where it solves more than the other arm."""

    def make(cell):
        own = lengths[cell.architecture]
        ahead = own > min(lengths.values())
        return record(cell, solved=ahead and rank(cell) == 0 if cell.task == "copy" else rank(cell) < own)

    return make


@pytest.mark.parametrize(
    ("lengths", "outcome"),
    [
        ({"lstm": 3, "rnn": 1}, "supported"),
        ({"lstm": 1, "rnn": 0}, "supported"),
        ({"lstm": 1, "rnn": 1}, "unclear"),  # what lies between two lengths was not tried
        ({"lstm": 1, "rnn": 3}, "refuted"),
        ({"lstm": 9, "rnn": 9}, "unclear"),  # the ladder ends before either arm does
        ({"lstm": 0, "rnn": 0}, "unclear"),
    ],
)
def test_the_ratio_of_longest_lengths_decides(lengths, outcome):
    assert verdict("lstm-fixes", reaching(lengths)).outcome == outcome


def test_a_ratio_above_one_on_some_tasks_alone_is_partly():
    found = verdict(
        "lstm-fixes",
        lambda cell: record(
            cell, solved=rank(cell) < (2 if cell.architecture == "lstm" and cell.task == "adding" else 1)
        ),
    )
    assert found.outcome == "unclear"
    found = verdict(
        "lstm-fixes",
        lambda cell: record(
            cell, solved=rank(cell) < (2 if (cell.architecture == "lstm") == (cell.task == "adding") else 1)
        ),
    )
    assert found.outcome == "partly"


def test_where_the_lstm_fails_too_is_told():
    assert "lstm fails from" in verdict("lstm-fixes", reaching({"lstm": 2, "rnn": 1})).sentence
    assert "at which lstm fails" in verdict("lstm-fixes", reaching({"lstm": 9, "rnn": 1})).sentence


def test_a_seed_that_solves_nothing_costs_its_rank_and_not_the_answer():
    def make(cell):
        return record(cell, solved=cell.architecture == "lstm" and rank(cell) < 2 and cell.seed % 5 != 3)

    found = verdict("lstm-fixes", make)
    assert found.outcome == "supported"
    assert "not measured" not in found.sentence
    assert "undefined" in verdict("lstm-fixes", record).sentence  # neither solves anything


def test_seeds_that_diverge_are_unsolved_and_widen_the_interval():
    def make(cell):
        if cell.architecture == "lstm" and cell.seed % 5 < 3:
            return record(cell, status="diverged", reason="NaN")
        return reaching({"lstm": 2, "rnn": 1})(cell)

    found = verdict("lstm-fixes", make)
    assert found.outcome in ("unclear", "refuted", "partly")
    assert "did not end ok" in found.sentence


# vanishing-gradients

REACH = {
    name: reach
    for reach, name in enumerate(
        ["rnn-uniform", "lstm-b0", "lstm", "rnn", "gru", "irnn", "lstm-1997", "gru-chrono", "lstm-chrono"], start=1
    )
}
"""Made-up order of half-lives, in the sense of the textbook within every pair."""


def vanishing(reach, solves, end=None):
    """Records with half-lives in the order of `reach`, where an arm solves `solves(reach)` lengths of its task."""

    def make(cell):
        init, last = reach[cell.architecture], (end or reach)[cell.architecture]
        moments = {"init": flow(1.0 + init + jitter(cell)), "end": flow(0.1, c=1.0 + last + jitter(cell))}
        return record(cell, solved=rank(cell) < solves(cell), gradient=moments)

    return make


def length_by_reach(cell):
    if cell.task == "copy":  # three lengths: fewer ties let seven arms tell
        return (REACH[cell.architecture] - 2) // 2
    plain = {"rnn-uniform": 1, "rnn": 2}
    return plain.get(cell.architecture, min(1 + REACH[cell.architecture] // 3, 4))


def order(**reach):
    return {**REACH, **reach}


def test_reach_that_tells_length_and_is_changed_by_the_start_supports():
    found = verdict("vanishing-gradients", vanishing(REACH, length_by_reach))
    assert found.outcome == "supported", found
    assert "in favour of the longer half-life" in found.sentence


def test_reach_at_init_that_tells_nothing_is_partly():
    turned = {name: 10 - reach for name, reach in REACH.items()}
    assert verdict("vanishing-gradients", vanishing(turned, length_by_reach, end=REACH)).outcome == "partly"


def test_no_fall_and_no_difference_refute():
    assert verdict("vanishing-gradients", vanishing(REACH, lambda cell: 9)).outcome == "refuted"


def test_an_order_that_nine_arms_cannot_rule_out_is_open_and_one_that_they_can_fails():
    shuffled = dict(zip(REACH, (5, 1, 8, 2, 9, 3, 7, 4, 6), strict=True))
    turned = {name: 10 - reach for name, reach in REACH.items()}
    for reach, passes in ((shuffled, None), (turned, False)):
        found = verdict("vanishing-gradients", vanishing(reach, lambda cell: min(REACH[cell.architecture] // 2, 4)))
        told = [number for number in found.numbers if number.what.startswith("adding: rho")]
        assert [number.passes for number in told] == [passes, passes]


def test_half_lives_cannot_fail_to_tell_lengths_that_hardly_differ():
    found = verdict("vanishing-gradients", vanishing(REACH, lambda cell: 1 + (cell.architecture == "rnn")))
    told = [number for number in found.numbers if "rho" in number.what]
    assert told
    assert all(number.criterion is None for number in told)


def test_where_nothing_is_solved_nothing_is_told():
    found = verdict("vanishing-gradients", vanishing(REACH, lambda cell: 0))
    assert found.outcome != "supported"
    numbers = [number for number in found.numbers if "rho" in number.what]
    assert all(math.isnan(number.value) and number.passes is None for number in numbers)


def test_half_lives_that_were_not_fitted_are_those_of_the_arms_other_seeds():
    def make(cell):
        made = vanishing(REACH, length_by_reach)(cell)
        lost = {"init": flow(math.nan), "end": flow(math.nan)}
        return made.model_copy(update={"gradient": lost}) if cell.seed % 5 == 4 else made

    assert verdict("vanishing-gradients", make).outcome == "supported"


def test_the_half_life_is_that_of_the_state_that_carries_longest():
    from bench.claims.vanishing_gradients import half_life

    cell = cells("lstm-fixes")[0]
    (ladder,) = ladders([record(cell, gradient={"init": flow(3.0, c=math.inf), "end": flow(3.0, c=2.0)})])
    assert (half_life(ladder, cell.seed, "init"), half_life(ladder, cell.seed, "end")) == (math.inf, 3.0)
    assert math.isnan(half_life(ladder, cell.seed + 1, "end"))


def test_arms_that_differ_at_one_length_alone_differ():
    """Pooled over all lengths 30 of 55 against 15 of 55 would be a smaller difference."""

    def solves(cell):
        return {"gru": 1, "gru-chrono": 2}.get(cell.architecture, 1)

    found = verdict("vanishing-gradients", vanishing(REACH, solves))
    (pair,) = (number for number in found.numbers if number.what.startswith("gru-chrono and gru:"))
    assert "gru-chrono and gru;" in next(
        number.what for number in found.numbers if "initialisation alone" in number.what
    )
    assert "15/15 and 0/15 at the 3 lengths that not all or none solve" in pair.what
    assert pair.value == 1


def test_a_half_life_that_is_not_known_speaks_neither_for_nor_against():
    def make(cell):
        made = vanishing(REACH, lambda c: {"gru": 1, "gru-chrono": 3}.get(c.architecture, 1))(cell)
        gone = {"init": flow(math.nan), "end": flow(1.0)}
        return made.model_copy(update={"gradient": gone}) if cell.architecture == "gru-chrono" else made

    found = verdict("vanishing-gradients", make)
    (number,) = (number for number in found.numbers if "initialisation alone" in number.what)
    assert number.value == 1
    assert number.passes is None


# conveyor-belt


def belt(carrying=0.99, ratio=0.5, broken=1.0, *, solved=True, noise=0.01):
    def make(cell):
        gates = {"forget": {"carrying": carrying + noise * jitter(cell)}}
        moments = {"init": flow(forget={"carrying": 0.73}), "end": flow(forget=gates["forget"])}
        chance = record(cell).chance
        best = record(cell, solved=True).value
        changed = {"none": best, "forget-half": best + broken * (chance - best)}
        return record(cell, solved=solved, gradient=moments, interventions=changed)

    def curves(made):
        profile = np.zeros((2, 20, 4))
        profile[0, -1], profile[1, -1], profile[:, 0] = -5, math.log10(ratio), -38
        return {"profile_c": profile}

    return make, curves


@pytest.mark.parametrize("claim", ["conveyor-belt", "gates-control"])
def test_the_longest_solved_length_of_an_arm_stands_for_it(claim):
    """Shorter ones, whose gates may do as they please, are not asked; nor are other arms."""
    make, curves = belt(carrying=0.99) if claim == "conveyor-belt" else (gated(), lambda made: {})
    low = belt(carrying=0.1)[0] if claim == "conveyor-belt" else gated(auc=0.1)

    def mixed(cell):
        longest = rank(cell) == 1 or cell.task == "copy"  # of copy one length alone is asked
        made = (make if longest and cell.architecture in ("lstm", "gru") else low)(cell)
        return made.model_copy(update={"solved": rank(cell) <= 1})

    found = verdict(claim, mixed, curves)
    assert found.outcome == "supported"
    assert found.numbers[0].value == pytest.approx(0.99, abs=1e-3)


def test_a_gradient_that_grows_is_not_unchanged():
    assert verdict("conveyor-belt", *belt(ratio=1e4)).outcome == "partly"


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({}, "supported"),
        ({"carrying": 0.8}, "partly"),
        ({"ratio": 0.01}, "partly"),
        ({"broken": 0.2}, "partly"),
        ({"carrying": 0.8, "ratio": 0.01, "broken": 0.2}, "refuted"),
        ({"carrying": 0.95, "noise": 5}, "unclear"),
        ({"solved": False}, "unclear"),
    ],
)
def test_the_belt_is_judged_on_solved_cells(given, outcome):
    found = verdict("conveyor-belt", *belt(**given))
    assert found.outcome == outcome
    if not given:
        assert "lstm at init 0.73 [0.73, 0.73], -5 [-5, -5]; lstm-b0 at init 0.73" in found.sentence


# gates-control


def gated(auc=0.99, lost=0.8, *, solved=True):
    def make(cell):
        chance, best = record(cell).chance, record(cell, solved=True).value
        cut = best + lost * (chance - best)
        changed = {"none": best, **{f"{gate}-mean": cut for gate in ("input", "forget", "update")}}
        moments = {
            "init": flow(input={"auc_carrying": 0.6, "auc_best": 1}),
            "end": flow(input={"auc_carrying": auc, "auc_best": 1}),
        }
        return record(cell, solved=solved, gradient=moments, interventions=changed)

    return make


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({}, "supported"),
        ({"auc": 0.6}, "partly"),
        ({"lost": 0.0}, "partly"),
        ({"auc": 0.6, "lost": 0.0}, "refuted"),
        ({"solved": False}, "unclear"),
    ],
)
def test_gates_are_judged_by_cues_and_by_ablation(given, outcome):
    assert verdict("gates-control", gated(**given)).outcome == outcome


# hidden-state

REST = {"adding": 1 / 12, "temporal-order": 0.5}


def remembering(end=0.9, init=0.1, far=0.8, forgotten=1.0, *, solved=2):
    """Cells that solve so many lengths, with the R^2 at these and, `far`, at the others."""

    def make(cell):
        best = record(cell, solved=True).value
        floor = REST.get(cell.task, record(cell).chance)
        changed = {"none": best, "reset-half": best + forgotten * (floor - best)}
        return record(cell, solved=rank(cell) < solved, interventions=changed)

    def curves(made):
        last = (end if made.solved else far) + 0.001 * (made.seed % 5)
        return {"memory_cues": np.array([[init, math.nan], [last, math.nan]])}  # no sequence has a second cue

    return make, curves


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({}, "supported"),
        ({"end": 0.05, "far": 0.05}, "refuted"),
        ({"far": 0.3}, "partly"),  # as far back as it has learned, and no further
        ({"init": 0.95}, "partly"),  # much, and no more than before training
        ({"far": 0.499}, "unclear"),
        ({"solved": 9}, "supported"),  # the longest tried are solved too
        ({"forgotten": 0.1}, "supported"),  # what a reset takes is told, not judged
        ({"solved": 0}, "unclear"),
    ],
)
def test_memory_is_held_against_the_untrained_state_and_a_bound(given, outcome):
    assert verdict("hidden-state", *remembering(**given)).outcome == outcome


def test_cues_are_read_where_memory_is_put_to_the_test():
    make, _ = remembering()

    def curves(made):
        return {"memory_cues": np.array([[0.1], [0.8 if rank(made) == 1 or rank(made) == top(made) else 0.0]])}

    found = verdict("hidden-state", make, curves)
    assert found.outcome == "supported"
    assert [number.value for number in found.numbers[:3]] == pytest.approx([0.7, 0.8, 0.8])


def test_a_run_without_the_readout_leaves_the_question_open():
    make, _ = remembering()
    found = verdict("hidden-state", make)
    assert found.outcome == "unclear"
    assert "was not measured" in found.sentence


# right-tool


def matrix(images=True, beaten=(), lstm=0.5):
    """Records in which cnn wins on images or not, and tcn beats lstm on the tasks `beaten`."""

    def make(cell):
        target, chance = record(cell, solved=True).value, record(cell).chance
        if "length" in cell.task_settings:
            share = (
                0.9
                if cell.architecture == "tcn" and cell.task in beaten
                else lstm
                if cell.architecture == "lstm"
                else 0.2
            )
        else:
            share = 0.8 if (cell.architecture == "cnn") == images else 0.5
        return record(cell, value=chance + (share + jitter(cell)) * (target - chance))

    return make


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({}, "supported"),
        ({"beaten": ("adding",)}, "partly"),
        ({"images": False}, "partly"),
        ({"beaten": ("adding", "copy")}, "refuted"),
        ({"beaten": ("adding", "copy", "temporal-order"), "images": False}, "refuted"),
        ({"lstm": 0.2}, "partly"),  # a tie: lstm is not the one to choose
        ({"lstm": 0.22}, "partly"),  # a lead that is none
    ],
)
def test_the_matrix_decides_which_tool_is_right(given, outcome):
    found = verdict("right-tool", matrix(**given))
    assert found.outcome == outcome
    if given.get("beaten"):
        assert f"on {len(given['beaten'])} of 3 sequence tasks" in found.sentence


def test_arms_are_compared_at_the_lengths_that_both_were_tried_at():
    """An arm that was asked for more, and harder, sequences is not behind for it."""

    def make(cell):
        target, chance = record(cell, solved=True).value, record(cell).chance
        share = 0.8 if rank(cell) == 0 else 0.1
        return record(cell, value=chance + (share + jitter(cell)) * (target - chance))

    found = verdict("right-tool", lambda cell: make(cell) if "length" in cell.task_settings else record(cell))
    leads = {number.what: number.value for number in found.numbers}
    assert leads["copy: lead of lstm over tcn"] == pytest.approx(0)
    assert leads["adding: lead of lstm over tcn"] == pytest.approx(0)

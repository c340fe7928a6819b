"""Series over baselines, and which of their changes are news."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from baselines import RATE, commit_id, course, history_of, measured
from sides import conditions, flow, record, side

from bench.acknowledged import Known
from bench.history import History, Series, history
from bench.record import GradientNorm, Record

SPREAD = (-0.004, 0.001, 0.0, 0.002, 0.001)
OTHER = {"processor": "other", "cores": 8}


def by_name(found: History) -> dict[str, Series]:
    return {series.quantity.name: series for series in found.series}


def changes(values: Sequence[float], make: Callable[[float], Sequence[Record]], quantity: str) -> list[Any]:
    (series,) = (each for each in history(history_of(values, make)).series if each.quantity.name == quantity)
    return list(series.changes)


def scores(value: float) -> list[Record]:
    """Five seeds around a score, each a little further up or down than the one before."""
    return side([value + off for off in SPREAD])


def test_a_steady_history_has_no_change_and_every_quantity_that_was_measured():
    found = history(history_of(course((40, 0.6)), lambda ratio: [measured(each, ratio=ratio) for each in scores(0.9)]))
    assert found.changes == []
    assert list(by_name(found)) == [
        "score", "solved", "step ratio", "peak megabytes", "parameters", "gradient norm",
    ]  # fmt: skip
    assert {len(series.points) for series in found.series} == {40}


@pytest.mark.parametrize(("factor", "direction"), [(1.05, "worse"), (0.95, "better")])
def test_a_step_that_takes_longer_is_found_in_the_ratio_whatever_the_clock_does(factor, direction):
    ratios = course((20, 0.6), (20, 0.6 * factor))
    clock = iter([RATE * (1 + 0.5 * (place % 2)) for place in range(40)])
    (change,) = changes(ratios, lambda ratio: [measured(record(), ratio=ratio, rate=next(clock))], "step ratio")
    assert abs(change.place - 20) <= 1
    assert (change.direction, change.alert) == (direction, True)
    assert change.after / change.before == pytest.approx(factor, abs=0.01)


def test_times_of_two_machines_are_two_series_and_everything_else_is_one():
    def make(place: float) -> list[Record]:
        where = {"machine": OTHER} if place % 2 else {}
        one = measured(record(), ratio=2.0 if place % 2 else 1.0, **where)
        return [one.model_copy(update={"conditions": one.speed.conditions})]

    found = history(history_of(range(20), make))
    assert found.changes == []
    times = [series for series in found.series if series.quantity.name == "step ratio"]
    assert [len(series.points) for series in times] == [10, 10]
    assert len({series.machine for series in times}) == 2
    assert len(by_name(found)["score"].points) == 20
    assert by_name(found)["score"].machine is None


@pytest.mark.parametrize("accuracy", [True, False])
def test_a_drop_of_the_score_is_an_alert_in_the_metrics_direction(accuracy):
    levels = [0.9] * 12 + [0.8] * 12
    (change,) = changes(levels, lambda value: side([value + off for off in SPREAD], accuracy=accuracy), "score")
    assert (change.place, change.direction, change.alert) == (12, "worse" if accuracy else "better", True)


def test_numbers_that_were_drawn_anew_are_certain_and_no_alert():
    """One seed far lower, the same at every commit since: no t-test over commits could see that it is one draw."""
    (change,) = changes([0.9] * 12 + [0.6] * 12, lambda value: side([0.9, 0.91, 0.905, 0.895, value]), "score")
    assert change.p < 1e-4
    assert (change.seeds_tell, change.alert) == (False, False)


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_cannot_tell_luck_and_any_change_of_theirs_is_an_alert(seeds):
    (change,) = changes([0.9] * 12 + [0.8] * 12, lambda value: side([value, value + 0.01][:seeds]), "score")
    assert (change.place, change.alert) == (12, True)


def test_a_time_is_measured_on_one_of_the_seeds_and_they_need_not_tell():
    def make(ratio: float) -> list[Record]:
        first, *rest = scores(0.9)
        return [measured(first, ratio=ratio), *rest]

    (change,) = changes(course((12, 0.6), (12, 0.7)), make, "step ratio")
    assert (change.place, change.direction, change.alert) == (12, "worse", True)


def test_of_scores_two_per_cent_are_of_the_way_from_chance_to_target():
    """0.1 to 0.95, so that 0.017 is the least."""
    assert changes([0.5] * 12 + [0.516] * 12, scores, "score") == []
    assert len(changes([0.5] * 12 + [0.518] * 12, scores, "score")) == 1


def test_one_parameter_more_is_told_at_once():
    values = [1000] * 3 + [1001]
    (change,) = changes(values, lambda count: [record(parameters=int(count))], "parameters")
    assert (change.place, change.before, change.after, change.direction) == (3, 1000, 1001, "worse")
    assert change.alert


def test_scores_are_compared_as_they_are_and_not_as_logarithms():
    """The same five points less on every seed are six sevenths of the least score and a twentieth of the best."""
    before, off = (0.06, 0.3, 0.5, 0.7, 0.9), (0.05, 0.051, 0.049, 0.05, 0.0505)

    def make(place: float) -> list[Record]:
        return side([score - less * (place >= 8) for score, less in zip(before, off, strict=True)])

    (change,) = changes(range(16), make, "score")
    assert (change.place, change.alert) == (8, True)


def test_the_seeds_on_either_side_of_a_change_tell_and_not_those_of_the_ends():
    found = changes([0.9] * 8 + [0.8] * 8 + [0.9] * 8, scores, "score")
    assert [(change.place, change.direction, change.alert) for change in found] == [
        (8, "worse", True),
        (16, "better", True),
    ]


def test_a_half_life_that_was_not_measured_on_every_seed_is_none():
    def make(place: float) -> list[Record]:
        return [record(seed=seed, gradient=flow(9) if seed or not place else None) for seed in range(3)]

    points = by_name(history(history_of(range(2), make)))["half-life of h at end"].points
    assert [(math.isnan(point.value), point.note) for point in points] == [
        (False, ""),
        (True, "not measured on every seed"),
    ]


def test_alerts_come_before_the_changes_that_are_none():
    def make(place: float) -> list[Record]:
        return side([0.9, 0.91, 0.905, 0.895, 0.6 if place >= 8 else 0.9], parameters=1000 + (place >= 12))

    found = history(history_of(range(16), make)).changes
    said = [(series.quantity.name, change.alert) for series, change in found]
    assert said == [("parameters", True), ("score", False)]


def test_a_half_life_changes_and_is_neither_better_nor_worse():
    def make(life: float) -> list[Record]:
        return [record(seed=seed, gradient=flow(life * (1 + 0.02 * seed))) for seed in range(5)]

    (change,) = changes([30.0] * 8 + [10.0] * 8, make, "half-life of h at end")
    assert (change.place, change.direction, change.alert) == (8, "changed", True)


@pytest.mark.parametrize("levels", [(1.0, 0.0), (0.0, 1.0)])
def test_a_gradient_that_dies_or_wakes_on_every_seed_is_an_alert(levels):
    """Zero has no logarithm, and one side's logarithms are no match for the other's numbers."""

    def make(level: float) -> list[Record]:
        return [
            record(
                seed=seed,
                gradient_norm=GradientNorm(first=1, last=level * share, largest=5, not_finite=0, clipped=None),
            )
            for seed, share in enumerate((0.9, 0.95, 1.0, 1.05, 1.1))
        ]

    (change,) = changes([levels[0]] * 8 + [levels[1]] * 8, make, "gradient norm")
    assert (change.place, change.direction, change.alert) == (8, "changed", True)


def test_an_endless_half_life_counts_as_ten_times_its_window():
    found = history(history_of([math.inf], lambda life: [record(gradient=flow(life))]))
    assert by_name(found)["half-life of h at end"].points[0].value == 1000


def test_a_failed_seed_leaves_a_hole_that_says_why_and_no_mean_over_the_rest():
    def make(place: float) -> list[Record]:
        lost = {"status": "diverged", "reason": "loss is nan"} if place == 5 else {}
        return [record(0.9, 0), record(0.1, 1, **lost)]

    series = by_name(history(history_of(range(10), make)))["score"]
    assert [place for place, point in enumerate(series.points) if math.isnan(point.value)] == [5]
    assert series.points[5].note == "1 of 2 seeds without a score"
    (change,) = series.changes
    assert (change.place, change.before, change.loss, change.direction, change.alert) == (5, 0.5, True, "worse", True)


def test_a_cell_that_starts_to_fail_is_one_alert_among_its_other_changes_and_can_be_acknowledged():
    def make(place: float) -> list[Record]:
        if place >= 17:
            return [record(seed=seed, status="diverged", reason="loss is nan", gradient_norm=None) for seed in range(5)]
        return scores(0.9 if place < 8 else 0.8)

    baselines = history_of(range(20), make)
    found = history(baselines)
    assert [(series.quantity.name, change.place, change.loss) for series, change in found.alerts] == [
        ("score", 8, False),
        ("score", 17, True),
    ]
    acknowledged = history(baselines, [known(commit=commit_id(17)[:8])])
    assert [change.place for _, change in acknowledged.alerts] == [8]
    assert acknowledged.unmatched == ()


def _cells(*kept: str, **fields: Any) -> list[Record]:
    return [one for name in kept for one in side([0.9, 0.91, 0.92], architecture=name, **fields)]


def _lost(made: Sequence[Sequence[Record]]) -> list[tuple[str, int, str]]:
    found = history(history_of(range(len(made)), lambda place: made[int(place)]))
    return [
        (series.record.architecture, series.points[change.place].baseline, series.points[change.place].note)
        for series, change in found.alerts
        if change.loss
    ]


GONE = "no longer in the baseline"


def test_a_cell_that_is_no_longer_in_the_baseline_is_a_loss_until_it_comes_back():
    both, one = _cells("mlp", "cnn"), _cells("mlp")
    assert _lost([both, both, one]) == [("cnn", 2, GONE)]
    assert _lost([both, one, one, one]) == [("cnn", 1, GONE)]
    assert _lost([both, one, both]) == []
    assert _lost([one, both]) == []
    baselines = history_of(range(3), lambda place: one if place == 2 else both)
    ack = known(cell="digits/cnn", commit=commit_id(2)[:8])
    assert (history(baselines, [ack]).alerts, history(baselines, [ack]).unmatched) == ([], ())


def test_seeds_that_are_no_longer_in_the_baseline_are_a_loss_and_more_seeds_are_none():
    five, four = side([0.9] * 5), side([0.9] * 4)
    assert _lost([five, four]) == [("mlp", 1, GONE)]
    assert _lost([four, five]) == []


def test_suites_that_take_turns_in_a_folder_lose_nothing_but_what_their_own_next_baseline_lacks():
    one, other = _cells("mlp", "cnn", "rnn"), _cells("lstm", "gru", "bag")
    assert _lost([one, other, one, other]) == []
    assert _lost([one, other, one, other, _cells("mlp", "cnn"), other]) == [("rnn", 4, GONE)]
    small = _cells("mlp")
    assert _lost([one, small, one, small]) == []


def test_a_cell_that_had_fewer_seeds_before_it_was_taken_out_is_one_loss():
    three, five = side([0.9] * 3), side([0.9] * 5)
    other = _cells("cnn")
    assert _lost([[*three, *other], [*five, *other], other]) == [("mlp", 2, GONE)]


def test_a_cell_that_had_failed_before_it_was_taken_out_is_one_loss():
    failed = [*_cells("mlp"), record(seed=0, architecture="cnn", status="failed")]
    trained = [*_cells("mlp"), record(seed=0, architecture="cnn")]
    (loss,) = _lost([trained, failed, _cells("mlp")])
    assert loss == ("cnn", 1, "1 of 1 seeds without a score")


def test_a_machine_that_never_measured_a_cell_does_not_lose_it_but_a_new_one_may():
    def on(machine: dict[str, Any], *kept: str) -> list[Record]:
        where = {"conditions": conditions(machine=machine)}
        return [measured(one, ratio=1.0, machine=machine) for one in _cells(*kept, **where)]

    here, there = {"processor": "here", "cores": 2}, OTHER
    assert _lost([on(there, "mlp"), on(here, "mlp", "cnn"), on(there, "mlp")]) == []
    assert _lost([on(there, "mlp"), on(here, "mlp", "cnn"), on(there, "mlp"), on(here, "mlp")]) == [("cnn", 3, GONE)]
    assert _lost([on(here, "mlp", "cnn"), on(there, "mlp")]) == [("cnn", 1, GONE)]
    assert _lost([on(here, "mlp", "cnn"), on(there, "mlp"), on(here, "mlp", "cnn")]) == []


def test_a_cell_that_never_had_a_score_or_gets_one_back_is_no_loss():
    def make(place: float) -> list[Record]:
        return [record(0.9) if place else record(status="failed", reason="no")]

    assert history(history_of([0, 0, 1, 1], make)).changes == []


def test_steps_are_a_median_in_which_a_missed_target_is_never():
    def make(place: float) -> list[Record]:
        return [record(seed=seed, steps_to_target=None if seed == 2 or place == 1 else 300 + seed) for seed in range(3)]

    points = by_name(history(history_of(range(2), make)))["steps to target"].points
    assert [point.value for point in points] == [301, math.inf]


@pytest.mark.parametrize(("before", "after", "told"), [
    ((300, 301, 302, 303, 304), (900, 901, 902, 903, None), True),
    ((300, 301, 302, 303, 304), (300, 301, 402, 403, None), False),
])  # fmt: skip
def test_where_a_seed_never_gets_there_ranks_say_whether_the_seeds_tell(before, after, told):
    def make(place: float) -> list[Record]:
        return [record(seed=i, steps_to_target=steps) for i, steps in enumerate(after if place >= 8 else before)]

    found = changes(range(16), make, "steps to target")
    assert [(change.place, change.alert) for change in found] == [(8, told)]


def test_other_seeds_are_another_series():
    found = history(history_of([2, 2, 3], lambda seeds: side([0.9] * int(seeds))))
    sizes = {series.seeds: len(series.points) for series in found.series if series.quantity.name == "score"}
    assert sizes == {(0, 1): 2, (0, 1, 2): 1}


def known(**fields: str) -> Known:
    return Known(
        **{"cell": "digits/mlp", "quantity": "score", "commit": commit_id(12)[:8], "reason": "meant", **fields}
    )


@pytest.mark.parametrize(("place", "matches"), [(11, True), (12, True), (13, True), (10, False), (14, False)])
def test_an_acknowledged_change_is_known_at_its_commit_and_next_to_it(place, matches):
    baselines = history_of([0.9] * 12 + [0.8] * 12, scores)
    ack = known(commit=commit_id(place)[:8])
    found = history(baselines, [ack])
    assert [change.known for _, change in found.changes] == [ack if matches else None]
    assert len(found.alerts) == (not matches)
    assert found.unmatched == (() if matches else (ack,))


@pytest.mark.parametrize(("place", "matches"), [(1, False), (2, True), (3, False)])
@pytest.mark.parametrize("quantity", ["parameters", "score"])
def test_what_is_exact_or_lost_is_known_at_its_own_commit_alone(quantity, place, matches):
    def make(at: float) -> list[Record]:
        lost = {"status": "failed", "reason": "no memory"} if at >= 2 else {}
        return [record(parameters=1000 + (at >= 2)) if quantity == "parameters" else record(**lost)]

    found = history(history_of(range(4), make), [known(quantity="*", commit=commit_id(place)[:8])])
    assert [(series.quantity.name, change.place) for series, change in found.changes] == [(quantity, 2)]
    assert len(found.alerts) == (not matches)


def test_one_acknowledgement_hides_no_exact_change_right_after():
    baselines = history_of([1000, 1000, 1001, 1002], lambda count: [record(parameters=int(count))])
    found = history(baselines, [known(quantity="parameters", commit=commit_id(2)[:8])])
    assert [change.place for _, change in found.alerts] == [3]


@pytest.mark.parametrize("fields", [{"cell": "digits/rnn"}, {"quantity": "steps*"}, {"commit": "f" * 12}])
def test_what_does_not_fit_is_unmatched(fields):
    found = history(history_of([0.9] * 12 + [0.8] * 12, scores), [known(**fields)])
    assert (len(found.alerts), len(found.unmatched)) == (1, 1)


def test_an_acknowledgement_that_came_before_the_change_can_show_is_not_called_unmatched():
    found = history(history_of([0.9] * 12 + [0.8] * 2, scores), [known()])
    assert (found.changes, found.unmatched) == ([], ())


def test_a_short_history_says_of_its_series_that_they_are():
    found = history(history_of([0.9] * 7, scores))
    assert by_name(found)["score"].short
    assert not by_name(found)["parameters"].short
    assert not by_name(history(history_of([0.9] * 8, scores)))["score"].short

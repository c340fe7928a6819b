import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from scipy import stats as reference

from bench import stats
from bench.report.contrasts import Contrast, best_group, contrasts
from bench.report.rows import Row, TaskTable

from .conftest import HOSTILE, make_record

Scores = Sequence[float | None]


def make_table(arms: dict[str, Scores], *, accuracy: bool = True, solved: Sequence[str] = ()) -> TaskTable:
    """None is a seed that diverged; all scored seeds of the arms in `solved` reached the target."""
    rows = []
    for name, values in arms.items():
        records = tuple(
            make_record("t", name, seed, value, accuracy=accuracy, status="ok" if value is not None else "diverged",
                        steps_to_target=9 if name in solved and value is not None else None)
            for seed, value in enumerate(values)
        )  # fmt: skip
        rows.append(Row("t", name, "jax", records))
    return TaskTable("t", tuple(rows))


def only(table: TaskTable) -> Contrast:
    (found,) = contrasts(table)
    return found


GOOD, BAD = [0.91, 0.93, 0.92, 0.9, 0.94], [0.51, 0.53, 0.5, 0.55, 0.52]


def test_a_pair_has_its_difference_interval_and_tests() -> None:
    found = only(make_table({"a": GOOD, "b": BAD}, solved=["a"]))
    assert found.difference == pytest.approx(0.398)
    assert found.interval == stats.difference_interval(GOOD, BAD)
    assert (found.test, found.verdict, found.settles, found.reason) == ("welch", "better", None, "")
    assert (found.rank_p, found.fisher_p) == pytest.approx((2 / 252, 2 / 252))
    assert found.p == pytest.approx(2 / 252, abs=0.006)  # the omnibus test's, of all ways to deal out


@pytest.mark.parametrize(("accuracy", "verdict"), [(True, "worse"), (False, "better")])
def test_better_follows_the_direction_of_the_metric(accuracy: bool, verdict: str) -> None:
    assert only(make_table({"a": BAD, "b": GOOD}, accuracy=accuracy)).verdict == verdict


def test_what_five_seeds_do_not_tell_says_how_many_would() -> None:
    a, b = [0.5, 0.6, 0.7, 0.8, 0.9], [0.45, 0.55, 0.62, 0.77, 0.81]
    found = only(make_table({"a": a, "b": b}))
    assert found.verdict == "unclear"
    assert found.settles == stats.seeds_to_settle(a, b)
    assert found.p == pytest.approx(reference.ttest_ind(a, b, equal_var=False).pvalue, abs=0.02)


def test_the_seeds_that_settle_a_pair_grow_with_the_pairs_that_are_still_unclear() -> None:
    a, b, c = [0.5, 0.6, 0.7, 0.8, 0.9], [0.45, 0.55, 0.62, 0.77, 0.81], [0.4, 0.5, 0.55, 0.8, 0.83]
    far = [0.01, 0.012, 0.011, 0.013, 0.012]  # told from all: its pairs are no longer in Holm's way
    found = {(one.a, one.b): one for one in contrasts(make_table({"a": a, "b": b, "c": c, "far": far}))}
    assert [one.verdict for pair, one in found.items() if "far" in pair] == ["better"] * 3
    assert found["a", "b"].settles == stats.seeds_to_settle(a, b, alpha=0.05 / 3)


def test_every_p_is_adjusted_over_all_pairs_of_the_table() -> None:
    rng = np.random.default_rng(0)
    arms = {name: rng.normal(0.5 + 0.1 * place, 0.05, 5).tolist() for place, name in enumerate("dcba")}
    found = contrasts(make_table(arms))
    assert [(c.a, c.b) for c in found] == list(combinations("dcba", 2))
    pairs = [(arms[c.a], arms[c.b]) for c in found]
    welch = stats.holm([reference.ttest_ind(x, y, equal_var=False).pvalue for x, y in pairs])
    omnibus = stats.omnibus_test(list(arms.values()))
    assert [c.p for c in found] == pytest.approx([max(p, omnibus) for p in welch])
    rank = stats.holm([reference.mannwhitneyu(x, y, method="exact").pvalue for x, y in pairs])
    assert [c.rank_p for c in found] == pytest.approx(rank)


def test_a_seed_without_a_score_leaves_no_interval_and_is_not_dropped() -> None:
    found = only(make_table({"a": [*GOOD[:4], None], "b": BAD}))
    assert (found.interval, found.verdict, found.test, found.settles) == (None, "unclear", "fisher", None)
    assert found.reason == "a: 1 diverged"
    ranked = reference.mannwhitneyu([*GOOD[:4], -math.inf], BAD, method="exact").pvalue
    assert found.rank_p == pytest.approx(ranked)


@pytest.mark.parametrize("accuracy", [True, False])
def test_solved_against_unsolved_tells_where_seeds_have_no_score(accuracy: bool) -> None:
    values = {"a": [0.9] * 6, "b": [None, None, 0.8, None, None, None]}
    assert only(make_table(values, accuracy=accuracy, solved=["a"])).verdict == "better"
    assert only(make_table(values, accuracy=accuracy)).verdict == "unclear"
    swapped = dict(reversed(values.items()))
    assert only(make_table(swapped, accuracy=accuracy, solved=["a"])).verdict == "worse"


def test_an_arm_without_any_score_has_no_difference() -> None:
    found = only(make_table({"a": GOOD, "b": [None] * 5}, solved=["a"]))
    assert math.isnan(found.difference)
    assert (found.verdict, found.reason) == ("better", "b: 5 diverged")


def test_a_nan_and_an_infinite_score_are_no_scores() -> None:
    found = only(make_table({"a": [*GOOD[:3], math.nan, math.inf], "b": BAD}))
    assert (found.interval, found.reason) == (None, "a: 2 without a finite score")


def test_where_no_side_varies_ranks_decide_and_there_is_no_interval_of_no_width() -> None:
    found = only(make_table({"a": [1.0] * 5, "b": [0.9] * 5}))
    assert (found.interval, found.test, found.verdict) == (None, "rank", "better")
    assert found.p == pytest.approx(2 / 252, abs=0.002)
    same = only(make_table({"a": [1.0] * 5, "b": [1.0] * 5}))
    assert (same.difference, same.p, same.verdict, same.settles) == (0, 1, "unclear", None)


def test_three_seeds_against_three_tell_nothing() -> None:
    found = only(make_table({"a": GOOD[:3], "b": BAD[:3]}))
    assert (found.verdict, found.settles) == ("unclear", 4)
    assert found.interval is not None


def test_two_seeds_are_too_few_and_say_so() -> None:
    found = only(make_table({"a": GOOD[:2], "b": BAD}))
    assert (found.interval, found.test, found.p, found.verdict) == (None, None, 1, "unclear")
    assert found.reason == "fewer than 3 seeds"


def test_twelve_seeds_and_labels_of_any_kind_are_compared() -> None:
    rng = np.random.default_rng(0)
    found = contrasts(make_table({name: rng.normal(0.5, 0.1, 12).tolist() for name in HOSTILE}))
    assert len(found) == math.comb(len(HOSTILE), 2)
    assert {c.a for c in found} | {c.b for c in found} == set(HOSTILE)


def test_a_skipped_arm_is_in_no_pair_and_one_arm_makes_none() -> None:
    table = make_table({"a": GOOD, "b": BAD})
    skipped = Row("t", "c", "jax", (make_record("t", "c", status="skipped"),))
    assert len(contrasts(TaskTable("t", (*table.rows, skipped)))) == 1
    assert contrasts(make_table({"a": GOOD})) == []
    assert contrasts(TaskTable("t", (skipped,))) == []
    assert best_group(TaskTable("t", (skipped,))) == frozenset()


@pytest.mark.parametrize("accuracy", [True, False])
def test_the_best_group_is_what_is_not_told_from_the_best(accuracy: bool) -> None:
    best, low = (GOOD, BAD) if accuracy else (BAD, GOOD)
    near = [value + 0.001 * (-1 if accuracy else 1) * seed for seed, value in enumerate(best)]
    table = make_table({"best": best, "near": near, "low": low, "broken": [*best[:4], None]}, accuracy=accuracy)
    assert {row.architecture for row in best_group(table)} == {"best", "near"}


def test_there_is_no_best_where_nothing_is_told_apart() -> None:
    assert best_group(make_table({"a": GOOD, "b": GOOD[::-1]})) == frozenset()
    assert best_group(make_table({"a": [None] * 5, "b": [None] * 5})) == frozenset()
    assert best_group(make_table({"a": GOOD})) == frozenset()


def test_arms_of_one_label_are_kept_apart() -> None:
    good, bad = make_table({"a": GOOD}).rows[0], make_table({"a": BAD}).rows[0]
    assert best_group(TaskTable("t", (good, bad))) == {good}


SHAPES = {
    "normal": lambda rng, size: rng.normal(0.5, 0.1, size),
    "skewed": lambda rng, size: rng.lognormal(0, 0.5, size),
    # The hard one: all five of an arm solve it with chance 1/32, and Welch sees hardly any spread.
    "two-peaked": lambda rng, size: (rng.random(size) < 0.5) + rng.normal(0, 0.02, size),
}


def _families(shape: str, arms: int, tables: int) -> list[np.ndarray]:
    """Scores (arms, 5) of the tables in which the least Welch p would pass Bonferroni: Holm can reject in no other."""
    scores = SHAPES[shape](np.random.default_rng(0), (tables, arms, 5))
    a, b = map(list, zip(*combinations(range(arms), 2), strict=True))
    least = reference.ttest_ind(scores[:, a], scores[:, b], equal_var=False, axis=-1).pvalue.min(axis=1)
    return list(scores[least * len(a) < 0.05])


@pytest.mark.parametrize("shape", SHAPES)
def test_one_false_verdict_among_fifty_five_pairs_is_no_likelier_than_a_twentieth(shape: str) -> None:
    tables = 1000
    wrong = sum(
        any(c.verdict != "unclear" for c in contrasts(make_table({str(i): own.tolist() for i, own in enumerate(arms)})))
        for arms in _families(shape, 11, tables)
    )
    assert wrong / tables <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / tables)


def test_holm_alone_would_not_hold_it_on_two_peaks() -> None:
    assert len(_families("two-peaked", 11, 1000)) / 1000 > 0.064

import numpy as np

from bench.report.aggregate import task_tables
from bench.report.gate_examples import examples, gate_words
from bench.report.rows import TaskTable

from .flow_cells import Cells, make_flow


def table_of(cells: Cells) -> TaskTable:
    (table,) = task_tables(cells.records)
    return table


def words(*made) -> str:
    cells = Cells(made)
    return gate_words(table_of(cells), cells.curves)


def test_the_first_seed_that_solved_is_shown_and_else_the_first() -> None:
    cells = Cells([make_flow(seed=seed, solved=seed > 1) for seed in range(4)])
    assert [example.record.seed for example in examples(table_of(cells), cells.curves)] == [2]
    assert "Shown: **lstm** (seed 2, solved)." in gate_words(table_of(cells), cells.curves)
    assert "(seed 0, not solved)" in words(*(make_flow(seed=seed, solved=False) for seed in range(2)))


def test_the_sentence_tells_cues_from_other_steps() -> None:
    record, curves = make_flow()
    curves["example_forget"][1] = np.where(curves["example_cues"][:, None], 0.25, 0.75)
    assert "At the end the mean gate is 0.25 at the cues and 0.75 elsewhere in **lstm**." in words((record, curves))


def test_the_sentence_of_a_task_without_cues_is_of_all_steps() -> None:
    record, curves = make_flow()
    curves.pop("example_cues")
    assert "Mean gate from init to end: 0.73 →" in words((record, curves))

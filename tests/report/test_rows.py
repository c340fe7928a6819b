import numpy as np

from bench.record import Record
from bench.report.aggregate import task_tables
from bench.report.rows import histories, remembered

from .conftest import make_record


def test_a_history_is_of_every_seed_that_was_validated_also_one_that_failed() -> None:
    records = [make_record(seed=0), make_record(seed=1, status="diverged"), make_record(seed=2)]
    scores = {0: [0.1, 0.5], 1: [0.2, np.nan], 2: [np.nan, np.nan]}

    def curves(record: Record) -> dict[str, np.ndarray]:
        return {"evaluation_step": np.array([0, 10]), "validation_score": np.array(scores[record.seed])}

    (table,) = task_tables(records)
    found = histories(table.rows[0], curves)
    assert [record.seed for record, *_ in found] == [0, 1]
    assert found[0][1].tolist() == [0, 10]
    assert found[0][2].tolist() == [0.1, 0.5]


def test_arrays_are_asked_for_once() -> None:
    asked: list[int] = []

    def curves(record: Record) -> dict[str, np.ndarray]:
        asked.append(record.seed)
        return {"seed": np.array(record.seed)}

    once = remembered(curves)
    assert [int(once(make_record(seed=seed))["seed"]) for seed in (3, 4, 3)] == [3, 4, 3]
    assert asked == [3, 4]

"""What timing cells and keeping records may take."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cells import cell, with_seed
from timings import timed

from bench.catalogue import discover
from bench.forecast import _START_SECONDS, Amount, disk, speed_phase
from bench.plan import Cell, blank
from bench.record import Percentiles, Record
from bench.stopwatch import SECONDS
from bench.store import Store

ADDING = discover().task("adding").value
CELL = cell()


def record(one: Cell = CELL, status: str = "ok") -> Record:
    return blank(one, ADDING, status=status)  # type: ignore[arg-type]


def test_timing_takes_what_it_took_for_a_like_cell() -> None:
    step = Percentiles(p50=0.01, p99=0.03, calls=500)
    known = timed(record(), step_seconds=step)
    # 20 visits: one more call in each of them than was counted
    calls = 520 * 0.01 + 320 * 0.001 + 120 * 0.004
    each = _START_SECONDS + 0.1 + 2.5 + calls
    assert speed_phase([with_seed(CELL, 7)], [known]).value == pytest.approx(each)
    wider = replace(CELL, architecture_settings={**CELL.architecture_settings, "units": 99})
    assert speed_phase([CELL, wider], [known, record(with_seed(CELL, 1))]) == Amount(pytest.approx(2 * each), 2, 0)


def test_a_cell_that_is_like_none_timed_counts_as_the_least_and_is_told() -> None:
    other = cell(architecture="lstm")
    found = speed_phase([CELL, other], [timed(record()), record(other)])
    alone = speed_phase([CELL], [timed(record())]).value
    assert found == Amount(pytest.approx(alone + _START_SECONDS + sum(SECONDS.values())), 2, 1)
    assert found.words(lambda _: "9 s") == "at least 9 s, since no like cell was measured here for 1 of 2"
    assert speed_phase([CELL], [timed(record())]).words(lambda _: "9 s") == "about 9 s"
    assert speed_phase([], []) == Amount(0, 0, 0)


def test_disk_is_the_mean_of_like_records_on_it(tmp_path: Path) -> None:
    store = Store(tmp_path).create()
    rng = np.random.default_rng(0)
    seeds = [with_seed(CELL, seed) for seed in range(5)]
    for one, size in zip(seeds[:2], (1000, 9000), strict=True):
        store.write(record(one), {"train_loss": rng.random(size, "float32")})
    store.write(record(seeds[2], "failed"))
    on_disk = sum(path.stat().st_size for one in seeds[:2] for path in (tmp_path / one.id).iterdir())
    assert on_disk > 36_000
    found = disk(seeds[3:], store.records(), store.size)
    assert found == Amount(pytest.approx(on_disk), 2, 0)


def test_the_size_of_a_cell_is_that_of_its_last_attempt(tmp_path: Path) -> None:
    store = Store(tmp_path).create()
    assert store.size(CELL.id) == 0
    store.write(record(), {"train_loss": np.arange(5000.0)})
    store.write(record())
    assert store.size(CELL.id) == (tmp_path / CELL.id / "2.json").stat().st_size


@pytest.mark.parametrize(
    ("training", "size"),
    [
        ({"steps": 1000}, 6000),
        ({"steps": 1000, "stop_solved": True}, 2000),
        ({"epochs": 3, "train_size": 100, "batch_size": 32}, 2036),
        ({"epochs": 3}, 2000),
    ],
)
def test_where_nothing_like_it_is_stored_disk_is_at_least_a_number_a_step(
    training: dict[str, int], size: int, tmp_path: Path
) -> None:
    steps = {"steps": None} if "epochs" in training else {}
    one = replace(CELL, training=replace(CELL.training, **{**steps, **training}))
    assert disk([one], [record()], Store(tmp_path).size) == Amount(size, 1, 1)

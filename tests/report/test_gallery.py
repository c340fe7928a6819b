"""The figures as files."""

from pathlib import Path

import pytest

from bench.errors import StoreError
from bench.record import Record
from bench.report.gallery import write_figures

from .conftest import make_curves, make_record, runs
from .flow_cells import Cells, make_flow


def drawn(*records: Record, folder: Path) -> set[str]:
    (place,) = write_figures(runs(*records, curves=make_curves), folder, title="t")
    assert place == folder / "figures"
    return {path.name for path in place.iterdir()}


def test_every_figure_is_there_as_svg_and_png(tmp_path: Path) -> None:
    names = drawn(*(make_record(seed=seed) for seed in range(2)), folder=tmp_path)
    assert names == {
        f"adding-{kind}.{form}" for kind in ("score", "learning-curves", "gradient-norms") for form in ("svg", "png")
    }
    assert all((tmp_path / "figures" / name).stat().st_size > 1000 for name in names)


def test_hostile_task_names_get_files_of_their_own(tmp_path: Path) -> None:
    names = drawn(make_record("../x"), make_record("x"), folder=tmp_path)
    assert {name for name in names if name.endswith("-score.svg")} == {"x-score.svg", "x-2-score.svg"}


def test_the_gradient_flow_is_drawn_for_each_table_and_across_lengths(tmp_path: Path) -> None:
    made = [
        make_flow(name, seed, length=length, solved=name == "lstm")
        for name in ("lstm", "rnn")
        for seed in range(2)
        for length in (20, 40)
    ]
    cells = Cells(made)
    (place,) = write_figures(runs(*cells.records, curves=cells.curves), tmp_path, title="t")
    for kind in ("gradient-flow", "lag-map", "half-life", "gates"):
        assert (place / f"adding-length-20-{kind}.svg").exists()
    assert (place / "adding-success.svg").exists()
    assert (place / "all-half-life-length.png").exists()


def test_arrays_are_read_once_a_table(tmp_path: Path) -> None:
    read = []
    curves = lambda record: read.append(record.seed) or make_curves(record)  # noqa: E731
    write_figures(runs(make_record(), curves=curves), tmp_path, title="t")
    assert read == [0]


def test_figures_of_failures_alone_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot draw figures: no run has a score"):
        write_figures(runs(make_record(status="failed", curves=None)), tmp_path, title="t")


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        drawn(make_record(), folder=tmp_path / name)
    for path in (tmp_path / "a" / "figures").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / "figures" / path.name).read_bytes()

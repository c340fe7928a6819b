import re
from pathlib import Path

import pandas as pd
import pytest

from bench.errors import StoreError
from bench.record import Record
from bench.report.markdown import write_report
from bench.report.rows import Curves
from bench.task import Training

from .conftest import HOSTILE, make_curves, make_record
from .flow_cells import Cells, make_flow


def written(records: list[Record], folder: Path, curves: Curves = lambda record: {}) -> str:
    return write_report(records, curves, folder, title="A title").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    made = [make_record("copy", "gru", seed, 0.97, steps_to_target=300) for seed in range(3)]
    made += [make_record("copy", "lstm", seed, 0.9) for seed in range(2)]
    made += [
        make_record("copy", "lstm", 2, status="diverged", reason="loss is NaN"),
        make_record("copy", "rnn", 0, 0.1),
    ]
    made += [make_record("copy", "cnn", seed, status="skipped", reason="reads images only") for seed in range(3)]
    folder = tmp_path_factory.mktemp("report")
    return written(made, folder, make_curves), folder


def test_the_summary_says_who_leads_who_is_next_and_who_stays_at_chance(report: tuple[str, Path]) -> None:
    assert (
        "- **copy**: **gru** leads with a mean accuracy of 0.970 (3 seeds); next is **lstm** with 0.900 "
        "(2 of 3 seeds: 1 diverged); **rnn** stays at chance (0.100)." in report[0]
    )
    assert "6 of 7 planned runs finished with a score." in report[0]


def test_few_seeds_are_said_to_test_nothing(report: tuple[str, Path]) -> None:
    assert "Below the 5 seeds that a comparison needs: copy (1 seed)." in report[0]


def test_failures_and_skips_come_before_the_results(report: tuple[str, Path]) -> None:
    text = report[0]
    assert "| copy | lstm | 2 | diverged | loss is NaN |" in text
    assert "| copy | cnn | 0, 1, 2 | skipped | reads images only |" in text
    assert text.index("## Failures and skips") < text.index("## copy")


def test_a_row_says_how_many_seeds_its_mean_is_of(report: tuple[str, Path]) -> None:
    assert "| lstm | 0.900 (2 of 3), 0.900–0.900 | 0 of 3 | never |" in report[0]


def test_conditions_name_versions_machine_threads_data_and_training(report: tuple[str, Path]) -> None:
    for text in (
        "| keras | 3.9 |",
        "| processor | some cpu |",
        "| threads | 1 |",
        "| SHA-256 | " + "d" * 64,
        "lr=0.001",
    ):
        assert text in report[0]


def test_every_figure_of_the_text_exists_as_svg_and_png(report: tuple[str, Path]) -> None:
    text, folder = report
    linked = re.findall(r"\((figures/[^)]+)\)", text)
    assert len(linked) == 6
    assert all((folder / name).stat().st_size > 1000 for name in linked)
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {
        "report.md",
        "summary.csv",
        *(Path(name).name for name in linked),
    }


def test_figures_come_with_a_sentence_from_the_data(report: tuple[str, Path]) -> None:
    assert "3 of 7 runs reached the target, first **gru**, seed 0, at step 300." in report[0]
    assert "No seed of **lstm** and **rnn** did." in report[0]
    assert "Crosses at the edge: 1 seed without a score." in report[0]


def test_every_column_is_defined(report: tuple[str, Path]) -> None:
    header = next(line for line in report[0].splitlines() if line.startswith("| architecture | test score"))
    for column in header.strip("| ").split(" | "):
        assert f"- **{column}**: " in report[0]


def test_the_same_records_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    made = [make_record(architecture=name, seed=seed) for name in "ab" for seed in range(2)][:3]
    assert written(made, tmp_path / "1", make_curves) == written(made[::-1], tmp_path / "2", make_curves)
    for path in (tmp_path / "1").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "2" / path.relative_to(tmp_path / "1")).read_bytes()


def test_no_records_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no records"):
        written([], tmp_path)


def test_a_report_of_failures_alone_says_so(tmp_path: Path) -> None:
    text = written([make_record(seed=seed, status="failed", curves=None) for seed in range(2)], tmp_path)
    assert "0 of 2 planned runs finished with a score." in text
    assert "**adding**: no finished cell." in text
    assert "![" not in text
    assert "| adding | lstm | 0, 1 | failed | no reason given |" in text


def test_a_report_of_skips_alone_is_no_error(tmp_path: Path) -> None:
    assert "no finished cell" in written([make_record(status="skipped")], tmp_path)


def test_five_seeds_are_still_not_called_tested(tmp_path: Path) -> None:
    text = write_report([make_record(seed=seed) for seed in range(5)], lambda r: {}, tmp_path, title="t").read_text()
    assert "Differences are not tested in this report" in text
    assert "Below the" not in text
    assert "nothing was recorded" in text


def test_unequal_training_is_shown(tmp_path: Path) -> None:
    made = [make_record(architecture=name, training=Training(steps=9, lr=lr)) for name, lr in (("a", 0.1), ("b", 0.2))]
    text = written(made, tmp_path)
    assert "Training of a \\[lr=0.1\\]: steps=9" in text


def test_hostile_names_start_no_markup_and_leave_the_tables_whole(tmp_path: Path) -> None:
    made = [make_record("copy", each, status="failed", reason=each) for each in HOSTILE]
    text = write_report(made, lambda r: {}, tmp_path, title=HOSTILE[0]).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("| copy")}
    assert widths == {6}


def test_hostile_task_names_get_files_of_their_own(tmp_path: Path) -> None:
    written([make_record("../x"), make_record("x")], tmp_path)
    names = {path.name for path in (tmp_path / "figures").glob("*-score.svg")}
    assert names == {"x-score.svg", "x-2-score.svg"}


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        written([make_record()], tmp_path / "file")


def test_the_rows_lie_beside_the_report_as_csv_hostile_names_and_all(tmp_path: Path) -> None:
    made = [make_record("copy", name, 0, 0.5) for name in HOSTILE]
    written(made, tmp_path)
    table = pd.read_csv(tmp_path / "summary.csv")
    assert len(table) == len(HOSTILE)
    assert table["mean"].tolist() == [0.5] * len(HOSTILE)


@pytest.fixture(scope="module")
def flow_report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    made = [
        make_flow(name, seed, length=length, solved=name == "lstm")
        for name in ("lstm", "rnn")
        for seed in range(2)
        for length in (20, 40)
    ]
    cells, folder = Cells(made), tmp_path_factory.mktemp("flow")
    return written(cells.records, folder, cells.curves), folder


def test_what_lengths_show_together_comes_first(flow_report: tuple[str, Path]) -> None:
    text, folder = flow_report
    assert text.index("## Across lengths") < text.index("## Failures and skips")
    assert (folder / "figures" / "adding-success.svg").exists()
    assert (folder / "figures" / "all-half-life-length.png").exists()
    assert "solve is 40 for **lstm**; none for **rnn**." in text


def test_each_table_has_its_gradient_flow(flow_report: tuple[str, Path]) -> None:
    text, folder = flow_report
    assert text.count("| architecture | gradient of | half-life |") == 2
    assert "| lstm | h | 3.00 → 60.0 | 3.00 → 60.0 | > 19 → > 19 |" in text
    for kind in ("gradient-flow", "lag-map", "half-life", "gates"):
        assert (folder / "figures" / f"adding-length-20-{kind}.svg").exists()
    assert "No figure of score" not in text
    assert "filters: nothing was recorded for them." in text


def test_the_columns_of_the_flow_are_defined(flow_report: tuple[str, Path]) -> None:
    header = next(line for line in flow_report[0].splitlines() if line.startswith("| architecture | gradient of"))
    for column in header.strip("| ").split(" | "):
        assert f"- **{column}**: " in flow_report[0]


def test_arrays_are_read_once_a_table(tmp_path: Path) -> None:
    read = []
    written([make_record()], tmp_path, lambda record: read.append(record.seed) or make_curves(record))
    assert read == [0]


def test_two_architectures_are_called_no_extremes(tmp_path: Path) -> None:
    made = [make_record("copy", name) for name in ("gru", "lstm")]
    text = written(made, tmp_path / "2")
    assert "it fell 1.2 → 0.034 in **gru** and it fell 1.2 → 0.034 in **lstm**." not in text  # there is no figure
    text = written(made, tmp_path / "2", make_curves)
    assert "it fell 1.2 → 0.034 in **gru** and it fell 1.2 → 0.034 in **lstm**." in text
    text = written([*made, make_record("copy", "rnn")], tmp_path / "3", make_curves)
    assert "in **gru** (the lowest ratio of 3) and it fell 1.2 → 0.034 in **rnn** (the highest)." in text

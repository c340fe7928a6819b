"""The results folder against asv itself: `asv compare`, `asv publish`."""

import json
import subprocess
from pathlib import Path

import pytest
from timings import timed

from bench.errors import UsageError
from bench.export._format import write_export
from bench.export._measures import subjects
from bench.export.asv import FORMAT, result_files
from bench.record import Record

from .conftest import COMMIT, HOSTILE, need, request_of, tool

LSTM = "adding-length-100.lstm-units-32.tensorflow"
RNN = "adding-length-100.rnn-units-32.tensorflow"


@pytest.fixture
def commits(tmp_path: Path) -> list[str]:
    """A repository in the folder with two commits, the older first."""
    need("asv")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "--quiet", "."], check=True)
    for message in ("base", "head"):
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", message], check=True)
    listed = subprocess.run([*git, "log", "--reverse", "--format=%H"], check=True, capture_output=True, text=True)
    return listed.stdout.split()


def export(records: list[Record], folder: Path, commit: str) -> None:
    write_export(FORMAT, request_of(records, folder / "asv", commit))


def asv(folder: Path, *arguments: str) -> str:
    return tool("asv", *arguments, "--config", "asv/asv.conf.json", cwd=folder, module="asv")


def changed(cells: list[Record]) -> list[Record]:
    """The timed row three times as slow, and the other one with a score for every seed."""
    return [timed(each, p50=0.03, speed=each.speed) if each.step_seconds else each for each in cells]


def test_asv_compares_two_commits(tmp_path: Path, commits: list[str], cells: list[Record]) -> None:
    export(cells, tmp_path, commits[0])
    export(changed(cells), tmp_path, commits[1])
    rows = [[part.strip() for part in line.split("|")] for line in asv(tmp_path, "compare", *commits).splitlines()]
    known = {row[5]: row[1:5] for row in rows if len(row) == 7}
    assert known[f"{LSTM}.step-time"] == ["+", "10.0±0.05ms", "30.0±0.1ms", "3.00"]
    assert known[f"{LSTM}.test-error"][0] == ""
    assert float(known[f"{LSTM}.test-error"][1].partition("±")[0]) == pytest.approx(0.07)
    assert known[f"{LSTM}.peak-memory"] == ["", "12.3M", "12.3M", "1.00"]
    assert known[f"{RNN}.test-error"] == ["", "failed", "failed", "n/a"]


def test_a_seed_that_newly_fails_is_a_failure_for_asv(tmp_path: Path, commits: list[str], cells: list[Record]) -> None:
    export(cells[:3] + cells[3:5], tmp_path, commits[0])
    export(cells, tmp_path, commits[1])
    (line,) = [each for each in asv(tmp_path, "compare", *commits).splitlines() if f"{RNN}.test-error" in each]
    assert [part.strip() for part in line.split("|")[1:5]] == ["!", "0.45", "failed", "n/a"]


def test_a_row_whose_seeds_all_raised_is_told_of_as_failed(cells: list[Record]) -> None:
    lost = {"status": "failed", "reason": "no memory", "conditions": None, "best": None, "final": None}
    files = result_files(subjects([*cells[:3], *(each.model_copy(update=lost) for each in cells[3:])]), COMMIT)
    (results,) = (document["results"] for document in files.values() if "results" in document)
    assert results[f"{RNN}.test-error"][0] is None
    other = {**lost, "backend": "jax"}
    files = result_files(subjects([*cells[:3], *(each.model_copy(update=other) for each in cells[3:])]), COMMIT)
    (results,) = (document["results"] for document in files.values() if "results" in document)
    assert not any("rnn" in name for name in results)


def test_a_metric_that_may_exceed_1_is_left_out_and_no_failure(cells: list[Record]) -> None:
    rewarded = [each.model_copy(update={"metric": "reward", "target": 200.0}) for each in cells[:3]]
    files = result_files(subjects(rewarded), COMMIT)
    (results,) = (document["results"] for document in files.values() if "results" in document)
    assert {name.rpartition(".")[2] for name in results} == {"step-time", "inference-time", "peak-memory"}
    assert f"{LSTM}.test-error" not in files["benchmarks.json"]
    none = dict.fromkeys(("speed", "peak_bytes", "step_seconds", "inference_seconds"))
    untimed = [each.model_copy(update=none) for each in rewarded]
    assert list(result_files(subjects(untimed), COMMIT)) == ["benchmarks.json"]


def test_asv_calls_results_of_other_settings_not_comparable(
    tmp_path: Path, commits: list[str], cells: list[Record]
) -> None:
    export(cells, tmp_path, commits[0])
    other = [each.model_copy(update={"identity": {**each.identity, "threads": 2}}) for each in changed(cells)]
    export(other, tmp_path, commits[1])
    (line,) = [each for each in asv(tmp_path, "compare", *commits).splitlines() if f"{LSTM}.step-time" in each]
    assert line.split("|")[1].strip() == "x"


def test_asv_publishes_a_graph_a_benchmark_with_the_values(
    tmp_path: Path, commits: list[str], cells: list[Record]
) -> None:
    export(cells, tmp_path, commits[0])
    export(changed(cells), tmp_path, commits[1])
    asv(tmp_path, "publish")
    html = tmp_path / "asv" / "html"
    index = json.loads((html / "index.json").read_text())
    assert index["benchmarks"][f"{LSTM}.step-time"]["unit"] == "seconds"
    # Axes and tables show the unit behind the number.
    assert index["benchmarks"][f"{LSTM}.test-error"]["unit"] == "error"
    assert set(index["machines"]) == {"some-cpu-2-cores-cpu"}
    (graph,) = (html / "graphs" / "summary").glob(f"{LSTM}.step-time.json")
    assert [value for _, value in json.loads(graph.read_text())] == [0.01, 0.03]


def test_asv_publishes_hostile_names(tmp_path: Path, commits: list[str], cells: list[Record]) -> None:
    conditions = cells[0].conditions
    assert conditions
    records = [
        record.model_copy(
            update={
                "cell_id": f"{number}{record.seed}",
                "task": name,
                "architecture": name,
                "identity": {"architecture": name},
                "conditions": conditions.model_copy(update={"machine": {"processor": name}}),
                "speed": None,
            }
        )
        for number, name in enumerate(HOSTILE)
        for record in cells[:3]
    ]
    export(records, tmp_path, commits[1])
    asv(tmp_path, "publish")
    assert len(list((tmp_path / "asv" / "html" / "graphs" / "summary").iterdir())) == 4 * len(HOSTILE)


@pytest.mark.parametrize("commit", [None, "", "HEAD", "../../x", COMMIT[:8], f"{COMMIT}\n"])
def test_a_commit_that_is_no_whole_hash_is_one_line(commit: str | None, tmp_path: Path, cells: list[Record]) -> None:
    with pytest.raises(UsageError, match="--commit: expected the 40 hex digits"):
        FORMAT.export(request_of(cells, tmp_path, commit))


def test_a_configuration_that_is_there_is_kept(tmp_path: Path, cells: list[Record]) -> None:
    export(cells, tmp_path, COMMIT)
    (tmp_path / "asv" / "asv.conf.json").write_text('{"version": 1, "repo": "mine"}')
    export(cells, tmp_path, COMMIT)
    assert json.loads((tmp_path / "asv" / "asv.conf.json").read_text())["repo"] == "mine"


def test_rows_of_two_environments_are_two_files(cells: list[Record]) -> None:
    conditions = cells[3].conditions
    assert conditions
    newer = conditions.model_copy(update={"libraries": {"python": "3.13.0"}})
    moved = [each.model_copy(update={"conditions": newer}) for each in cells[3:]]
    plain = [each.model_copy(update={"speed": None}) for each in cells[:3]]
    files = result_files(subjects([*plain, *moved]), COMMIT)
    assert sorted(files) == [
        "benchmarks.json",
        "some-cpu-2-cores-cpu/01234567-python3-11-7-keras3-15-1-tensorflow2-21-0.json",
        "some-cpu-2-cores-cpu/01234567-python3-13-0.json",
        "some-cpu-2-cores-cpu/machine.json",
    ]


def test_titles_are_told_apart_by_what_asv_shows_of_them(cells: list[Record]) -> None:
    long = {"test_size": 2000, "validation_size": 1000, "permute_pixels": False}
    given = [each.model_copy(update={"task_settings": long}) for each in cells]
    known = result_files(subjects(given), COMMIT)["benchmarks.json"]
    titles = [each["pretty_name"] for name, each in known.items() if name != "version"]
    assert len({title[:45] for title in titles}) == len(titles) == 5
    assert titles[0].startswith("test-error lstm[units=32] adding[")


def test_an_error_of_two_seeds_has_no_more_digits_than_a_table_bears(cells: list[Record]) -> None:
    files = result_files(subjects(cells[:2]), COMMIT)
    (results,) = (document["results"] for document in files.values() if "results" in document)
    assert results[f"{LSTM}.test-error"][0] == [0.09]

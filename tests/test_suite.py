"""Suite files: what is read, and what is said of what cannot be."""

import re
from pathlib import Path

import pytest

from bench.catalogue import suite_names
from bench.errors import UsageError
from bench.suite import BACKENDS, CELL, TRAINING, adhoc_suite, read_suite
from bench.task import Training

GRID = '[[grid]]\ntasks = ["digits"]\narchitectures = ["mlp"]\n'


def write(folder: Path, text: str | bytes) -> str:
    path = folder / "mine.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def test_the_promised_suites_are_shipped() -> None:
    assert suite_names() == ["claims-filters", "claims-images", "images", "quick", "sentinel", "text", "vanishing"]


@pytest.mark.parametrize("name", suite_names())
def test_a_shipped_suite_is_read_and_says_what_it_is_for(name: str) -> None:
    suite = read_suite(name)
    assert suite.summary
    assert "\n" not in suite.summary


def test_every_condition_of_a_training_can_be_set() -> None:
    assert TRAINING.keys() == Training.__dataclass_fields__.keys()


def test_backends_are_found_by_listing() -> None:
    assert BACKENDS == ("jax", "tensorflow", "torch")
    assert CELL["backend"].choices == BACKENDS


def test_a_suite_file_gives_settings_beside_names(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'summary = "x"\nseeds = [3, 7]\nunits = 5\nthreads = 2\n[training]\nlr = 0.1\nclip = "none"\n[[grid]]\n'
        'tasks = ["digits", { name = "adding", length = 20 }]\narchitectures = [{ name = "lstm", units = 8 }]\n'
        "training = { steps = 7 }\n",
    )
    suite = read_suite(path)
    assert (suite.seeds, suite.units, suite.threads) == ([3, 7], 5, 2)
    assert suite.training == {"lr": 0.1, "clip": "none"}
    assert [str(item) for item in suite.grid[0].tasks] == ["digits", "adding[length=20]"]
    assert suite.grid[0].training == {"steps": 7}


def test_an_adhoc_suite_is_one_grid() -> None:
    suite = adhoc_suite(["a", "b"], ["c"])
    assert [(grid.tasks, grid.architectures) for grid in suite.grid] == [(["a", "b"], ["c"])]


@pytest.mark.parametrize("name", ["quik", "", "../suites/quick", "quick.tom", "a\nb", "x" * 10_000])
def test_an_unknown_suite_is_answered_with_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match=r"unknown suite .*; (did you mean|expected one of) .*quick") as caught:
        read_suite(name)
    assert str(caught.value).isprintable()


def test_a_suite_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read suite .*no\.toml: No such file or directory; expected"):
        read_suite(str(tmp_path / "no.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(UsageError, match=r"cannot read suite .*folder\.toml: Is a directory"):
        read_suite(str(tmp_path / "folder.toml"))


@pytest.mark.parametrize(
    "content",
    [
        "a = [",
        "summary",
        "summary = 'x'\nsummary = 'y'",
        b"\xff\xfe",
        b"summary = '\x00'",
        "a = " + "[" * 50_000,
        "a = " + "9" * 5000,
        "{}",
    ],
    ids=["open", "bare", "twice", "bytes", "zero", "brackets", "digits", "json"],
)
def test_what_is_no_toml_is_one_line(tmp_path: Path, content: str | bytes) -> None:
    path = write(tmp_path, content)
    with pytest.raises(UsageError, match=re.escape(f"suite {path} is no TOML: ")) as caught:
        read_suite(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "summary: expected Field required, received {}"),
        ('summary = "x"', "grid: expected Field required"),
        ("summary = 3\n", "summary: expected a valid string, received 3"),
        ('summary = "x"\ngrid = []', "grid: expected List should have at least 1 item"),
        ('summary = "x"\ngrid = "a"', "grid: expected a valid list, received 'a'"),
        ('summary = "x"\n[[grid]]\ntasks = []\narchitectures = ["mlp"]', "grid.0.tasks: expected List should have"),
        ('summary = "x"\n[[grid]]\ntasks = ["digits"]\narchitectures = "mlp"', "architectures: expected a valid list"),
        ('summary = "x"\n[[grid]]\ntasks = ["digits"]', "grid.0.architectures: expected Field required"),
        ('summary = "x"\n[[grid]]\ntasks = [3]\narchitectures = ["mlp"]', "grid.0.tasks.0: expected a valid string or"),
        ('summary = "x"\n[[grid]]\ntasks = [{nam = "a"}]\narchitectures = ["mlp"]', "received {'nam': 'a'}"),
    ],
)
def test_a_suite_without_its_parts_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        read_suite(write(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seeds = true", "seeds: expected a valid integer or a valid list, received True"),
        ('seeds = "3"', "seeds: expected a valid integer or a valid list, received '3'"),
        ("seeds = 2.0", "seeds: expected a valid integer"),
        ("seeds = [1, true]", "seeds: expected a valid integer"),
        ('units = "8"', "units: expected a valid integer, received '8'"),
        ("params = 1e4", "params: expected a valid integer, received 10000.0"),
        ("threads = true", "threads: expected a valid integer, received True"),
        ("backend = 3", "backend: expected a valid string, received 3"),
        ("training = 3", "training: expected a valid dictionary, received 3"),
        ("training = {lr = [1]}", "training.lr: expected a valid boolean or a valid integer or"),
        ("training = {lr = 2020-01-01}", "received datetime.date(2020, 1, 1)"),
    ],
)
def test_a_key_of_the_wrong_type_is_named_with_expected_and_received(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path, f'summary = "x"\n{line}\n{GRID}')
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        read_suite(path)
    assert str(caught.value).startswith(f"suite {path}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'summary = "x"\nseed = 3\n{GRID}', "'seed'; did you mean speed, seeds"),
        (f'summary = "x"\n{GRID}task = ["adding"]\n', "'grid.0.task'; did you mean tasks"),
        (f'summary = "x"\n"a\\nb" = 1\n{GRID}', "'a\\nb'; expected one of"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        read_suite(write(tmp_path, text))


def test_a_received_value_of_megabytes_is_cut(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_suite(write(tmp_path, f'summary = "x"\nseeds = "{"y" * 1_000_000}"\n{GRID}'))
    assert len(str(caught.value)) < 400 + len(str(tmp_path))

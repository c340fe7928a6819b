"""The catalogue in words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.catalogue import claim_names, discover, suite_names
from bench.describe import catalogue_lines, describe
from bench.errors import UsageError

CATALOGUE = discover()


def test_the_list_has_everything_once_with_a_line_each() -> None:
    lines = catalogue_lines(CATALOGUE)
    for kind, known in (
        ("tasks", sorted(CATALOGUE.tasks)),
        ("architectures", sorted(CATALOGUE.architectures)),
        ("suites", suite_names()),
        ("claims", claim_names()),
    ):
        assert [line["name"] for line in lines if line["kind"] == kind] == known
    assert all(line["summary"] and "\n" not in line["summary"] for line in lines)


@pytest.mark.parametrize("name", sorted(CATALOGUE.tasks))
def test_a_task_is_described_by_input_output_chance_settings_and_source(name: str) -> None:
    text, task = describe(CATALOGUE, name), CATALOGUE.task(name).value
    assert text.startswith(f"task {name}: {task.summary}\n")
    for part in (
        "input",
        "output",
        "metric",
        "chance",
        "solved",
        "training",
        "settings",
        str(CATALOGUE.task(name).file),
    ):
        assert part in text
    assert task.source in text
    for key, setting in task.settings.items():
        assert f"{key} = {setting.default}  {setting.help} ({setting.expected})" in text
    for file in task.files:
        assert str(file.path) in text


@pytest.mark.parametrize("name", sorted(CATALOGUE.architectures))
def test_an_arm_is_described_by_its_settings_and_source(name: str) -> None:
    text, entry = describe(CATALOGUE, name), CATALOGUE.architecture(name)
    assert text.startswith(f"architecture {name}: {entry.value.summary}\n")
    assert entry.value.source in text
    assert str(entry.file) in text
    for key, setting in entry.value.settings.items():
        assert f"{key} = {setting.default}  {setting.help} ({setting.expected})" in text


@pytest.mark.parametrize("name", suite_names())
def test_a_suite_is_described_by_its_grids(name: str) -> None:
    text = describe(CATALOGUE, name)
    assert text.startswith(f"suite {name}: ")
    assert "architectures" in text


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown name 'quik'; did you mean quick"):
        describe(CATALOGUE, "quik")


def test_a_plug_in_without_settings_is_described(plugin: Callable[..., Path]) -> None:
    path = plugin("mine.py", "import dataclasses\nARCHITECTURE = dataclasses.replace(architecture(), settings={})")
    assert f"file      {path}" in describe(discover([path]), "mine")

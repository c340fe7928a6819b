"""Errors a user can meet."""

import pytest

from bench.errors import BenchError, DataError, PluginError, StoreError, UsageError, count, shown, unknown


@pytest.mark.parametrize(("kind", "code"), [(UsageError, 2), (DataError, 4), (PluginError, 4), (StoreError, 4)])
def test_every_error_has_the_exit_code_of_the_manual(kind: type[BenchError], code: int) -> None:
    assert issubclass(kind, BenchError)
    assert kind("x").exit_code == code


def test_an_unknown_name_is_answered_with_the_nearest_known_ones() -> None:
    error = unknown("task", "addin", ["copy", "adding", "digits"])
    assert str(error) == "unknown task 'addin'; did you mean adding?"


def test_a_name_near_to_none_is_answered_with_all() -> None:
    assert str(unknown("task", "qqq", ["copy", "adding"])) == "unknown task 'qqq'; expected one of adding, copy"


def test_where_nothing_is_known_nothing_is_suggested() -> None:
    assert str(unknown("task", "qqq", [])) == "unknown task 'qqq'"


@pytest.mark.parametrize("value", ["a\nb", "\x1b[31m", "x" * 10_000, 10**4000, [1] * 5000, None])
def test_a_received_value_is_shown_on_one_short_line(value: object) -> None:
    assert len(shown(value)) <= 80
    assert shown(value).isprintable()
    assert str(unknown("task", str(value), ["a"])).isprintable()


def test_one_is_singular_and_none_is_not() -> None:
    assert [count(number, "cell") for number in (0, 1, 2)] == ["0 cells", "1 cell", "2 cells"]

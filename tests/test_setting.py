"""Settings: types, bounds, choices, and what is said of a wrong value."""

import math
import re
from typing import Any

import pytest

from bench.errors import UsageError
from bench.setting import Setting, complete

FLAG = Setting(False, "a flag")
COUNT = Setting(10, "a count", minimum=2, maximum=100)
ANY_COUNT = Setting(0, "any integer")
RATE = Setting(0.5, "a rate", minimum=0.0, maximum=1.0)
ANY_RATE = Setting(0.5, "any number")
WORD = Setting("a", "a text")
CHOICE = Setting("rows", "a view", choices=("rows", "pixels"))
FACTOR = Setting(1, "a factor", choices=(1, 2, 4))


@pytest.mark.parametrize(
    ("setting", "raw", "value"),
    [
        (FLAG, True, True),
        (FLAG, "true", True),
        (FLAG, "FALSE", False),
        (COUNT, "2", 2),
        (COUNT, 100, 100),
        (ANY_COUNT, "-7", -7),
        (ANY_COUNT, "+7", 7),
        (ANY_COUNT, 10**30, 10**30),
        (RATE, "0", 0.0),
        (RATE, 1, 1.0),
        (RATE, "5e-1", 0.5),
        (ANY_RATE, "-1E3", -1000.0),
        (ANY_RATE, ".5", 0.5),
        (WORD, "", ""),
        (WORD, "3", "3"),
        (CHOICE, "pixels", "pixels"),
        (FACTOR, "4", 4),
    ],
)
def test_a_right_value_becomes_the_settings_type(setting: Setting, raw: Any, value: Any) -> None:
    parsed = setting.parse("key", raw)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize("raw", ["", "1", 1, 0, "yes", None, "tru", [True]])
def test_only_true_and_false_are_booleans(raw: Any) -> None:
    with pytest.raises(UsageError, match=rf"key: expected true or false, received {re.escape(repr(raw))}"):
        FLAG.parse("key", raw)


@pytest.mark.parametrize(
    "raw", ["", " 5", "5 ", "abc", "1e1", "1_0", "٣", "³", "0x10", "5.0", 5.0, True, None, [5], {}]
)
def test_only_plain_decimal_integers_are_integers(raw: Any) -> None:
    with pytest.raises(UsageError, match="key: expected an integer, received "):
        ANY_COUNT.parse("key", raw)


@pytest.mark.parametrize(
    "raw", ["", "nan", "NaN", "inf", "-inf", "1_0", "٣", "abc", "1e999", True, math.nan, math.inf, 10**400, [1.0], None]
)
def test_only_finite_numbers_are_numbers(raw: Any) -> None:
    with pytest.raises(UsageError, match="key: expected a number, received "):
        ANY_RATE.parse("key", raw)


@pytest.mark.parametrize("raw", [3, True, None, ["a"], 0.5])
def test_a_text_is_not_made_of_something_else(raw: Any) -> None:
    with pytest.raises(UsageError, match="key: expected a text, received "):
        WORD.parse("key", raw)


@pytest.mark.parametrize(
    ("setting", "raw", "expected"),
    [
        (COUNT, "1", "an integer >= 2 and <= 100"),
        (COUNT, 101, "an integer >= 2 and <= 100"),
        (COUNT, -(10**50), "an integer >= 2 and <= 100"),
        (RATE, "-0.1", "a number >= 0 and <= 1"),
        (RATE, 1.0000001, "a number >= 0 and <= 1"),
        (Setting(1, "", maximum=5), "6", "an integer <= 5"),
        (Setting(1, "", maximum=2**32 - 1), 2**32, "an integer <= 4294967295"),
        (CHOICE, "Rows", "one of rows, pixels"),
        (CHOICE, "", "one of rows, pixels"),
        (FACTOR, 3, "one of 1, 2, 4"),
        (FACTOR, True, "one of 1, 2, 4"),
    ],
)
def test_a_value_out_of_range_is_refused_with_key_expected_and_received(
    setting: Setting, raw: Any, expected: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(f"adding.length: expected {expected}, received {raw!r}"[:110])):
        setting.parse("adding.length", raw)


@pytest.mark.parametrize("raw", ["9" * 6000, "a\nb" * 3, "\x1b[2J"])
def test_a_hostile_value_is_quoted_on_one_short_line(raw: str) -> None:
    with pytest.raises(UsageError) as caught:
        COUNT.parse("key", raw)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_completing_fills_in_defaults_in_the_order_of_names() -> None:
    given = complete("adding", {"length": COUNT, "a": RATE}, {"length": "5"})
    assert given == {"a": 0.5, "length": 5}
    assert list(given) == ["a", "length"]


def test_an_unknown_key_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(UsageError, match=r"unknown setting 'adding\.lenght'; did you mean adding\.length, "):
        complete("adding", {"length": COUNT, "a": RATE}, {"lenght": 5})


def test_a_key_of_an_owner_without_settings_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown setting 'adding\.x'"):
        complete("adding", {}, {"x": 5})


def test_a_wrong_value_is_named_with_its_owner() -> None:
    with pytest.raises(UsageError, match=r"^adding\.length: expected an integer >= 2 and <= 100, received 'abc'$"):
        complete("adding", {"length": COUNT}, {"length": "abc"})

"""`ack.toml`: which changes are known."""

import pytest

from bench.acknowledged import read_acknowledged
from bench.errors import UsageError

ONE = """
[[known]]
cell = "adding/*"
quantity = "step ratio"
commit = "0123abc"
reason = "norms are kept in float32"
"""


def test_what_is_acknowledged_is_read_in_order(tmp_path):
    (tmp_path / "ack.toml").write_text(ONE + ONE.replace("adding", "copy"))
    first, second = read_acknowledged(tmp_path)
    assert (first.cell, second.cell, first.reason) == ("adding/*", "copy/*", "norms are kept in float32")


def test_without_a_file_or_in_an_empty_one_nothing_is(tmp_path):
    assert read_acknowledged(tmp_path) == ()
    (tmp_path / "ack.toml").write_text("# none\n")
    assert read_acknowledged(tmp_path) == ()


def test_a_change_is_covered_where_cell_quantity_and_commit_fit(tmp_path):
    (tmp_path / "ack.toml").write_text(ONE)
    (known,) = read_acknowledged(tmp_path)
    commits = ["f" * 40, "0123abcd" + "0" * 32]
    assert known.covers("adding", "lstm", "step ratio", commits)
    assert not known.covers("copy", "lstm", "step ratio", commits)
    assert not known.covers("adding", "lstm", "score", commits)
    assert not known.covers("adding", "lstm", "step ratio", ["f" * 40])


@pytest.mark.parametrize(
    "text",
    [
        "[[known]",
        "known = 3",
        "[[knwon]]\n",
        ONE.replace("0123abc", "main"),
        ONE.replace("0123abc", "0123ab"),
        ONE.replace('"norms are kept in float32"', '""'),
        ONE.replace('"norms are kept in float32"', "3"),
        ONE.replace("reason", "why"),
        ONE + "until = 2027-01-01\n",
        "x = " + "[" * 5000,
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, text):
    (tmp_path / "ack.toml").write_text(text)
    with pytest.raises(UsageError, match=r"ack\.toml.*expected \[\[known\]\] tables") as caught:
        read_acknowledged(tmp_path)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_and_files_too_large_are_refused(tmp_path):
    (tmp_path / "ack.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="no TOML"):
        read_acknowledged(tmp_path)
    (tmp_path / "ack.toml").write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(UsageError, match="at most 1 MiB"):
        read_acknowledged(tmp_path)

"""Flags that several commands share."""

import pytest

from bench.cli.options import Size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2 * 10**9),
        ("1.5 GB", 15 * 10**8),
        ("500MB", 5 * 10**8),
        ("2GiB", 2**31),
        ("1TB", 10**12),
        ("1MB", 10**6),
    ],
)
def test_a_size_is_read_in_bytes(text: str, size: int) -> None:
    assert Size().convert(text, None, None) == size

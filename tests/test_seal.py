"""The checksum of a file."""

import pytest

from bench.seal import intact, sealed
from bench.sources import digest

BLANK = b'{\n "checksum": "",\n "text": "\\"checksum\\": \\"\\"",\n "of": {"checksum": ""}\n}'


def test_a_sealed_file_holds_the_checksum_of_itself_without_one():
    checksum, content = sealed(BLANK)
    assert checksum == digest(BLANK)
    assert content == BLANK.replace(b'"checksum": ""', f'"checksum": "{checksum}"'.encode(), 1)
    assert intact(content, checksum)


def test_other_line_ends_do_not_break_the_seal():
    checksum, content = sealed(BLANK)
    assert intact(content.replace(b"\n", b"\r\n"), checksum)


@pytest.mark.parametrize(("old", "new"), [(b"text", b"next"), (b"}", b"} "), (b'"of"', b' "of"')])
def test_any_other_byte_breaks_it(old, new):
    checksum, content = sealed(BLANK)
    assert not intact(content.replace(old, new, 1), checksum)

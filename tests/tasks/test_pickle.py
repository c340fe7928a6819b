import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.errors import DataError
from tasks._pickle import unpickle

OldPickle = Callable[[Any], bytes]


def test_arrays_lists_and_byte_strings_are_read(old_pickle: OldPickle) -> None:
    lists = np.empty(2, object)
    lists[:] = [[1, 2, 300], [70_000]]
    value = {b"data": np.arange(6, dtype=np.uint8).reshape(2, 3), b"labels": [3, 1], b"lists": lists}
    result = unpickle(old_pickle(value), "file")
    assert result.keys() == value.keys()
    assert np.array_equal(result[b"data"], value[b"data"])
    assert result[b"labels"] == [3, 1]
    assert result[b"lists"].tolist() == lists.tolist()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_would_run_code_is_refused(bomb: Any, protocol: int) -> None:
    with pytest.raises(DataError, match=r"data file batch: expected a pickle of numbers and arrays, found .*exec"):
        unpickle(pickle.dumps({"data": bomb}, protocol=protocol), "batch")


@pytest.mark.parametrize("payload", [b"cos\nsystem\n(S'true'\ntR.", b"cnumpy\nload\n.", b"cbuiltins\ngetattr\n."])
def test_functions_other_than_those_of_arrays_are_refused(payload: bytes) -> None:
    with pytest.raises(DataError, match="UnpicklingError"):
        unpickle(payload, "batch")


@pytest.mark.parametrize("content", [b"", b"\x80\x02", b"garbage", b"\x80\x02]q\x01(K\x01"])
def test_a_malformed_pickle_is_a_data_error_that_names_the_file(content: bytes) -> None:
    with pytest.raises(DataError, match="data file some/batch"):
        unpickle(content, "some/batch")

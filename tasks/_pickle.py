"""Reading the few published data files that are pickles, without running what a pickle may ask for.

Callers check a file's published digest first; the restriction is the second lock on the door.
"""

import io
import pickle
import warnings
from typing import Any

import numpy as np

from bench.errors import DataError

_PERMITTED: dict[tuple[str, str], Any] = {
    # Taken from a live array, since the function's home differs between versions of NumPy.
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _Arrays(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _PERMITTED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return _PERMITTED[module, name]


def unpickle(content: bytes, source: str) -> Any:
    """Numbers, byte strings, lists, dicts and arrays from a pickle written by Python 2.

    Raises DataError naming `source` where the pickle is malformed or asks for anything else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old pickles spell a dtype's arguments as NumPy now discourages
            return _Arrays(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a malformed pickle can raise nearly anything
        raise DataError(
            f"data file {source}: expected a pickle of numbers and arrays, found {type(error).__name__}: {error}"
        ) from None

"""Copies a run with its curves rounded to what its figures show, so that it fits into a repository.

    python results/reference/condense.py RUN FOLDER

Norms and losses keep a few bits of their mantissa, logarithms and what lies in [0, 1] a 32nd; the rest is as it was.
Records are as the run wrote them, of each cell the one that counts, without line breaks.
"""

import sys
from pathlib import Path

import numpy as np

from bench.store import Store, write_atomic

BITS = {"gradient_norm": 2, "weight_norm": 4, "update_norm": 2, "train_loss": 3, "lag_share": 5}
"""Bits of the mantissa behind the first."""
STEP = 1 / 32
STEPPED = ("profile_", "floored_", "gate_", "example_", "memory")


def condensed(name: str, values: np.ndarray) -> np.ndarray:
    """`values` of the curve `name`, rounded, of the same shape and kind."""
    if values.dtype.kind != "f":
        return values
    if name in BITS:
        mantissa, exponent = np.frexp(values)
        scale = 2 ** (BITS[name] + 1)
        return np.ldexp(np.round(mantissa * scale) / scale, exponent).astype(values.dtype)
    stepped = name.startswith(STEPPED) and name != "memory_cues"  # a claim judges by these few numbers
    return (np.round(values / STEP) * STEP).astype(values.dtype) if stepped else values


def main(run: Path, folder: Path) -> None:
    """Condense every cell of `run` into `folder`."""
    source, target = Store(run).open(), Store(folder).create()
    for record in source.records():
        curves = {name: condensed(name, values) for name, values in source.curves(record).items()}
        written = target.write(record, curves or None)
        place = folder / record.cell_id / Path(written.curves or "1.npz").with_suffix(".json").name
        # The checksum is of the file as it was written, with line breaks.
        write_atomic(place, written.model_copy(update={"checksum": None}).model_dump_json().encode())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

"""The same weights have the same gradients on every backend."""

import subprocess
import sys
from pathlib import Path

import known_weights
import numpy as np
import pytest
from cells import BACKEND

from bench.execute.process import environment


@pytest.mark.contract
@pytest.mark.skipif(BACKEND == "tensorflow", reason="is what the other backends are compared with")
def test_gradients_and_half_lives_are_those_of_tensorflow(tmp_path: Path) -> None:
    file = tmp_path / "tensorflow.npz"
    around = environment("tensorflow", 1)
    subprocess.run([sys.executable, known_weights.__file__, str(file)], env=around, check=True)
    found = known_weights.flows()
    with np.load(file) as expected:
        assert found.keys() == set(expected.files)
        for name, values in found.items():
            # Of a logarithm that is the error in the norm.
            bound = {"atol": 1e-4 / np.log(10), "rtol": 0} if "profile" in name else {"rtol": 1e-4}
            np.testing.assert_allclose(values, expected[name], **bound, err_msg=name)
        lives = [name for name in found if "half-life" in name]
        assert len(lives) >= 2 * len(known_weights.ARMS)
        assert sum(np.isfinite(expected[name]) for name in lives) >= len(lives) / 2

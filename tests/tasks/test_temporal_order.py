import itertools

import numpy as np
import pytest

from tasks.temporal_order import draw, window

STARTS = {2: (0.1, 0.5), 3: (0.1, 0.3, 0.6)}


@pytest.mark.parametrize("bits", [2, 3])
@pytest.mark.parametrize("length", [10, 11, 19, 100, 137])
def test_the_class_is_the_order_of_the_relevant_symbols(length: int, bits: int) -> None:
    classes = {"".join(names): index for index, names in enumerate(itertools.product("XY", repeat=bits))}
    x, y = draw(np.random.default_rng(0), 300, length=length, bits=bits)
    assert np.array_equal(x.sum(axis=-1), np.ones((300, length)))
    for sequence, label in zip(x.argmax(axis=-1), y, strict=True):
        text = "".join("abcdXY"[symbol] for symbol in sequence)
        places = [place for place, symbol in enumerate(text) if symbol in "XY"]
        assert classes["".join(text[place] for place in places)] == label
        for place, start in zip(places, STARTS[bits], strict=True):
            assert start * length - 1e-9 <= place < (start + 0.1) * length - 1e-9


def test_every_place_of_a_window_is_used_and_distractors_are_uniform() -> None:
    symbols = draw(np.random.default_rng(1), 5_000, length=100, bits=2).x.argmax(axis=-1)
    used = np.flatnonzero((symbols >= 4).any(axis=0))
    assert used.tolist() == [*range(10, 20), *range(50, 60)]
    np.testing.assert_allclose(np.bincount(symbols[:, 60:].ravel(), minlength=6)[:4] / (5_000 * 40), 1 / 4, atol=0.005)


@pytest.mark.parametrize("bits", [2, 3])
def test_classes_are_equally_likely(bits: int) -> None:
    y = draw(np.random.default_rng(2), 20_000, length=10, bits=bits).y
    np.testing.assert_allclose(np.bincount(y, minlength=2**bits) / len(y), 0.5**bits, atol=0.012)


def test_windows_are_never_empty_and_keep_apart() -> None:
    for length in range(10, 1_000):
        ranges = [window(tenth, length) for tenth in (1, 3, 5, 6)]
        assert all(0 <= low < high <= length for low, high in ranges), length
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(ranges)), length

"""Imports that take less time."""

import gc
import sys
from importlib import import_module

import pytest

from bench.imports import without


def test_a_hidden_package_cannot_be_imported_for_as_long_as_it_lasts_and_then_can(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with without("colorsys", "gc"):
        assert import_module("gc") is gc  # it was there before
        with pytest.raises(ImportError):
            import_module("colorsys")
    assert sys.modules["gc"] is gc
    assert import_module("colorsys").rgb_to_hls(0, 0, 0) == (0, 0, 0)


def test_an_error_hides_nothing_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with pytest.raises(ImportError), without("colorsys"):
        import_module("colorsys")
    assert "colorsys" not in sys.modules

"""How findings look, and what the exit code says of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bench.cli import doctor
from bench.execute.doctor import Finding

Archbench = Callable[..., Any]
LONG = "/a/very/long/path/" * 6


def _finds(monkeypatch: pytest.MonkeyPatch, *found: Finding) -> None:
    monkeypatch.setattr(doctor, "findings", lambda *_, **__: iter(found))


def test_a_finding_fits_eighty_columns_and_what_to_do_stands_beneath(
    archbench: Archbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    _finds(monkeypatch, Finding("load", "note", "9.9 over " + "the last " * 9 + "minute", "end other\nprograms"))
    called = archbench("doctor")
    assert called.code == 0
    *value, advice = called.out.splitlines()
    assert value[0].startswith("note    load        9.9 over")
    assert advice == " " * 20 + "-> end other programs"
    assert max(map(len, called.out.splitlines())) <= 80


@pytest.mark.parametrize(("level", "code"), [("ok", 0), ("note", 0), ("problem", 4)])
def test_only_a_problem_is_a_failure(
    archbench: Archbench, monkeypatch: pytest.MonkeyPatch, level: Any, code: int
) -> None:
    _finds(monkeypatch, Finding("results", level, LONG), Finding("noise", "ok", "little"))
    called = archbench("doctor", "--json")
    assert called.code == code
    assert json.loads(called.out)[0] == {"name": "results", "level": level, "value": LONG, "advice": None}


def test_a_backend_that_is_not_known_is_refused(archbench: Archbench) -> None:
    called = archbench("doctor", "--backend", "theano")
    assert called.code == 2
    assert "--backend: expected one of" in called.complaint

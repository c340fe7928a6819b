import re
import subprocess
import sys
from io import StringIO

import pytest
from rich.console import Console
from timings import timed

from bench.record import Record
from bench.report.terminal import print_summary

from .conftest import HOSTILE, make_record


def shown(records: list[Record], *, colour: bool = False) -> str:
    out = StringIO()
    print_summary(
        records, Console(width=80, file=out, force_terminal=colour, color_system="standard" if colour else None)
    )
    return out.getvalue()


def test_a_table_has_a_title_with_metric_direction_chance_and_target(records: list[Record]) -> None:
    assert "adding: mse (lower is better), chance 0.167, target 0.01" in shown(records)


def test_a_row_shows_score_solved_steps_parameters_time_and_gradient() -> None:
    text = shown([make_record(seed=seed, value=0.97 + 0.01 * seed, steps_to_target=500) for seed in range(3)])
    assert re.search(r"lstm +0\.980 0\.970–0\.990 +3/3 +500 +12\.3k +21\.0\* +1\.2 → 0\.034", text)
    assert "* while training, other workers beside it; `run --speed` times cells alone" in text


def test_a_step_that_was_timed_alone_goes_before_that_of_the_training_and_has_no_mark() -> None:
    records = [make_record(seed=seed) for seed in range(2)]
    text = shown([timed(records[0]), timed(records[1])])
    assert re.search(r"12\.3k +10\.0 +1\.2", text)
    assert "*" not in text
    both = shown([timed(records[0]), timed(records[1]), make_record(architecture="rnn")])
    assert re.search(r"lstm.* 10\.0 +1\.2", both)
    assert re.search(r"rnn.* 20\.0\* +1\.2", both)
    assert max(map(len, both.splitlines())) <= 80


@pytest.mark.parametrize("value", [1.2345e-5, 0.9, 123456.0, -0.5])
def test_80_columns_hold_every_number_whole(value: float) -> None:
    records = [
        make_record(architecture="n" * 60, seed=seed, value=value * (1 + seed / 9), accuracy=False) for seed in (0, 1)
    ]
    text = shown([*records, make_record(architecture="n" * 60, seed=2, status="diverged", accuracy=False)])
    assert max(map(len, text.splitlines())) <= 80
    assert "1.2 → 0.034" in text
    assert "(2 of 3)" in text


def test_a_narrow_terminal_keeps_the_names() -> None:
    out = StringIO()
    print_summary([make_record(architecture="transformer")], Console(width=40, file=out))
    assert "transformer" in out.getvalue()


def test_failures_and_skips_are_listed_with_their_reason(records: list[Record]) -> None:
    text = shown(records)
    assert "lstm, seed 2: diverged: loss is NaN at step 200" in text
    assert "cnn: skipped: reads images only" in text


def test_a_long_reason_is_wrapped_and_cut_after_a_few_lines() -> None:
    text = shown([make_record(status="failed", reason="why\n" * 200)])
    lines = [line for line in text.splitlines() if "why" in line]
    assert 2 <= len(lines) <= 5
    assert max(map(len, lines)) <= 80


def test_only_the_best_mean_is_bold(records: list[Record]) -> None:
    text = shown([record for record in records if record.task == "copy"], colour=True)
    assert "\x1b[1m0.970\x1b[0m" in text
    assert "\x1b[1m0.900" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_and_never_markup(name: str) -> None:
    text = shown(
        [make_record(name, name, status=status, seed=i, reason=name) for i, status in enumerate(("ok", "failed"))]
    )
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert "\u202e" not in text
    if name == "[bold]red[/bold]":
        assert name in text


def test_nothing_but_skips_is_no_error() -> None:
    assert "skipped: no reason given" in shown([make_record(status="skipped")])


def test_a_terminal_table_needs_neither_pandas_nor_matplotlib() -> None:
    code = (
        "import sys, bench.report.terminal; print([m for m in ('pandas', 'matplotlib', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

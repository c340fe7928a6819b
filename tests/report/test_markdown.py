"""The report for a comment on a pull request: one text, short enough, and what it says."""

import pytest

from bench.record import Record
from bench.report.markdown import LIMIT, comment
from bench.task import Training

from .conftest import make_record, runs
from .test_output import github


def text_of(*records: Record, **given: list[str]) -> str:
    return comment(runs(*records, **given), title="A title")


@pytest.fixture(scope="module")
def text() -> str:
    made = [make_record("copy", "gru", seed, 0.97 + 0.001 * seed, steps_to_target=300) for seed in range(3)]
    made += [make_record("copy", "lstm", seed, 0.9) for seed in range(2)]
    made += [
        make_record("copy", "lstm", 2, status="diverged", reason="loss is NaN"),
        make_record("copy", "rnn", 0, 0.1),
    ]
    made += [make_record("copy", "cnn", seed, status="skipped", reason="reads images only") for seed in range(3)]
    return text_of(*made)


def test_the_sentence_says_who_leads_who_is_next_and_who_stays_at_chance(text: str) -> None:
    assert (
        "**copy**: **gru** leads with a mean accuracy of 0.971 (3 seeds); next is **lstm** with 0.900 "
        "(2 of 3 seeds: 1 diverged); **rnn** stays at chance (0.100)." in text
    )
    assert "6 of 7 planned runs finished with a score." in text


def test_nobody_leads_where_all_stay_at_chance() -> None:
    text = text_of(*(make_record("copy", name, value=value) for name, value in (("gru", 0.11), ("rnn", 0.1))))
    assert "**copy**: **gru** and **rnn** stay at chance (0.100)." in text


def test_failures_and_skips_come_before_the_results(text: str) -> None:
    assert "| copy | lstm | 2 | diverged | loss is NaN |" in text
    assert "| copy | cnn | 0, 1, 2 | skipped | reads images only |" in text
    assert text.index("Failures and skips") < text.index("| architecture |")


def test_without_failures_there_is_no_section_of_them() -> None:
    assert "Failures" not in text_of(make_record())


def test_a_row_has_its_interval_or_says_how_many_seeds_its_mean_is_of(text: str) -> None:
    assert "| gru | 0.971 ± 0.002 | 3 of 3 | 300 | 12,345 | 21.0\\* |" in text
    assert "| lstm | 0.900 (2 of 3), 0.900–0.900 | 0 of 3 | never |" in text
    assert "| rnn | 0.100 | 0 of 1 |" in text


def test_bold_is_who_leads_only_where_the_seeds_tell() -> None:
    close = [make_record("copy", name, seed, 0.9 + 0.01 * seed) for name in "ab" for seed in range(5)]
    assert "| **" not in text_of(*close)
    far = [make_record("copy", "c", seed, 0.1 + 0.01 * seed) for seed in range(5)]
    assert "| a | **0.920** ± 0.020 |" in text_of(*close, *far)
    assert "| c | 0.120 ± 0.020 |" in text_of(*close, *far)


def test_conditions_name_versions_machine_and_threads(text: str) -> None:
    for part in ("keras 3.9;", "processor some cpu;", "threads 1.", "Measured from 2026-01-02 to 2026-01-02."):
        assert part in text


def test_what_varied_in_the_conditions_has_its_counts() -> None:
    found = text_of(make_record(backend="jax"), make_record(backend="torch"))
    assert "backend jax \\(1\\), torch \\(1\\);" in found


def test_every_table_is_whole(text: str) -> None:
    for row in github(text).rows:
        assert len(row) in (5, 6)


def test_a_label_shows_unequal_training() -> None:
    made = [make_record(architecture=name, training=Training(steps=9, lr=lr)) for name, lr in (("a", 0.1), ("b", 0.2))]
    assert "| a \\[lr=0.1\\] |" in text_of(*made)


def test_a_comment_holds_what_github_takes_and_says_what_was_left_out() -> None:
    made = [make_record(f"task {n:03}", "|" * 80, seed) for n in range(200) for seed in range(2)]
    made += [make_record(f"task {n:03}", "*" * 300, status="failed", reason="|" * 900) for n in range(200)]
    text = text_of(*made, notes=["|" * 900] * 99)
    assert LIMIT - 2_000 < len(text.encode()) <= LIMIT
    shown = sum(row[0].startswith("|||") for row in github(text).rows if len(row) == 6)
    assert 0 < shown < 200
    assert f"Left out, as a comment holds 65,536 characters: {200 - shown} tables, first **task {shown:03}**" in text
    assert "170 more." in text
    assert "89 more notes" in text
    assert text.endswith("threads 1.\n")


def test_a_table_of_many_rows_says_how_many_more_there_are() -> None:
    text = text_of(*(make_record(architecture=f"a{n:03}", value=0.9 - n / 1000) for n in range(120)))
    assert "70 more, all behind these." in text
    assert "| a049 |" in text
    assert "| a050 |" not in text

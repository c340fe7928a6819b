"""The tables for a paper: they compile, look as they should, and bold means that the test says so."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from timings import timed

from bench.record import Record
from bench.report.latex import latex, write_latex
from bench.report.text import plain, shorten

from .conftest import HOSTILE, make_record, runs

DOCUMENT = r"""\documentclass{article}
%s
\usepackage{booktabs}
\begin{document}
\input{table}
\end{document}
"""


def text_of(*records: Record, folder: Path) -> str:
    (path,) = write_latex(runs(*records), folder, title="A title")
    return path.read_text(encoding="utf-8")


@pytest.fixture
def pdflatex() -> str:
    program = shutil.which("pdflatex")
    if program is None:
        if os.environ.get("ARCHBENCH_REQUIRE_TEX") == "1":
            pytest.fail("ARCHBENCH_REQUIRE_TEX=1, but there is no pdflatex: install texlive-latex-recommended")
        pytest.skip("no pdflatex (Debian: texlive-latex-recommended)")
    return program


@pytest.mark.parametrize("fonts", ["", r"\usepackage[T1]{fontenc}"])
def test_the_tables_compile_whatever_the_names(
    tmp_path: Path, pdflatex: str, fonts: str, records: list[Record]
) -> None:
    letters = "".join(map(chr, (*range(0x20, 0x7F), *range(0xA1, 0x180))))
    names = [*HOSTILE, *(letters[start : start + 40] for start in range(0, len(letters), 40))]
    made = [make_record(name, name, seed, reason=name, value=1e-7 * seed) for name in names for seed in range(3)]
    made += [make_record(name, "b", status="failed", reason=name) for name in names]
    text_of(*records, *made, timed(make_record("timed")), folder=tmp_path)
    (tmp_path / "paper.tex").write_text(DOCUMENT % fonts)
    done = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"],
        cwd=tmp_path, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    log = (tmp_path / "paper.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-3000:]
    assert "Missing character" not in log
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000


def test_a_row_has_mean_half_of_the_interval_solved_steps_parameters_and_time(tmp_path: Path) -> None:
    made = [make_record(seed=seed, value=0.96 + 0.01 * seed, steps_to_target=300) for seed in range(3)]
    # Student's t(0.975, 2) = 4.303; the standard error of 0.96, 0.97, 0.98 is 0.01 / sqrt(3): 0.0248.
    assert r"lstm & 0.970 $\pm$ 0.025 & 3/3 & 300 & 12\,345 & 21.0* \\" in text_of(*made, folder=tmp_path)


def test_small_numbers_are_powers_of_ten(tmp_path: Path) -> None:
    made = [make_record(seed=seed, value=1e-7 * (seed + 1), accuracy=False) for seed in range(3)]
    assert r"lstm & $2.0 \times 10^{-7}$ $\pm$ $2.5 \times 10^{-7}$ &" in text_of(*made, folder=tmp_path)


def test_bold_is_the_best_only_where_the_seeds_tell_it(tmp_path: Path) -> None:
    close = [make_record("copy", name, seed, 0.9 + 0.01 * seed) for name in "ab" for seed in range(5)]
    text = text_of(*close, folder=tmp_path)
    assert r"\textbf" not in text
    assert "No architecture is told from the best." in text
    far = [make_record("copy", "c", seed, 0.1 + 0.01 * seed) for seed in range(5)]
    text = text_of(*close, *far, folder=tmp_path)
    assert r"a & \textbf{0.920} $\pm$ 0.020" in text
    assert r"b & \textbf{0.920} $\pm$ 0.020" in text
    assert r"c & 0.120 $\pm$ 0.020" in text
    assert "Bold: the best" in text


def test_failures_and_skips_stand_beneath_their_table(tmp_path: Path, records: list[Record]) -> None:
    text = text_of(*records, folder=tmp_path)
    assert "lstm, seed 2: diverged: loss is NaN at step 200.\n" in text
    assert "cnn, seed 0, 1, 2: skipped: reads images only.\n" in text


def test_a_caption_has_the_settings_that_tell_two_tables_apart_in_full(tmp_path: Path) -> None:
    views = [make_record("images", task_settings={"permute_pixels": on, "view": "image"}) for on in (False, True)]
    text = text_of(*views, folder=tmp_path)
    assert r"\caption{images [permute\_pixels=false]" in text
    long = [make_record("images", task_settings={"permute_pixels": on, "view": view})
            for on in (False, True) for view in ("image", "rows")]  # fmt: skip
    assert r"\caption{images [permute\_pixels=false, view=image]" in text_of(*long, folder=tmp_path)
    assert "told from the best" not in text


def test_labels_of_tables_are_unique(tmp_path: Path) -> None:
    text = text_of(make_record("../x"), make_record("x"), folder=tmp_path)
    assert r"\label{tab:x}" in text
    assert r"\label{tab:x-2}" in text


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("lstm-b0", "lstm-b0"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("50% & #1_x", r"50\% \& \#1\_x"),
        ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("^~<>|", r"\textasciicircum{}\textasciitilde{}\textless{}\textgreater{}\textbar{}"),
        ("[b]", "{}[b]"),
        ("*", "{}*"),
        ("é日\u202e", "éU+65E5\\textbackslash{}u202e"),
    ],
)
def test_a_name_shows_as_it_is(name: str, escaped: str) -> None:
    assert latex(name) == escaped


@pytest.mark.parametrize("name", HOSTILE)
def test_a_title_is_a_comment_on_one_line(tmp_path: Path, name: str) -> None:
    (path,) = write_latex(runs(make_record()), tmp_path, title=name)
    assert path.read_text(encoding="utf-8").splitlines()[0] == f"% {plain(shorten(name, 500))}"

"""RNNs struggle with long sequences because gradients vanish.

Hochreiter (1991); Bengio, Simard and Frasconi (1994), Learning long-term dependencies with gradient descent is
difficult. Three tests, since a cause has to show itself in more than company: success falls with length; how far
gradients reach tells the longest length solved; and changing the initialisation alone, and with it how far gradients
reach, changes who solves what.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from bench.claims._claim import Claim, Evidence, Number, Verdict
from bench.claims._parts import conclude
from bench.ladder import Ladder, ladders, solved
from bench.record import Record
from bench.stats import correlation_interval, fisher, holm, rank_correlation, share_difference_interval

PLAIN = ("rnn", "rnn-uniform")
PAIRS = (
    ("rnn", "rnn-uniform"),
    ("lstm", "lstm-b0"),
    ("lstm-chrono", "lstm"),
    ("lstm-chrono", "lstm-b0"),
    ("gru-chrono", "gru"),
)
"""Arms that differ in nothing but their first weights. Not irnn: it has another activation too."""
ARMS = ("rnn", "rnn-uniform", "irnn", "gru", "gru-chrono", "lstm", "lstm-b0", "lstm-chrono", "lstm-1997")
FALL = 0.5
"""A fall of the solved share from the shortest to the longest length that is surely less than this is no struggle."""
STRONG = 0.5
"""Rank correlation from which on half-lives tell lengths (Cohen's "large")."""
ALPHA = 0.05
ALIKE = 0.2
"""Arms whose solved shares surely differ by less than this are alike."""

Moment = Literal["init", "end"]
MOMENTS: Final[tuple[Moment, ...]] = ("init", "end")


def judge(evidence: Evidence) -> Verdict:
    """Whether success falls, whether half-life tells the length at init and at the end, and what the start changes."""
    found = ladders(evidence.records)
    fall = _fall([ladder for ladder in found if ladder.architecture in PLAIN])
    init, end = ([_prediction(task, found, moment) for task in evidence.tasks(*ARMS)] for moment in MOMENTS)
    start, pairs = _intervention(evidence)
    sentence = (
        f"The share that plain RNNs solve falls by {fall} from the shortest to the longest length ({fall.seeds} cells"
        f" each). Half-life and longest length solved correlate with rho {_rhos(init)} at init and"
        f" {_rhos(end)} at the end ({init[0].seeds} arms). Of {start.what}."
    )
    return conclude([fall, *init, *end, start, *pairs], sentence)


def _rhos(numbers: Sequence[Number]) -> str:
    return ", ".join(f"{number.what.partition(':')[0]} {number.value:.2f}" for number in numbers)


def _fall(plain: Sequence[Ladder]) -> Number:
    short, long = [one.rungs[0] for one in plain], [one.rungs[-1] for one in plain]
    (k, n), (other_k, other_n) = (
        (sum(r.solved for r in rungs), sum(r.seeds for r in rungs)) for rungs in (short, long)
    )
    low, high = share_difference_interval(k, n, other_k, other_n)
    passes = True if low > 0 else False if high < FALL else None
    if k == 0 or any(len(one.rungs) == 1 for one in plain):
        passes = None  # nothing to fall from, or to
    what = f"fall of the solved share of plain RNNs, {k}/{n} to {other_k}/{other_n}"
    return Number(what, k / n - other_k / other_n, low, high, n, "> 0", passes)


def _prediction(task: str, found: Sequence[Ladder], moment: Moment) -> Number:
    """Spearman's rho of half-life and longest solved length over arms and seeds; p by permuting whole arms."""
    arms = [ladder for ladder in found if ladder.task == task]
    seeds = sorted(set.intersection(*(set(ladder.longest) for ladder in arms)))
    halves: Any = [_filled([half_life(ladder, seed, moment) for seed in seeds]) for ladder in arms]
    lengths: Any = [[float(ladder.longest[seed] or 0) for seed in seeds] for ladder in arms]
    known = [index for index, values in enumerate(halves) if not np.isnan(values).any()]
    halves, lengths = (np.array(values)[known] for values in (halves, lengths))
    rho, p, n = rank_correlation(halves, lengths)
    interval = correlation_interval(rho, n)
    passes = None if interval is None else False if interval.high < STRONG else None
    if rho >= STRONG and p < ALPHA:
        passes = True
    what = f"{task}: rho of half-life at {moment} and longest solved length" + (
        "" if math.isnan(p) else f", p = {p:.2g}"
    )
    # Where nearly all arms stop at one length, not even the right order of half-lives would be sure.
    judged = rank_correlation(lengths, lengths).p < ALPHA
    low, high = interval or (None, None)
    return Number(what, rho, low, high, n, f">= {STRONG:g}, p < {ALPHA:g}" if judged else None, passes)


def half_life(ladder: Ladder, seed: int, moment: Moment) -> float:
    """Steps, of the state that carries longest; the median over lengths. NaN where none was fitted."""
    return _middle([_longest_half_life(record, moment) for record in ladder.records if record.seed == seed])


def _longest_half_life(record: Record, moment: Moment) -> float:
    flow = (record.gradient or {}).get(moment)
    lives = [flow.decay[s].half_life for s in ("h", "c") if s in flow.decay] if flow else []
    return max((life for life in lives if not math.isnan(life)), default=math.nan)


def _filled(values: Sequence[float]) -> list[float]:
    """The half-lives of an arm's seeds; where one has none, that of the arm's middle seed stands in."""
    middle = _middle(values)
    return [middle if math.isnan(value) else value for value in values]


def _middle(values: Sequence[float]) -> float:
    """The lower median of those that are no NaN, since the mean of two may be infinite; NaN where there are none."""
    known = sorted(value for value in values if not math.isnan(value))
    return known[(len(known) - 1) // 2] if known else math.nan


def _intervention(evidence: Evidence) -> tuple[Number, list[Number]]:
    """One number for the family of pairs, and one a pair: the tasks and lengths that both have, Holm over pairs."""
    duels = [_duel(evidence, one, other) for one, other in PAIRS]
    p_values = holm([fisher(*duel.strata) for duel in duels])
    changed = [duel for duel, p in zip(duels, p_values, strict=True) if p < ALPHA]
    numbers = [duel.number(p) for duel, p in zip(duels, p_values, strict=True)]
    alike = all(n.low is not None and n.high is not None and n.low > -ALIKE and n.high < ALIKE for n in numbers)
    agreeing = sum(duel.agrees is True for duel in changed)
    passes = _all(duel.agrees for duel in changed) if changed else False if alike else None
    told = ", ".join(duel.names for duel in changed) or "none"
    reach = f"; {agreeing} of {len(changed)} in favour of the longer half-life at init" if changed else ""
    what = f"{len(PAIRS)} pairs that differ in initialisation alone, other success: {told}{reach}"
    criterion = "at least one, all in favour of the longer half-life"
    return Number(what, len(changed), None, None, len(evidence.records), criterion, passes), numbers


def _all(known: Iterable[bool | None]) -> bool | None:
    """Three-valued: False where one is, else None where one is not known."""
    values = list(known)
    return False if False in values else None if None in values else True


class _Duel(NamedTuple):
    """Two arms: cells solved and trained of each, and whether the one that solves more has the longer half-life."""

    names: str
    strata: tuple[tuple[int, int, int, int], ...]
    """(solved, trained) of either, a task and length each."""
    agrees: bool | None
    """None where the half-lives are not known, or no different."""

    def number(self, p: float) -> Number:
        """The difference over the lengths at which either arm could be ahead: some seeds solve them, and not all."""
        telling = [(k, n, i, m) for k, n, i, m in self.strata if 0 < k + i < n + m] or list(self.strata)
        k, n, other_k, other_n = (sum(part) for part in zip(*telling, strict=True))
        lengths = f"{len(telling)} lengths that not all or none solve"
        what = f"{self.names}: {k}/{n} and {other_k}/{other_n} at the {lengths}, Holm p = {p:.2g}; difference"
        low, high = share_difference_interval(k, n, other_k, other_n)
        return Number(what, k / n - other_k / other_n, low, high, min(n, other_n))


def _duel(evidence: Evidence, one: str, other: str) -> _Duel:
    ours, theirs = (_by_length(evidence.of(name)) for name in (one, other))
    both = sorted(ours.keys() & theirs.keys())
    strata = tuple((*_counts(ours[at]), *_counts(theirs[at])) for at in both)
    # As the test weighs them.
    more = sum((k * m - i * n) / (n + m) for k, n, i, m in strata)
    life, other_life = (
        _middle([_longest_half_life(record, "init") for at in both for record in arm[at]]) for arm in (ours, theirs)
    )
    unknown = math.isnan(life) or math.isnan(other_life) or life == other_life
    return _Duel(f"{one} and {other}", strata, None if unknown else (life > other_life) == (more > 0))


def _by_length(records: Iterable[Record]) -> dict[tuple[str, int], list[Record]]:
    """(task, length) -> records."""
    groups: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        groups.setdefault((record.task, int(record.task_settings["length"])), []).append(record)
    return groups


def _counts(records: Sequence[Record]) -> tuple[int, int]:
    return sum(map(solved, records)), len(records)


CLAIM = Claim(
    source="Hochreiter (1991); Bengio, Simard and Frasconi (1994)",
    needs={"vanishing": ARMS},
    criterion="plain RNNs solve a smaller share of the longest sequences than of the shortest; on every task whose arms"
    " differ enough half-lives, at init and at the end, tell the longest length solved (rho >= 0.5, p < 0.05); and of"
    " arms that differ in initialisation alone some differ in success (exact test by task and length, Holm), always in"
    " favour of the longer half-life",
    judge=judge,
)

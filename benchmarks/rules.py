"""The same traces given to the rules of other tools and to ours: false alarms and misses of each, as a table.

    python benchmarks/regress.py FOLDER --pack pairs.npz
    pip install asv pytest-benchmark            # whose own functions decide
    python benchmarks/rules.py pairs.npz

A trace is a run of `benchmarks/regress.py`: of each generation the microseconds of the turns of base and of head. Where
ours looks at a whole run, the others look at as much of it as they would measure themselves, so that a run is several
comparisons, of which no two share a turn. They are shown three arrangements of it:

turns        base and head of the same generations, as they were measured: in turns. No other tool measures so.
blocks       all of base, then all of head, minutes apart, as they do: base of some generations, head of the next.
half a run   blocks again, as long as our whole run: base of its first half, head of its second, and all turns of both.

In blocks only the processes that are compared differ from what such a tool would see: another program (the other side)
has had its turn between any two turns of each, and has waited meanwhile.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bench.regress.detector import Detector, Generation, LostError, generation

Seconds = list[float]
Comparison = tuple[Seconds, Seconds]
"""Turns of base and of head, process after process."""


@dataclass(frozen=True)
class Rule:
    """When a tool says that head is slower than base, and how much it measures: `turns` of each of `processes`."""

    name: str
    alarms: Callable[[Seconds, Seconds], bool]
    processes: int = 1
    turns: int = 60
    """pytest-benchmark measures for a second, which is 60 turns of 17 ms."""


def asv(factor: float) -> Callable[[Seconds, Seconds], bool]:
    """`asv continuous --factor`: the median is worse by the factor, and a Mann-Whitney U test says p < .002."""
    from asv.commands.compare import _is_result_better
    from asv_runner.statistics import compute_stats

    def alarms(base: Seconds, head: Seconds) -> bool:
        (time_1, stats_1), (time_2, stats_2) = compute_stats(base, 1), compute_stats(head, 1)
        return bool(_is_result_better(time_1, time_2, (stats_1, base), (stats_2, head), factor))

    return alarms


def pytest_benchmark(check: str) -> Callable[[Seconds, Seconds], bool]:
    """`--benchmark-compare-fail=check`, such as min:5%."""
    from pytest_benchmark.stats import Stats
    from pytest_benchmark.utils import parse_compare_fail

    fails = parse_compare_fail(check).fails

    def stats(seconds: Seconds) -> dict[str, float]:
        found = Stats()
        for one in seconds:
            found.update(one)
        return {"min": found.min, "mean": found.mean, "median": found.median}

    return lambda base, head: bool(fails(stats(head), stats(base)))


def github_action_benchmark(percent: float) -> Callable[[Seconds, Seconds], bool]:
    """`alert-threshold` on pytest-benchmark's iterations per second: base's over head's is above the threshold.

    A rule of one line, `ratio > threshold` since v1.3.0, in a tool that is no Python: written out here.
    """
    return lambda base, head: float(np.mean(head) / np.mean(base)) > percent / 100


def rules() -> list[Rule]:
    """With each tool's own settings of how much it measures: asv two processes, of five samples each."""
    labels = {name: f"{name} {version(name)}" for name in ("asv", "pytest-benchmark")}
    action = "github-action-benchmark v1"
    found = [Rule(f"{labels['asv']} `continuous -f {factor}`", asv(factor), 2, 5) for factor in (1.1, 1.05)]
    for field in ("min", "mean", "median"):
        check = f"{field}:5%"
        found.append(Rule(f"{labels['pytest-benchmark']} `compare-fail={check}`", pytest_benchmark(check)))
    for percent in (200, 110, 105):
        found.append(Rule(f"{action} `alert-threshold: {percent}%`", github_action_benchmark(percent)))
    return found


def turns(trace: np.ndarray, rule: Rule) -> Iterator[Comparison]:
    """Comparisons of base and head of the same generations; `trace`: seconds, (generations, 2, pairs)."""
    for start in range(0, len(trace) - rule.processes + 1, rule.processes):
        both = trace[start : start + rule.processes, :, : rule.turns]
        yield both[:, 0].ravel().tolist(), both[:, 1].ravel().tolist()


def blocks(trace: np.ndarray, rule: Rule) -> Iterator[Comparison]:
    """Of base of some generations, and head of those after them."""
    for start in range(0, len(trace) - 2 * rule.processes + 1, 2 * rule.processes):
        base, head = trace[start : start + 2 * rule.processes, :, : rule.turns].reshape(2, rule.processes, 2, -1)
        yield base[:, 0].ravel().tolist(), head[:, 1].ravel().tolist()


def halves(trace: np.ndarray, _: Rule) -> Iterator[Comparison]:
    """Of base of the first half of the generations, and head of the second: one."""
    middle = len(trace) // 2
    if middle:
        yield trace[:middle, 0].ravel().tolist(), trace[middle : 2 * middle, 1].ravel().tolist()


ARRANGEMENTS = {"turns": turns, "blocks": blocks, "half a run": halves}


def ours(trace: np.ndarray) -> bool:
    """Whether the detector, given the generations one after another as they were measured, says REGRESSION."""
    waiting = iter(trace)

    def measure(_: str) -> Generation:
        for base, head in waiting:
            return generation(base, head)
        raise LostError("no more generations were recorded")

    (speed,) = Detector(measure, np.random.default_rng(0)).run(["the cell"])
    return speed.outcome == "REGRESSION"


def read(path: Path) -> dict[str, list[np.ndarray]]:
    """The runs of each kind, as seconds."""
    found: dict[str, list[np.ndarray]] = {}
    with np.load(path, allow_pickle=False) as packed:
        for name in sorted(packed):
            if len(packed[name]):
                found.setdefault(name.rpartition("-")[0], []).append(packed[name] / 1e6)
    return found


def count(runs: Sequence[np.ndarray], rule: Rule, arrange: Callable[..., Iterator[Comparison]]) -> tuple[int, int]:
    """Alarms, and comparisons."""
    shown = [comparison for trace in runs for comparison in arrange(trace, rule)]
    return sum(rule.alarms(base, head) for base, head in shown), len(shown)


def table(found: Mapping[str, Sequence[np.ndarray]], known: Sequence[Rule]) -> str:
    """A row for each rule and arrangement: where nothing was slower false alarms, elsewhere misses, of how many."""
    heads = [f"{kind}: {'false alarms' if kind.startswith('aa') else 'missed'}" for kind in found]
    lines = [["arrangement", "rule", *heads], ["---"] * (2 + len(found))]
    for name, arrange in ARRANGEMENTS.items():
        for rule in known:
            cells = (_cell(kind, *count(runs, rule, arrange)) for kind, runs in found.items())
            lines.append([name, rule.name, *cells])
    cells = (_cell(kind, sum(map(ours, runs)), len(runs)) for kind, runs in found.items())
    lines.append(["whole run, in turns", "`archbench regress`", *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(kind: str, alarms: int, comparisons: int) -> str:
    counted = alarms if kind.startswith("aa") else comparisons - alarms
    return f"{counted} of {comparisons}" if comparisons else "–"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    given = parser.parse_args()
    try:
        known = rules()
    except ImportError as error:
        sys.exit(f"{error}: pip install asv pytest-benchmark")
    print(table(read(given.pairs), known))


if __name__ == "__main__":
    main()

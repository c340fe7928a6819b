"""What the report's intervals and verdicts hold: coverage of 95 % intervals, and false verdicts in a family of pairs.

Scores are drawn, nothing is trained. Prints the share of intervals that hold the true difference, for Welch's interval
(the report's), Student's of equal spreads and the percentile bootstrap; then the share of tables of eleven arms in
which any two of the equal ones are told apart, by Holm alone and with the omnibus test; then the coverage of the
interquartile mean's interval. `--draws` sets the samples a row (the standard error at 10,000 is 0.2 points); of the
slow ones there are fewer.

    python benchmarks/coverage.py --draws 10000
"""

import argparse
import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
from scipy import stats as scipy

from bench import stats

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def _peaks(solved: float, spread: float) -> tuple[Draw, float]:
    """Runs that solve it with chance `solved` (1) or do not (0), with a spread about either."""
    return lambda rng, size: (rng.random(size) < solved) + rng.normal(0, spread, size), solved


SHAPES: dict[str, tuple[Draw, float]] = {
    "normal": (lambda rng, size: rng.normal(0, 1, size), 0.0),
    "narrow": (lambda rng, size: rng.normal(0, 0.01, size), 0.0),
    "lognormal, sigma 1/2": (lambda rng, size: rng.lognormal(0, 0.5, size), math.exp(1 / 8)),
    "lognormal, sigma 1": (lambda rng, size: rng.lognormal(0, 1, size), math.exp(1 / 2)),
    "exponential": (lambda rng, size: rng.exponential(1, size), 1.0),
    "two wide peaks, 1/2": _peaks(0.5, 0.2),
    "two peaks, 1/2": _peaks(0.5, 0.02),
    "two peaks, 4/5": _peaks(0.8, 0.02),
}
PAIRS = [(name, name) for name in SHAPES if name != "narrow"] + [
    ("normal", "narrow"),
    ("two peaks, 1/2", "two peaks, 4/5"),
    ("lognormal, sigma 1/2", "narrow"),
    ("exponential", "narrow"),
    ("two peaks, 1/2", "narrow"),
    ("two peaks, 4/5", "narrow"),
]


def _covered(first: str, second: str, seeds: int, draws: int) -> list[float]:
    rng = np.random.default_rng(0)
    (draw_a, mean_a), (draw_b, mean_b) = SHAPES[first], SHAPES[second]
    a, b, truth = draw_a(rng, (draws, seeds)), draw_b(rng, (draws, seeds)), mean_a - mean_b
    welch = [stats.difference_interval(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    student = scipy.ttest_ind(a, b, axis=1).confidence_interval(0.95)
    some = slice(min(draws, 2_000))
    order = rng.integers(seeds, size=(2, 500, seeds))
    means = a[some][:, order[0]].mean(axis=-1) - b[some][:, order[1]].mean(axis=-1)
    ends = (np.transpose(welch), (student.low, student.high), np.quantile(means, [0.025, 0.975], axis=1))
    return [float(np.mean((low <= truth) & (truth <= high))) for low, high in ends]


def _false(shape: str, seeds: int, draws: int, *, arms: int = 11, apart: bool = False) -> list[float]:
    """Share of tables with a false verdict; `apart`: two further arms really differ, which opens the omnibus test."""
    rng = np.random.default_rng(0)
    wrong = np.zeros(2)
    for _ in range(draws):
        groups = SHAPES[shape][0](rng, (arms, seeds)).tolist()
        if apart:
            groups += rng.normal([[-30], [30]], 0.1, (2, seeds)).tolist()
        pairs = list(combinations(range(len(groups)), 2))
        tests = [stats.welch_test(groups[i], groups[j]) for i, j in pairs]
        adjusted = stats.holm([1.0 if p is None else p for p in tests])
        least = min(p for (_, j), p in zip(pairs, adjusted, strict=True) if j < arms)
        if least < 0.05:
            wrong += 1, stats.omnibus_test(groups) < 0.05
    return (wrong / draws).tolist()


def _interquartile(tasks: int, spread: float, seeds: int, draws: int) -> float:
    rng = np.random.default_rng(0)
    level = np.linspace(0, 1, tasks)[:, None]
    truth = scipy.trim_mean((level + rng.normal(0, spread, (tasks, 100_000))).ravel(), 0.25)
    found = 0
    for _ in range(draws):
        estimate = stats.interquartile_mean(list(level + rng.normal(0, spread, (tasks, seeds))), rng=rng, draws=500)
        assert estimate.interval is not None
        found += estimate.interval.low <= truth <= estimate.interval.high
    return found / draws


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10_000)
    draws = parser.parse_args().draws
    print("coverage of the difference, %              seeds  Welch  Student  bootstrap")
    for first, second in PAIRS:
        for seeds in (5, 10):
            label = f"{first} - {'the same' if first == second else second}"
            welch, student, bootstrap = (100 * share for share in _covered(first, second, seeds, draws))
            print(f"{label:42} {seeds:5} {welch:6.1f} {student:8.1f} {bootstrap:10.1f}", flush=True)
    print("\ntables with a false verdict, %             seeds   Holm  with omnibus  two more arms apart")
    for shape in ("normal", "lognormal, sigma 1/2", "two wide peaks, 1/2", "two peaks, 1/2"):
        for seeds in (5, 10):
            holm, both = (100 * share for share in _false(shape, seeds, draws // 10))
            apart = 100 * _false(shape, seeds, draws // 10, apart=True)[1]
            print(f"{shape:42} {seeds:5} {holm:6.1f} {both:13.1f} {apart:20.1f}", flush=True)
    print("\ncoverage of the interquartile mean, %      seeds")
    for tasks, spread in ((3, 0.1), (8, 0.1), (8, 0.3), (15, 0.1)):
        for seeds in (5, 10):
            label = f"{tasks} tasks from 0 to 1, spread {spread}"
            print(f"{label:42} {seeds:5} {100 * _interquartile(tasks, spread, seeds, draws // 10):6.1f}", flush=True)


if __name__ == "__main__":
    main()

"""Numbers as a reader sees them, the same in every format, and what each column means."""

import math

from bench.record import Record
from bench.report.rows import Row
from bench.stats import Interval

NOTHING = "–"
SHARED = "*"
"""Marks a time taken while other workers ran."""
COLUMNS = {
    "architecture": "Name, and in brackets the settings that vary in this report.",
    "test score": "Mean over seeds of the test score. The weights are those with the best "
    "validation score, or the last ones where a task says so. '(2 of 3)': only that many seeds have a score; "
    "the mean leaves the others out, and they are listed under failures.",
    "solved": "Seeds whose validation score reached the target, of all planned seeds, failed ones included.",
    "steps to target": "Training steps until then: median over all planned seeds, a missed target counting as never.",
    "parameters": "Trainable parameters outside the embedding.",
    "embedding": "Trainable parameters of the embedding.",
    "train s": "Seconds inside training steps, median over seeds; compiling, data preparation and evaluation excluded. "
    "Other workers were running beside it.",
    "ms/step": "The median training step of the speed phase, in which nothing else ran. With \\*: `train s` over the "
    "training steps, median over seeds, other workers beside it.",
    "gradient": "Norm of the whole parameter gradient before clipping: median over the first tenth of the steps → over "
    "the last tenth; median over seeds.",
    "not finite": "Training steps with a NaN or infinite gradient, all seeds together.",
    "failures": "Planned seeds without a score, and why.",
}


def number(value: float | None, digits: int = 3) -> str:
    """`value` with `digits` significant digits, short: 0.981, 1.2e-5, 12300, nan."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return str(value)
    if value and not 10.0**-digits <= abs(value) < 1e5:
        mantissa, exponent = f"{value:.{max(digits - 2, 0)}e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0) if value else 0
    return f"{value:.{decimals}f}"


def known(value: float | None, digits: int = 3) -> str:
    """As `number`, with NaN as 'not measured'."""
    return NOTHING if value is None or math.isnan(value) else number(value, digits)


def mean(row: Row) -> str:
    """Mean score, saying how many seeds it is from where some have none: '0.981 (2 of 3)'."""
    if not row.scored:
        return NOTHING
    partly = f" ({len(row.scored)} of {len(row.planned)})" if len(row.scored) < len(row.planned) else ""
    return number(row.mean) + partly


def spread(row: Row) -> str:
    """Least–greatest score; empty for a single seed."""
    return f"{number(row.low)}–{number(row.high)}" if len(row.scored) > 1 else ""


def interval(found: Interval | None) -> str:
    """`[0.970, 0.990]`, or a dash."""
    return NOTHING if found is None else f"[{number(found.low)}, {number(found.high)}]"


def half_width(row: Row) -> str:
    """Half the 95 % interval of the mean, to as many places as the mean has; empty where there is none."""
    if not row.interval:
        return ""
    half, places = (row.interval.high - row.interval.low) / 2, number(row.mean).partition(".")[2]
    text = f"{half:.{len(places)}f}"
    return text if places.isdecimal() and float(text) else number(half)


def steps_to_target(row: Row) -> str:
    """Median steps, 'never' where half of the seeds or more missed."""
    if math.isnan(row.steps_to_target):
        return NOTHING
    return "never" if math.isinf(row.steps_to_target) else f"{row.steps_to_target:.0f}"


def step(row: Row) -> str:
    """Milliseconds a training step, marked where they are of the training phase."""
    text = known(row.step_milliseconds)
    return text if row.timed or text == NOTHING else f"{text}{SHARED}"


def gradient(row: Row) -> str:
    """Norm at first → norm at last."""
    if math.isnan(row.gradient_first) and math.isnan(row.gradient_last):
        return NOTHING
    return f"{number(row.gradient_first, 2)} → {number(row.gradient_last, 2)}"


def count(value: int | None) -> str:
    """Whole numbers with thousands apart."""
    return NOTHING if value is None else f"{value:,}"


def direction(record: Record) -> str:
    """'higher is better' or 'lower is better'."""
    return f"{'higher' if record.higher_is_better else 'lower'} is better"


def logarithmic(record: Record) -> bool:
    """Whether scores span orders of magnitude by nature."""
    return record.metric == "mse"

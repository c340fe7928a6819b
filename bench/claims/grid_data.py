"""CNNs excel at grid data, because neighbouring pixels belong together.

LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition, section II: a network
whose filters are local and shared needs the grid; shuffle the pixels of all images alike, and it has nothing over one
that is fully connected.
"""

from bench.claims._claim import Claim, Evidence, Number, Verdict
from bench.claims._parts import at_least, conclude, headline, lead, shown

LEADS = {"mnist": 0.5, "cifar10": 10.0}
"""Points of test accuracy by which cnn has to lead mlp."""
LEFT = 0.5
"""Share of the lead that may be left once the pixels are permuted."""


def judge(evidence: Evidence) -> Verdict:
    """Two numbers a data set: the lead, and what the permutation takes of it beyond half."""
    numbers: list[Number] = []
    told: list[str] = []
    for task, bound in LEADS.items():
        cnn, mlp, lstm = (_points(evidence, name, task, permuted=False) for name in ("cnn", "mlp", "lstm"))
        mixed = {name: _points(evidence, name, task, permuted=True) for name in ("cnn", "mlp")}
        own = lead(f"{task}: lead of cnn over mlp, points", list(cnn.values()), list(mlp.values()), bound)
        left = lead(
            f"{task}, permuted: lead of cnn over mlp, points", list(mixed["cnn"].values()), list(mixed["mlp"].values())
        )
        seeds = sorted(cnn.keys() & mlp.keys() & mixed["cnn"].keys() & mixed["mlp"].keys())
        # Above 0 where less than LEFT of the lead is left; per seed, since the seeds are paired.
        taken = [LEFT * (cnn[s] - mlp[s]) - (mixed["cnn"][s] - mixed["mlp"][s]) for s in seeds]
        half = f"{task}: half of the lead less what is left of it, points"
        numbers += [
            own,
            left,
            # Of no lead there is nothing to take away.
            at_least(half, taken, 0) if own.passes else shown(half, taken),
            lead(f"{task}: lead of cnn over lstm on rows, points", list(cnn.values()), list(lstm.values())),
        ]
        told.append(_told(task, own, left))
    return conclude(numbers, f"cnn leads mlp by {'; '.join(told)}.")


def _told(task: str, own: Number, left: Number) -> str:
    return f"{own} points on {task}, {left} with permuted pixels ({own.seeds} seeds)"


def _points(evidence: Evidence, architecture: str, task: str, *, permuted: bool) -> dict[int, float]:
    """Seed -> test accuracy in percent."""
    records = evidence.of(architecture, task=task, permute_pixels=permuted)
    return {record.seed: 100 * headline(record) for record in records}


CLAIM = Claim(
    source="LeCun, Bottou, Bengio and Haffner (1998), section II",
    needs={"claims-images": ("cnn", "mlp", "lstm")},
    criterion="with equal parameters cnn leads mlp by 0.5 points on MNIST and by 10 on CIFAR-10, and permuting the"
    " pixels takes away at least half of a lead that holds",
    judge=judge,
)

"""CNNs are for images, RNNs and LSTMs for sequences.

LeCun, Bengio and Hinton (2015), Deep learning, Nature 521: "deep convolutional nets have brought about breakthroughs
in processing images [...], whereas recurrent nets have shone light on sequential data such as text and speech". Against
it: Bai, Kolter and Koltun (2018), arXiv:1803.01271, whose convolutional networks beat recurrent ones on sequences.
"""

from bench.claims._claim import Claim, Evidence, Number, Verdict
from bench.claims._parts import by_seed, conclude, gained, headline, judged, lead
from bench.record import Record

IMAGES = ("mnist", "cifar10")
OTHERS = ("tcn", "transformer")
"""Arms without recurrence that read sequences."""
LEAD = 0.05
"""Of the way from chance to target: what is less is no lead, as between two arms that stop once they solve a task."""
BEATEN = 2
"""Sequence tasks on which an arm without recurrence beats lstm, from which on the claim is refuted."""


def judge(evidence: Evidence) -> Verdict:
    """The share of the way from chance to target, arm against arm; a cell beyond its target has come all the way."""
    images = [
        _lead(f"{task}: lead of cnn over {other}", evidence.of("cnn", task=task, permute_pixels=False), theirs)
        for task in IMAGES
        for other in ("mlp", "lstm")
        if (theirs := evidence.of(other, task=task, permute_pixels=False))
    ]
    tasks = [task for task in evidence.tasks(*OTHERS) if task not in IMAGES]
    duels = {
        task: [_duel(f"{task}: lead of lstm over {other}", evidence, task, other) for other in OTHERS] for task in tasks
    }
    numbers = [*images, *(number for duel in duels.values() for number in duel)]
    beaten = [task for task, duel in duels.items() if any(map(_behind, duel))]
    won = sum(number.passes is True for number in images)
    sentence = (
        f"cnn leads mlp and lstm in {won} of {len(images)} comparisons on images; an arm without recurrence beats lstm"
        f" on {len(beaten)} of {len(tasks)} sequence tasks"
        + (f" ({', '.join(beaten)})" if beaten else "")
        + f"; {min((number.seeds for number in numbers), default=0)} seeds; no text among the tasks."
    )
    # Not beaten is not enough: where two arms do as well, neither is the one to choose.
    return Verdict("refuted", sentence, tuple(numbers)) if len(beaten) >= BEATEN else conclude(numbers, sentence)


def _lead(what: str, ours: list[Record], theirs: list[Record]) -> Number:
    """At the lengths that both have: a mean over easier ones would be ahead."""
    both = {_length(record) for record in ours} & {_length(record) for record in theirs}
    ours, theirs = ([record for record in records if _length(record) in both] for records in (ours, theirs))
    return judged(lead(what, by_seed(ours, _way), by_seed(theirs, _way)), LEAD)


def _length(record: Record) -> object:
    return record.task_settings.get("length")


def _duel(what: str, evidence: Evidence, task: str, other: str) -> Number:
    return _lead(what, evidence.of("lstm", task=task), evidence.of(other, task=task))


def _behind(number: Number) -> bool:
    return number.high is not None and number.high < -LEAD


def _way(record: Record) -> float:
    return min(1.0, max(0.0, gained(record, headline(record))))


CLAIM = Claim(
    source="LeCun, Bengio and Hinton (2015), Deep learning; against it Bai, Kolter and Koltun (2018), arXiv:1803.01271",
    needs={"claims-images": ("cnn", "mlp", "lstm"), "vanishing": ("lstm", "tcn", "transformer")},
    criterion="cnn leads mlp and lstm on images, and lstm the arms without recurrence on sequences, by 0.05 or more of"
    " the way from chance to target, means over the lengths that both were tried at; refuted where one of these beats"
    " lstm by as much, with its whole interval, on two or more sequence tasks",
    judge=judge,
)

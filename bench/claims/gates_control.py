"""Gates control the flow: the input gate lets in what matters, forget and update gates keep it.

Hochreiter and Schmidhuber (1997), section 4; Gers, Schmidhuber and Cummins (2000); Cho et al. (2014) for the GRU.
Ablations in the manner of Greff et al. (2017), LSTM: a search space odyssey, but of a trained model.
"""

import math
from collections.abc import Callable

from bench.claims._claim import Claim, Evidence, Verdict
from bench.claims._parts import at_least, by_seed, conclude, longest_solved, lost, shown
from bench.record import Record

CUED = ("adding", "temporal-order")
"""Tasks where every cue bears on the loss that is probed; of copy's ten symbols the last alone does."""
OPENS = 0.9
"""Area under the ROC curve with which the input gate, its mean over the units that carry, tells cues from other steps.

Not of the best unit: cues are marked in the input, and of 32 untrained units one tells them too.
"""
MATTERS = 0.1
"""Share of what was gained over chance that is lost where a gate is held at each unit's own mean."""


def judge(evidence: Evidence) -> Verdict:
    """The input gate at cues, and three ablations, over the longest solved cells."""
    lstms, grus = longest_solved(evidence.of("lstm")), longest_solved(evidence.of("gru"))
    cued = [cell for cell in lstms if cell.task in CUED]
    opens = at_least("AUC of the input gate at cues, units that carry", by_seed(cued, lambda r: _auc(r, "end")), OPENS)
    at_init = shown("at init: AUC of the input gate at cues", by_seed(cued, lambda r: _auc(r, "init")))
    held = [
        at_least(f"share lost with the {gate} gate held at its mean", by_seed(cells, _loss(gate)), MATTERS)
        for gate, cells in (("input", lstms), ("forget", lstms), ("update", grus))
    ]
    input_, forget, update = held
    sentence = (
        f"In {len(lstms) + len(grus)} cells of {opens.seeds} seeds, the longest that lstm and gru solve, the input gate"
        f" of the units that carry tells cues with an AUC of {opens} (at init {at_init}); held at its mean the input"
        f" gate costs {input_}, the forget gate {forget}, the update gate {update} of what was gained."
    )
    return conclude([opens, *held, at_init], sentence)


def _auc(record: Record, moment: str) -> float | None:
    flow = (record.gradient or {}).get(moment)
    gate = flow.gates.get("input") if flow else None
    return None if gate is None or gate.auc_carrying is None or math.isnan(gate.auc_carrying) else gate.auc_carrying


def _loss(gate: str) -> Callable[[Record], float | None]:
    return lambda record: lost(record, f"{gate}-mean")


CLAIM = Claim(
    source="Hochreiter and Schmidhuber (1997), section 4; Gers et al. (2000); Cho et al. (2014)",
    needs={"vanishing": ("lstm", "gru")},
    criterion="at the longest length that lstm solves the input gate of the units that carry tells cues from other"
    " steps with an AUC of 0.9 or more, and holding its input or forget gate, or gru's update gate, at each unit's mean"
    " takes at least a tenth of what was gained",
    judge=judge,
)

"""The timeline under the bar: the moments of a model's training, and what kinds of heads it had at each."""

from __future__ import annotations

import threading
import time

from llm.runs.head_history import Moment, head_score_history, own_line
from llm.runs.snapshots import Snapshots
from llm.ui import inputs
from llm.ui.panel import Answer, Panel, Request
from llm.ui.subject import Subjects

KINDS = ("previous", "induction", "first", "duplicate")
"""The kinds of heads whose best score is drawn."""
CALL_SECONDS = 0.2
"""How long one call may go on measuring: the page draws what there is and asks again."""


def build_timeline(subjects: Subjects) -> Panel:
    """The timeline; its endpoint measures the heads of a few snapshots more at each call, those after step `after`."""

    turn = threading.Lock()  # two pages of one visitor need not measure the same moment twice

    def read_timeline(request: Request) -> Answer:
        """The best heads of a few moments more, those after step `after`."""
        folder, writable = subjects.snapshots(request)
        steps = Snapshots(folder).steps()
        deadline, moments = time.monotonic() + CALL_SECONDS, []
        after = inputs.whole(request, "after", -1, 2**31, -1)
        with turn:
            for moment in head_score_history(folder, after=after, keep=writable):
                moments.append(_best(moment))
                if time.monotonic() > deadline:
                    break
        measured = moments[-1]["step"] if moments else after
        return {
            "steps": steps,
            "moments": moments,
            "complete": not steps or measured >= steps[-1],
            "measured_on": "line" if own_line(folder) else "random",
        }

    return Panel("timeline", [read_timeline])


def _best(moment: Moment) -> Answer:
    """The highest score of each kind, and which head has it."""
    best: dict[str, list[float | int]] = {}
    for layer, scores in enumerate(moment.layers):
        for kind in KINDS:
            for head, score in enumerate(scores[kind]):
                if score is not None and score > best.get(kind, [-1.0])[0]:
                    best[kind] = [score, layer, head]
    return {"step": moment.step, "best": best}

"""Grokking: sums learnt by heart, then understood, and the spectrum of the numbers' embedding meanwhile."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import asdict
from functools import cache
from pathlib import Path

from llm.runs.run import Run, list_runs
from llm.runs.snapshots import Snapshots
from llm.scaling.grokking import Moment, Record, modular_task, moment_of, read_record
from llm.ui import inputs
from llm.ui.panel import Answer, Request, View
from llm.ui.scaling.sweeps import SHIPPED, Sweeps
from llm.ui.sessions import Session
from llm.ui.turns import Once

RECORDS = SHIPPED / "grokking"
CALL_SECONDS = 0.25
"""How long one call may go on measuring: the page draws what there is and asks again."""
MAX_KEPT = 2_000
"""Moments that are remembered, over all visitors; each holds some fifty numbers."""


class Measured:
    """Moments of runs, each measured once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Path, int], Moment] = OrderedDict()
        self._once = Once()

    def after(self, run: Run, step: int) -> tuple[list[Moment], bool]:
        """A few moments more, those after a step, and whether that is all there is now. Raises ValueError as
        `moment_of`, and for a run that learns something else."""
        task = modular_task(run)
        if task is None:
            raise ValueError("That run learns no sums modulo a prime. Choose one that does.")
        snapshots, deadline, found = Snapshots(run.path / "snapshots"), time.monotonic() + CALL_SECONDS, []
        steps = [kept for kept in snapshots.steps() if kept > step]
        with self._once.of(run.path):
            for kept in steps:
                if time.monotonic() > deadline:
                    break
                key = (run.path, kept)
                moment = self._kept.get(key) or moment_of(snapshots, kept, run.tokenizer, task)
                if moment:
                    self._kept[key] = moment
                    found.append(moment)
                step = kept
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return found, not steps or step == steps[-1]


def build_grokking(sweeps: Sweeps) -> View:
    """The view; its endpoint tells a recorded training, or measures one of the visitor's own, a few moments a call."""
    measured = Measured()

    def read_grokking(request: Request) -> Answer:
        """A training on sums modulo a prime: its moments after step `after`."""
        session = sweeps.sessions.of(request)
        own = [(run, task) for run in list_runs(session.runs) if (task := modular_task(run))]
        offered = {f"shipped:{record.seed}": f"recorded, seed {record.seed}" for record in records()}
        offered |= {f"run:{run.id}": run.name for run, _ in own}
        ref = inputs.choice(request, "training", offered, next(iter(offered)), label="Training")
        after = inputs.whole(request, "after", -1, 2**31, -1)
        if ref.startswith("shipped:"):
            record = next(record for record in records() if ref == f"shipped:{record.seed}")
            moments, complete = [moment for moment in record.moments if moment.step > after], True
            task, live = record.task, False
        else:
            run, task = next((run, task) for run, task in own if ref == f"run:{run.id}")
            moments, complete = measured.after(run, after)
            live = _live(session, run)
        return {
            "training": ref,
            "offered": [{"ref": ref, "title": title} for ref, title in offered.items()],
            "modulus": task.modulus,
            "questions": [len(part) for part in task.pool],
            "live": live,
            "complete": complete,
            "moments": [asdict(moment) for moment in moments],
        }

    return View("Grokking", [read_grokking])


@cache
def records() -> tuple[Record, ...]:
    """The trainings that ship, by their seeds."""
    return tuple(read_record(path) for path in sorted(RECORDS.glob("seed-*.json")))


def _live(session: Session, run: Run) -> bool:
    training = session.trainings.get(run.id)
    return training is not None and training.alive

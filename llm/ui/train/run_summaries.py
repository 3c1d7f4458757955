"""Finds a visitor's runs and what happened in them, live or from the disk."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from llm.runs.run import Run
from llm.runs.summary import RunSummary
from llm.ui import inputs
from llm.ui.panel import Request
from llm.ui.sessions import Session
from llm.ui.train.training import Training

MAX_KEPT = 60
_IDLE = {
    "ready": True,
    "stopping": False,
    "place": None,
    "wait": None,
    "failure": "",
    "remark": "",
    "tokens_per_second": None,
    "seconds_left": None,
    "outside": None,
    "joules": None,
    "joules_of": None,
}


class RunSummaries:
    """Reads each finished run's events once, and keeps the digests of the last ones."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[tuple[int, int], RunSummary]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: Run) -> RunSummary:
        """The digest of a run that isn't training here. Raises ValueError when its metrics are damaged."""
        path = run.path / "metrics.jsonl"
        stamp = (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else (0, 0)
        with self._lock:
            kept = self._kept.get(str(path))
            if kept is None or kept[0] != stamp:
                summary = RunSummary(run.tokenizer)
                summary.extend(run.metrics())
                kept = self._kept[str(path)] = stamp, summary
            self._kept.move_to_end(str(path))
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            return kept[1]


def find_run(session: Session, request: Request) -> Run:
    """The visitor's run that a request names. Raises ValueError when there is none."""
    return Run.open(session.runs, inputs.text(request, "run", 80))


def live(session: Session, run_id: str) -> Training | None:
    """The training of that run if it is still going on."""
    training = session.trainings.get(run_id)
    return training if training is not None and training.alive else None


def state_of(session: Session, run: Run) -> str:
    """As Training.state has it, and "interrupted" for a run whose process ended under it."""
    training = session.trainings.get(run.id)
    if training is not None:
        return training.state
    return "interrupted" if run.state == "running" else run.state


def at_rest(session: Session, run: Run, summary: RunSummary) -> dict[str, Any]:
    """How a run stands that nobody trains now, in the words of `Training.since`."""
    standing = {"run": run.id, "state": state_of(session, run), "step": summary.step}
    steps = {"max_steps": run.train_config.max_steps}
    return {**_IDLE, **standing, **steps, "events": [], "next": 0, "behind": False}

"""What happened in a run, condensed to what a page can hold however long the run is.

The events come as metrics.jsonl has them, one dictionary each, live or from the disk. `add` returns
each as the page gets it, with ids turned into text.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from llm.runs.curves import Thinned
from llm.runs.snapshots import least_missed
from llm.tokenizers import Tokenizer

Entry = dict[str, Any]

EVENT_VALUES = {
    "step": ("loss", "learning_rate", "grad_norm", "clipped_norm", "tokens_seen"),
    "evaluation": ("train_loss", "validation_loss"),
}
"""What of each event is drawn as it is."""
REACHED = ("train_loss", "validation_loss", "accuracy", "seconds")
MAX_MOMENTS = 120
"""Evaluations whose sample, answers and passage are kept; the least missed one goes."""


class RunSummary:
    """The digest of one run: thinned curves, a limited number of moments, changes and the end."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.moments: list[Entry] = []
        """One for each evaluation: {"step", "sample", "exam", "passage"}, as far as the run has them."""
        self.layers: list[Entry] = []
        """{"step", "layers"} of the evaluations that measured them."""
        self.changes: list[Entry] = []
        """Settings changed on the fly: {"step", "changes"}."""
        self.end: Entry | None = None
        """{"step", "reason", "why"} once the run is done."""
        self.step = 0
        self._curves: defaultdict[str, Thinned] = defaultdict(Thinned)
        self._seconds = 0.0  # that all steps took
        self._tokenizer = tokenizer

    def extend(self, entries: Iterable[Entry]) -> None:
        """Take in all events of metrics.jsonl."""
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> Entry:
        """Take in the next event; returns it as the page shall have it."""
        kind, step = entry["event"], entry["step"]
        self.step = step
        for name in EVENT_VALUES.get(kind, ()):
            self._draw(name, step, entry.get(name))  # runs of older versions say less
        match kind:
            case "step":
                self._seconds += entry["seconds"]
                self._draw("seconds", step, self._seconds)
            case "evaluation":
                self._moment(step)
            case "sample":
                ids, given = entry["ids"], entry["prompt_length"]
                prompt = self._tokenizer.decode(ids[:given])
                sample = {"prompt": prompt, "text": self._tokenizer.decode(ids)[len(prompt) :]}
                return self._noted(kind, step, "sample", sample)
            case "exam":
                self._draw("accuracy", step, entry["correct"] / entry["total"])
                return self._noted(kind, step, "exam", [self._tokenizer.decode(ids) for ids in entry["answers"]])
            case "passage":
                return self._noted(kind, step, "passage", [round(nats, 3) for nats in entry["losses"]])
            case "layers":
                self.layers.append({"step": step, "layers": entry["layers"]})
                _thin(self.layers)
                return {"event": kind, "step": step}
            case "change":
                self.changes.append({"step": step, "changes": entry["changes"]})
            case "done":
                self.end = {"step": step, "reason": entry["reason"], "why": entry.get("why", "")}
        return entry

    def curves(self) -> dict[str, list[tuple[float, float]]]:
        """Each curve by name, thinned: those of EVENT_VALUES, "accuracy", and "seconds" that all steps took so far."""
        return {
            name: [(step, float(f"{value:.6g}")) for step, value in curve.points()]
            for name, curve in self._curves.items()
        }

    def reached(self) -> Entry:
        """Where the curves that a table shows stand now, and the lowest validation loss; None where there is none."""
        newest = {name: curve.points()[-1][1] for name, curve in self._curves.items() if name in REACHED}
        validation = self._curves["validation_loss"].points() if "validation_loss" in newest else []
        best = min((loss for _, loss in validation), default=None)
        return {"step": self.step, "best": best, **{name: newest.get(name) for name in REACHED}}

    def state(self) -> Entry:
        """All of it for the page, but for the layers."""
        return {
            "curves": self.curves(),
            "moments": [dict(moment) for moment in self.moments],
            "changes": list(self.changes),
            "end": self.end,
        }

    def _draw(self, name: str, step: int, value: float | None) -> None:
        if value is not None and math.isfinite(value):
            self._curves[name].add(step, value)

    def _noted(self, kind: str, step: int, name: str, value: Any) -> Entry:
        self._moment(step)[name] = value
        return {"event": kind, "step": step, name: value}

    def _moment(self, step: int) -> Entry:
        if not self.moments or self.moments[-1]["step"] != step:
            self.moments.append({"step": step})
            _thin(self.moments)
        return self.moments[-1]


def _thin(items: list[Entry]) -> None:
    if len(items) > MAX_MOMENTS:
        del items[least_missed([item["step"] for item in items])]

"""Runs side by side: their curves, and the settings in which they differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from llm.runs.curves import MAX_POINTS, Point, Thinned
from llm.runs.run import Run

EVENT_VALUES = {
    "step": ("loss", "learning_rate", "grad_norm", "clipped_norm", "tokens_seen"),
    "evaluation": ("train_loss", "validation_loss"),
}
"""What of each event is drawn as it is."""


def history(run: Run, max_points: int = MAX_POINTS) -> dict[str, list[Point]]:
    """The run's curves by name: (step, value) each, at most `max_points` of them, with every peak.

    Those of `EVENT_VALUES`; "seconds", the time that all steps took so far; and "accuracy" in the
    exams, from 0 to 1. Raises ValueError when the run's metrics are damaged.
    """
    curves: defaultdict[str, Thinned] = defaultdict(lambda: Thinned(max_points))
    seconds = 0.0
    for event in run.metrics():
        kind, step = event["event"], event["step"]
        for name in EVENT_VALUES.get(kind, ()):
            if name in event:  # runs of older versions say less
                curves[name].add(step, event[name])
        if kind == "step":
            seconds += event["seconds"]
            curves["seconds"].add(step, seconds)
        elif kind == "exam":
            curves["accuracy"].add(step, event["correct"] / event["total"])
    return {name: curve.points() for name, curve in curves.items()}


def settings(run: Run) -> dict[str, Any]:
    """Everything that was chosen before the run began, by name: text, tokenizer, model and training."""
    return {
        "corpus": run.corpus_ref or run.corpus,
        "tokenizer": run.tokenizer.kind,
        **run.model_config.to_dict(),
        **run.train_config.to_dict(),
    }


def changed_settings(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """For each run, those of its settings in which not all of the runs agree."""
    all_settings = [settings(run) for run in runs]
    differing = [name for name in (all_settings or [{}])[0] if len({str(s[name]) for s in all_settings}) > 1]
    return [{name: values[name] for name in differing} for values in all_settings]

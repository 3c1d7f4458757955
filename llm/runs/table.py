"""Runs side by side: the settings in which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llm.runs.run import Run


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

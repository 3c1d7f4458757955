"""The Train tab's table of runs: what each reached, and what was changed from one to the next."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd

from llm.runs.run import Run, list_runs
from llm.runs.table import changed_settings, settings
from llm.ui import inputs
from llm.ui.panel import Answer, Request, View, changing
from llm.ui.sessions import Session
from llm.ui.train.example import example_run
from llm.ui.train.run_summaries import RunSummaries, find_run, live, state_of
from llm.ui.train.shared import Shared

MAX_COMPARED = 8
MAX_DRAWN = 12
"""Runs whose losses are drawn beneath the table: the newest."""


def build_runs(shared: Shared) -> View:
    """The view; its endpoints list, compare, rename, keep and delete the visitor's runs."""
    sessions, summaries = shared.sessions, shared.summaries

    def list_ledger(request: Request) -> Answer:
        """A row a run, newest first, and how the loss of the newest fell."""
        session = sessions.of(request)
        runs = list_runs(session.runs)
        if not runs:
            run = example_run()
            return {
                "rows": [],
                "example": _summary(session, summaries, run),
                "curves": [_curve(session, summaries, run)],
            }
        curves = [_curve(session, summaries, run) for run in runs[:MAX_DRAWN]]
        return {"rows": _rows(session, summaries, runs), "curves": curves}

    def compare_runs(request: Request) -> Answer:
        """The settings in which some runs differ."""
        session = sessions.of(request)
        wanted = request.get("runs")
        if not isinstance(wanted, list):
            raise ValueError("Runs must be a list.")
        runs = [run for run in list_runs(session.runs) if run.id in wanted[:MAX_COMPARED]]
        differing = changed_settings(runs)
        return {
            "runs": [{"id": run.id, "name": run.name} for run in runs],
            "settings": [{"name": name, "values": [values[name] for values in differing]} for name in differing[0]]
            if runs
            else [],
        }

    @changing
    def rename_run(request: Request) -> Answer:
        """Give a run another name."""
        run = find_run(sessions.of(request), request)
        training = sessions.of(request).trainings.get(run.id)
        # The training's own object would otherwise write the old name into its next checkpoint.
        (training.run if training else run).rename(inputs.text(request, "name", 1_000))
        return {}

    @changing
    def keep_run(request: Request) -> Answer:
        """Let a run stay when old ones make room for new ones, or no longer."""
        find_run(sessions.of(request), request).keep(inputs.flag(request, "kept"))
        return {}

    @changing
    def delete_run(request: Request) -> Answer:
        """Delete a run and all that is kept of it."""
        session = sessions.of(request)
        run = find_run(session, request)
        if live(session, run.id):
            raise ValueError("This run is in training; stop it before you delete it.")
        session.trainings.pop(run.id, None)
        run.delete()
        return {}

    return View("Runs", [list_ledger, compare_runs, rename_run, keep_run, delete_run])


def _rows(session: Session, summaries: RunSummaries, runs: list[Run]) -> list[dict[str, Any]]:
    """One for each run, newest first, with the settings that differ from those of the run before it."""
    table = pd.DataFrame([_summary(session, summaries, run) for run in runs])
    if table.empty:
        return []
    chosen = [settings(run) for run in runs]
    table["changes"] = [
        [[name, before.get(name), value] for name, value in now.items() if value != before.get(name)]
        for now, before in pairwise(chosen)
    ] + [[]]
    rows: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    return rows


def _summary(session: Session, summaries: RunSummaries, run: Run) -> dict[str, Any]:
    training = session.trainings.get(run.id)
    return {
        "id": run.id,
        "name": run.name,
        "created": run.created,
        "state": state_of(session, run),
        "live": live(session, run.id) is not None,
        "corpus": run.corpus,
        "kept": run.kept,
        "parent": run.parent.name if run.parent else "",
        "n_params": run.model_config.n_params,
        **(training or summaries.of(run)).reached(),
        "bytes": run.size_bytes(),
    }


def _curve(session: Session, summaries: RunSummaries, run: Run) -> dict[str, Any]:
    """A run's validation loss by step."""
    curves = (session.trainings.get(run.id) or summaries.of(run)).curves()
    return {"id": run.id, "loss": curves.get("validation_loss", [])}

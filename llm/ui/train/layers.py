"""The Train tab's view of each layer over time: its weights, gradient and update, and its heads' attention."""

from __future__ import annotations

from typing import Any

from llm.runs.run import Run
from llm.ui import inputs
from llm.ui.panel import Answer, Request, View
from llm.ui.train.example import example_layers, example_run
from llm.ui.train.run_summaries import find_run
from llm.ui.train.shared import Shared


def build_layers(shared: Shared) -> View:
    """The view; its endpoint hands out what a run measured of its layers; where none is named, what the example did."""
    summaries = shared.summaries

    def read_layers(request: Request) -> Answer:
        """What a run measured of its layers after step `since`."""
        session = shared.owner(request)
        since = inputs.whole(request, "since", -1, 2**53, -1)
        if request.get("run") is None:
            return _told(example_run(), example_layers(), since)
        run = find_run(session, request)
        training = session.trainings.get(run.id)
        return _told(run, training.layers() if training else summaries.of(run).layers, since)

    return View("Layers", [read_layers])


def _told(run: Run, layers: list[dict[str, Any]], since: int) -> Answer:
    return {
        "run": run.id,
        "name": run.name,
        "measured": run.train_config.layer_stats,
        "n_ctx": run.model_config.n_ctx,
        "moments": [moment for moment in layers if moment["step"] > since],
    }

"""The Train tab's view of each layer over time: its weights, gradient and update, and its heads' attention."""

from __future__ import annotations

from llm.ui import inputs
from llm.ui.panel import Answer, Request, View
from llm.ui.train.run_summaries import find_run
from llm.ui.train.shared import Shared


def build_layers(shared: Shared) -> View:
    """The view; its endpoint hands out what a run measured of its layers."""
    sessions, summaries = shared.sessions, shared.summaries

    def read_layers(request: Request) -> Answer:
        """What a run measured of its layers after step `since`."""
        session = sessions.of(request)
        run = find_run(session, request)
        training = session.trainings.get(run.id)
        layers = training.layers() if training else summaries.of(run).layers
        since = inputs.whole(request, "since", -1, 2**53, -1)
        return {
            "run": run.id,
            "name": run.name,
            "measured": run.train_config.layer_stats,
            "n_ctx": run.model_config.n_ctx,
            "moments": [moment for moment in layers if moment["step"] > since],
        }

    return View("Layers", [read_layers])

"""The Train tab's view of each layer over time: its weights, gradient and update, and its heads' attention."""

from __future__ import annotations

from llm.ui import inputs
from llm.ui.components import Answer, Lens, Request
from llm.ui.sessions import Sessions
from llm.ui.train.records import Records, find_run


def build_layers(sessions: Sessions, records: Records) -> Lens:
    """The view; its endpoint hands out what a run measured of its layers."""

    def read_layers(request: Request) -> Answer:
        session = sessions.of(request)
        run = find_run(session, request)
        training = session.trainings.get(run.id)
        layers = training.layers() if training else records.of(run).layers
        since = inputs.whole(request, "since", -1, 2**53, -1)
        return {
            "run": run.id,
            "name": run.name,
            "measured": run.train_config.layer_stats,
            "n_ctx": run.model_config.n_ctx,
            "moments": [moment for moment in layers if moment["step"] > since],
        }

    return Lens("layers", [read_layers], view=True)

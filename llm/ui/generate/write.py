"""The view that writes: the odds of the next token, and the text that is drawn from them."""

from __future__ import annotations

from llm.ui.generate.drawing import drawing_endpoints
from llm.ui.generate.source import checkpoint_folder
from llm.ui.live import LiveGenerations
from llm.ui.panel import Answer, Request, View


def build_write(live: LiveGenerations) -> View:
    """The view and its endpoints."""

    def name_source(request: Request) -> Answer:
        """Where the model lies, for a transcript that others can follow."""
        loaded = live.subjects.of(request)
        folder = checkpoint_folder(live.subjects, request, loaded)
        return {"folder": folder, "title": loaded.title, "step": loaded.step}

    return View("Write", [*drawing_endpoints(live), name_source])

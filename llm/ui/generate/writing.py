"""The view that writes: the odds of the next token, and the text that is drawn from them."""

from __future__ import annotations

from llm.ui.components import Answer, Lens, Request
from llm.ui.generate.drawing import drawing_endpoints
from llm.ui.generate.source import checkpoint_folder
from llm.ui.live import LiveGenerations
from llm.ui.subject import Subjects


def build_writing(subjects: Subjects, live: LiveGenerations) -> Lens:
    """The view and its endpoints."""

    def name_source(request: Request) -> Answer:
        """Where the model lies, for a transcript that others can follow."""
        loaded = subjects.of(request)
        folder = checkpoint_folder(subjects, request, loaded)
        return {"folder": folder, "title": loaded.title, "step": loaded.step}

    return Lens("writing", [*drawing_endpoints(subjects, live), name_source], view=True)

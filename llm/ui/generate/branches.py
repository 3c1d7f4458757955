"""The view of what could have come: a tree of texts that part at a token a person chose."""

from __future__ import annotations

from llm.ui.components import Lens
from llm.ui.generate.drawing import drawing_endpoints
from llm.ui.live import LiveGenerations
from llm.ui.subject import Subjects


def build_branches(subjects: Subjects, live: LiveGenerations) -> Lens:
    """The view and its endpoints."""
    return Lens("branches", drawing_endpoints(subjects, live), view=True)

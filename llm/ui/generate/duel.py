"""The view of two sides: two settings, models or moments write on from one prompt with one seed."""

from __future__ import annotations

from llm.ui.components import Lens
from llm.ui.generate.drawing import drawing_endpoints
from llm.ui.live import LiveGenerations
from llm.ui.rivals import rivals_endpoint
from llm.ui.subject import Subjects


def build_duel(subjects: Subjects, live: LiveGenerations) -> Lens:
    """The view and its endpoints."""
    return Lens("duel", [*drawing_endpoints(subjects, live), rivals_endpoint(subjects)], view=True)

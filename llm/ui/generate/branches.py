"""The view of what could have come: a tree of texts that part at a token a person chose."""

from __future__ import annotations

from llm.ui.generate.drawing import drawing_endpoints
from llm.ui.live import LiveGenerations
from llm.ui.panel import View


def build_branches(live: LiveGenerations) -> View:
    """The view and its endpoints."""
    return View("Branches", drawing_endpoints(live))

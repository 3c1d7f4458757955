"""The view of two sides: two settings, models or moments write on from one prompt with one seed."""

from __future__ import annotations

from llm.ui.generate.drawing import drawing_endpoints
from llm.ui.live import LiveGenerations
from llm.ui.panel import View
from llm.ui.rivals import rivals_endpoint


def build_side_by_side(live: LiveGenerations) -> View:
    """The view and its endpoints."""
    return View("Side by side", [*drawing_endpoints(live), rivals_endpoint(live.subjects)])

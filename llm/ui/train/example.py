"""The finished training that the tab opens on before a visitor has one: that of a shipped model, from its own files."""

from __future__ import annotations

import json
from typing import Any

from llm.runs.run import Run
from llm.ui.subject import SHIPPED

NAME = "induction"
"""The shipped folder that opens as a run."""
LAYERS = "layers.jsonl"
"""In that folder: what the same training, once more, measured of its layers; its card says how it was made."""


def example_run() -> Run:
    """Raises ValueError when it isn't there."""
    return Run.open(SHIPPED, NAME)


def example_layers() -> list[dict[str, Any]]:
    """Its layers over the steps, as `RunSummary.layers`."""
    with (SHIPPED / NAME / LAYERS).open(encoding="utf-8") as lines:
        return [{"step": event["step"], "layers": event["layers"]} for event in map(json.loads, lines)]

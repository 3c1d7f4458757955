"""The view that holds two heads side by side: of one model or two, one prompt or two, any two moments."""

from __future__ import annotations

from llm.ui.attention.heads import exact
from llm.ui.attention.passes import Passes
from llm.ui.panel import Answer, Request, View
from llm.ui.prompt import named
from llm.ui.rivals import rivals_endpoint


def build_compare(passes: Passes) -> View:
    """The view; its endpoints list what can be compared and read one side of it."""

    @passes.subjects.answers.of
    def read_side(request: Request) -> Answer:
        """One head on one prompt, exactly; without a prompt no tokens and nothing else."""
        found = passes.of(request)
        if found is None:
            return {"tokens": []}
        return {
            "tokens": named(found.loaded.tokenizer, found.ids),
            "note": found.note,
            "title": found.loaded.title,
            "step": found.loaded.step,
            "layers": found.layers,
            "heads": found.heads,
            **exact(found, *found.head(request)),
        }

    return View("Compare", [rivals_endpoint(passes.subjects), read_side])

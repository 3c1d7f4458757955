"""What the Model tab's views share: traces, so that a walk's next step costs no new pass, and steps of learning."""

from __future__ import annotations

from dataclasses import dataclass

from llm.inside.column import column_names
from llm.inside.walk import Walk
from llm.ui import inputs
from llm.ui.model.steps import Steps
from llm.ui.panel import Request
from llm.ui.prompt import window
from llm.ui.subject import Loaded, Subjects
from llm.ui.traces import Traces

WIDTHS = 7
"""Numbers kept of a token in each layer, in widths of the model: GPT-2 small over 1,024 tokens takes 230 MB."""


@dataclass(frozen=True)
class Walked:
    """One prompt read by one model, and the token of it that is followed."""

    loaded: Loaded
    ids: list[int]
    note: str | None
    """A sentence for the visitor if the prompt was cut."""
    position: int
    walk: Walk


class Walks:
    """The latest traces, by model and tokens, and the latest steps of learning."""

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        self.steps = Steps(subjects.sessions.memory)
        self._traces = Traces(subjects.sessions.memory)

    def of(self, request: Request) -> Walked | None:
        """The walk that a request is about, its last token if it names none; None for an empty prompt.

        Raises ValueError when the model or the prompt can't be read.
        """
        loaded = self.subjects.of(request)
        ids, note = window(loaded, inputs.text(request, "prompt"))
        if not ids:
            return None
        last = len(ids) - 1
        position = last if request.get("position") is None else inputs.whole(request, "position", 0, last)
        names, size = column_names(loaded.model), WIDTHS * loaded.config.n_layer * loaded.config.n_embd
        seen = self._traces.of(loaded.model, ids, names, floats_per_token=size)
        return Walked(loaded, ids, note, position, Walk(loaded.model, seen, position))

    def some(self, request: Request) -> Walked:
        """The same where there has to be a token. Raises ValueError when there is none."""
        found = self.of(request)
        if found is None:
            raise ValueError("There is no token to follow; write a prompt at the top.")
        return found

"""Traces that the Model tab keeps, so that the next step or token of a prompt costs no new forward pass."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass

from llm.inside.column import column_names
from llm.inside.trace import Trace
from llm.inside.walk import Walk
from llm.model import GPT
from llm.ui import inputs
from llm.ui.panel import Request
from llm.ui.prompt import finite, window
from llm.ui.subject import Loaded, Subjects
from llm.ui.zero_gpu import traced

MAX_BYTES = 256_000_000
"""Of all traces kept: GPT-2 small over 1,024 tokens takes 230 MB."""
MAX_KEPT = 8


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
    """The latest traces, by model and tokens."""

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        # The latest last. A model is held weakly: `Subjects` alone decides how long it stays loaded.
        self._kept: list[tuple[weakref.ref[GPT], list[int], Trace]] = []
        self._lock = threading.Lock()

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
        return Walked(loaded, ids, note, position, Walk(loaded.model, self._trace(loaded, ids), position))

    def some(self, request: Request) -> Walked:
        """The same where there has to be a token. Raises ValueError when there is none."""
        found = self.of(request)
        if found is None:
            raise ValueError("There is no token to follow; write a prompt at the top.")
        return found

    def _trace(self, loaded: Loaded, ids: list[int]) -> Trace:
        with self._lock:
            seen = next((entry[2] for entry in self._kept if entry[0]() is loaded.model and entry[1] == ids), None)
        if seen is None:
            seen = traced(loaded.model, ids, column_names(loaded.model), last_only=True)
            finite(seen.logits)
        with self._lock:
            others = [entry for entry in self._kept if entry[0]() is not None and entry[2] is not seen]
            self._kept = [*others[1 - MAX_KEPT :], (weakref.ref(loaded.model), ids, seen)]
            while len(self._kept) > 1 and sum(_bytes(entry[2]) for entry in self._kept) > MAX_BYTES:
                self._kept.pop(0)
        return seen


def _bytes(seen: Trace) -> int:
    return sum(tensor.nelement() * tensor.element_size() for tensor in seen.tensors.values())

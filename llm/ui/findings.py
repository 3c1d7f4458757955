"""What was found out about models, kept so that another look at it costs nothing."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from llm.model import GPT
from llm.ui.memory import Memory, Shelf

V = TypeVar("V")


class Findings(Generic[V]):
    """Findings of one kind, by model and by what was asked; none may hold its model."""

    def __init__(self, memory: Memory) -> None:
        # A model is held weakly: `Subjects` alone decides how long it stays loaded.
        self._kept = Shelf[tuple[weakref.ref[GPT], V]](memory, idle_seconds=memory.kept_seconds)

    def get(self, model: GPT, question: Hashable) -> V | None:
        """What is kept, if it is."""
        kept = self._kept.get((id(model), question))
        return None if kept is None or kept[0]() is not model else kept[1]  # another may lie where that one did

    def of(
        self,
        model: GPT,
        question: Hashable,
        size: int,
        find: Callable[[], V],
        measure: Callable[[V], int] | None = None,
    ) -> V:
        """What is kept, or else what `find` says, which takes `size` bytes; `measure` tells more exactly.

        Raises ValueError when there is no room, before anything is done, and whatever `find` raises.
        """
        found = self.get(model, question)
        if found is None:
            _, found = self._kept.make(
                (id(model), question),
                size,
                lambda: (weakref.ref(model), find()),
                measure=None if measure is None else lambda made: measure(made[1]),
            )
        return found

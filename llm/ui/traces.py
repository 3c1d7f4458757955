"""What models computed on the latest prompts, kept so that another look at one costs no new pass."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

from llm.inside.trace import Trace
from llm.model import GPT
from llm.ui.memory import Memory, Shelf
from llm.ui.prompt import finite
from llm.ui.zero_gpu import traced

IDLE_SECONDS = 900.0


class Traces:
    """The latest traces, by model and tokens."""

    def __init__(self, memory: Memory) -> None:
        # A model is held weakly: `Subjects` alone decides how long it stays loaded.
        self._kept = Shelf[tuple[weakref.ref[GPT], Trace]](memory, idle_seconds=IDLE_SECONDS)

    def of(self, model: GPT, ids: list[int], names: Sequence[str], *, floats_per_token: int) -> Trace:
        """The tensors of those names over `ids`, about so many numbers for each token.

        Raises ValueError when they have no room or the model says nothing finite.
        """
        key = (id(model), tuple(ids))
        kept = self._kept.get(key)
        if kept is None or kept[0]() is not model:  # another model may lie where that one did

            def read() -> tuple[weakref.ref[GPT], Trace]:
                seen = traced(model, ids, names, last_only=True)
                finite(seen.logits)
                return weakref.ref(model), seen

            kept = self._kept.make(key, 4 * floats_per_token * len(ids), read, measure=lambda made: _bytes(made[1]))
        return kept[1]


def _bytes(seen: Trace) -> int:
    return 1_000 + sum(tensor.nelement() * tensor.element_size() for tensor in seen.tensors.values())

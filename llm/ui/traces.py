"""What models computed on the latest prompts, kept so that another look at one costs no new pass."""

from __future__ import annotations

from collections.abc import Sequence

from llm.inside.trace import Trace
from llm.model import GPT
from llm.ui.findings import Findings
from llm.ui.memory import Memory
from llm.ui.prompt import finite
from llm.ui.zero_gpu import traced


class Traces:
    """The latest traces, by model and tokens."""

    def __init__(self, memory: Memory) -> None:
        self._kept = Findings[Trace](memory)

    def of(self, model: GPT, ids: list[int], names: Sequence[str], *, floats_per_token: int) -> Trace:
        """The tensors of those names over `ids`, about so many numbers for each token.

        Raises ValueError when they have no room or the model says nothing finite.
        """

        def read() -> Trace:
            seen = traced(model, ids, names, last_only=True)
            finite(seen.logits)
            return seen

        size = 4 * (floats_per_token * len(ids) + model.config.vocab_size)
        return self._kept.of(model, tuple(ids), size, read, trace_bytes)


def trace_bytes(seen: Trace) -> int:
    """What a trace takes in memory."""
    return 1_000 + sum(tensor.nbytes for tensor in (seen.ids, seen.logits, *seen.tensors.values()))

"""Forward passes that the Attention tab keeps, so that the next head of a prompt costs no new one.

Shapes: T time, R rows, C embedding, H heads, D head size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from llm.deadline import seconds_left
from llm.inside.head_pictures import pattern_rows
from llm.inside.head_scores import HEAD_KINDS, head_scores, measured_rows, most_telling
from llm.inside.head_search import FoundHead
from llm.inside.trace import Trace
from llm.ui import inputs
from llm.ui.attention.worked_examples import example_of
from llm.ui.prompt import window
from llm.ui.subject import Loaded, Subjects
from llm.ui.traces import Traces

Scores = dict[str, float | None]
"""One head's scores, by kind."""


@dataclass(frozen=True)
class Pass:
    """One prompt read by one model: queries, keys, values and the residual stream of every layer."""

    loaded: Loaded
    ids: list[int]
    note: str | None
    """A sentence for the visitor if the prompt was cut."""
    seen: Trace

    @property
    def layers(self) -> int:
        return self.loaded.config.n_layer

    @property
    def heads(self) -> int:
        return self.loaded.config.n_head

    def part(self, name: str, layer: int) -> Tensor:
        """A layer's queries ("q"), keys ("k") or values ("v") in float32: part_HTD."""
        return self.seen[f"blocks.{layer}.attn.hook_{name}"][0].transpose(0, 1).float().contiguous()

    def resid(self, layer: int) -> Tensor:
        """resid_TC before a layer; after the last one for `layers`."""
        last = f"blocks.{self.layers - 1}.hook_resid_post"
        return self.seen[last if layer == self.layers else f"blocks.{layer}.hook_resid_pre"][0]

    def scored(self, q_HTD: Tensor, k_HTD: Tensor) -> list[Scores]:
        """The scores of one layer's heads on this prompt. Raises TooLong when whoever asked has no time left."""
        seconds_left()
        T = len(self.ids)
        row_R = measured_rows(T).to(q_HTD.device)
        pattern_HRT = pattern_rows(q_HTD, k_HTD, row_R) if len(row_R) else q_HTD.new_zeros(self.heads, 0, T)
        by_kind = head_scores(pattern_HRT, row_R, self.ids)
        return [{kind: by_kind[kind][head] for kind in HEAD_KINDS} for head in range(self.heads)]

    def scores(self) -> list[Scores]:
        """The scores of all heads on this prompt, layer by layer."""
        return [
            one for layer in range(self.layers) for one in self.scored(self.part("q", layer), self.part("k", layer))
        ]

    def clearest(self, scores: list[Scores]) -> tuple[int, int]:
        """The (layer, head) to open on: that of the worked example, if this is its prompt, or the most telling one."""
        if self.example is not None:
            return self.example[0].layer, self.example[0].head
        return most_telling({divmod(i, self.heads): one for i, one in enumerate(scores)})

    @cached_property
    def example(self) -> tuple[FoundHead, str] | None:
        """What a worked example shows of this prompt, and its sentence."""
        return example_of(self.loaded, self.ids)

    def asked_head(self, request: dict[str, Any]) -> tuple[int, int] | None:
        """The (layer, head) that a request names, if this model has it."""
        if request.get("layer") is None or request.get("head") is None:
            return None
        layer, head = inputs.whole(request, "layer", 0, 65_536), inputs.whole(request, "head", 0, 65_536)
        return (layer, head) if layer < self.layers and head < self.heads else None

    def head(self, request: dict[str, Any]) -> tuple[int, int]:
        """The (layer, head) that a request names; without one, or if this model lacks it, the clearest."""
        return self.asked_head(request) or self.clearest(self.scores())


class Passes:
    """The latest passes over a lens's prompts, by model and tokens."""

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        self._traces = Traces(subjects.sessions.memory)

    def of(self, request: dict[str, Any]) -> Pass | None:
        """The pass that a request is about, run if need be; None for an empty prompt.

        Raises ValueError when the model or the prompt can't be read.
        """
        loaded = self.subjects.of(request)
        ids, note = window(loaded, inputs.text(request, "prompt"))
        return self.over(loaded, ids, note) if ids else None

    def over(self, loaded: Loaded, ids: list[int], note: str | None = None) -> Pass:
        """The pass of a model over these ids."""
        config = loaded.config
        names = [f"blocks.*.attn.hook_{name}" for name in "qkv"]
        names += ["blocks.*.hook_resid_pre", f"blocks.{config.n_layer - 1}.hook_resid_post"]
        size = (4 * config.n_layer + 1) * config.n_embd
        return Pass(loaded, ids, note, self._traces.of(loaded.model, ids, names, floats_per_token=size))

"""Attention while a text is being written: each token that is read adds one row to every head.

    for reading in watch(model, ids, SamplingConfig(seed=1)):
        reading.row_LHS     # how the newest token spreads its attention
        reading.next        # the token that is drawn after it

The text is the one that `llm.sampler.generate` writes, and as fast but for one small product a
layer: queries and keys of the newest token are at hand when its attention is computed.

Shapes: L layers, H heads, T tokens of a text, S all tokens that the newest one can see, B batch,
C embedding width, D head size, N = 3 C.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llm.config import SamplingConfig
from llm.decoder import Decoder
from llm.inside.trace import trace
from llm.model import GPT
from llm.sampler import Choice, checked_ids, generate


@dataclass(frozen=True)
class Start:
    """A text that was read at once: queries and keys, from which `llm.inside.head_pictures` makes patterns.

    All patterns of a thousand tokens would take 600 MB in GPT-2 small; these take an eighth.
    """

    q_LHTD: Tensor
    k_LHTD: Tensor


@dataclass(frozen=True)
class Reading:
    """What the model looked at when it read the newest token of its text, and what it drew then."""

    row_LHS: Tensor
    """Attention of the newest token."""
    start: Start | None
    """What was read at once with it: the prompt and, whenever the context was full and reading began anew,
    the end of the text. It takes the place of all that came before. None where one more token was read."""
    drawn: Choice | None
    """How the token that was read now had been drawn; None for the prompt."""
    next: Choice
    """The token drawn after it. Its `logits_V` are what the model says of every next token."""

    @property
    def reads(self) -> int:
        """S: how many tokens of the text are in the picture."""
        return self.row_LHS.size(2)


class WatchedDecoder(Decoder):
    """A `Decoder` of one text that keeps how each head spread its attention in the last step."""

    def __init__(self, model: GPT) -> None:
        super().__init__(model)
        c = model.config
        self._pattern_LHS = model.wte.weight.new_zeros(c.n_layer, c.n_head, c.n_ctx)

    @property
    def pattern_LHS(self) -> Tensor:
        """The attention of the token read last. The next step overwrites it."""
        return self._pattern_LHS[:, :, : self.rows[0].length]

    def _attend(self, layer: int, k_BHSD: Tensor, v_BHSD: Tensor, mask_B11S: Tensor | None) -> None:
        super()._attend(layer, k_BHSD, v_BHSD, mask_B11S)
        _, _, S, D = k_BHSD.shape
        scores_HS = (k_BHSD[0] @ self._layers[layer].q_BH1D[0].transpose(1, 2))[:, :, 0] / math.sqrt(D)
        torch.softmax(scores_HS, dim=1, out=self._pattern_LHS[layer, :, :S])


def watch(model: GPT, ids: Sequence[int], config: SamplingConfig, *, eot_id: int | None = None) -> Iterator[Reading]:
    """Continue `ids` as `generate` does, one `Reading` a token; the first is that of the prompt.

    The token drawn last, an `eot_id` among them, is never read and has no row.

    Raises ValueError, before the first reading is asked for, when `ids` is empty or holds an id
    outside the vocabulary.
    """
    return _watch(model, checked_ids(ids, model.config.vocab_size), config, eot_id)


def _watch(model: GPT, ids: list[int], config: SamplingConfig, eot_id: int | None) -> Iterator[Reading]:
    decoder = WatchedDecoder(model)
    drawn, seen = None, 0
    for choice in generate(model, ids, config, eot_id=eot_id, decoder=decoder):
        one_more = drawn is not None and choice.reads == seen + 1
        start = None if one_more else _start(model, ids[-choice.reads :])
        yield Reading(decoder.pattern_LHS.clone(), start, drawn, choice)
        ids.append(choice.id)
        drawn, seen = choice, choice.reads


def _start(model: GPT, ids: list[int]) -> Start:
    seen = trace(model, ids, ["blocks.*.attn.hook_[qk]"], last_only=True)
    layers = range(model.config.n_layer)
    q, k = (
        torch.stack([seen[f"blocks.{layer}.attn.hook_{part}"][0].transpose(0, 1).float() for layer in layers])
        for part in "qk"
    )
    return Start(q, k)

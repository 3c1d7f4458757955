"""One token's way through a model: every vector at its position, in the order of the forward pass.

What a trace keeps is read from it; what lies between two kept vectors (the normalised copies, the
neurons) is worked out again from them by the model's own modules, for this one position. Causal as
GPT-2 is, one trace of a text serves all of its positions.

Shapes: T tokens of the text, C embedding, D head size, H heads, N neurons, V vocabulary.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from llm.inside.trace import Trace
from llm.model import GPT, Block
from llm.sampler import reading


def column_names(model: GPT) -> list[str]:
    """What a trace has to keep for `Column`."""
    names = ["blocks.*.hook_resid_pre", "blocks.*.attn.hook_[qkvz]", "blocks.*.hook_resid_mid"]
    return [*names, f"blocks.{model.config.n_layer - 1}.hook_resid_post"]


class Column:
    """The vectors at one position of a traced text, all float32. Layers count from 0."""

    def __init__(self, model: GPT, seen: Trace, position: int) -> None:
        """Raises ValueError when the text has no such position."""
        if not 0 <= position < seen.ids.size(1):
            raise ValueError(f"There is no token {position}; the text has {seen.ids.size(1)}, counted from 0.")
        self.model, self.seen, self.position = model, seen, position
        self.ids = seen.ids[0].tolist()

    def block(self, layer: int) -> Block:
        """A block of the model."""
        return cast(Block, self.model.h[layer])

    @property
    def token(self) -> Tensor:
        """The token's embedding: C."""
        return self.model.wte.weight.detach()[self.ids[self.position]].float()

    @property
    def place(self) -> Tensor:
        """The position's vector: C."""
        return self.model.wpe.weight.detach()[self.position].float()

    def stream(self, layer: int) -> Tensor:
        """The residual stream before a layer, after the last one for n_layer: C."""
        last = self.model.config.n_layer
        name = f"blocks.{last - 1}.hook_resid_post" if layer == last else f"blocks.{layer}.hook_resid_pre"
        return self._kept(name)

    def middle(self, layer: int) -> Tensor:
        """The stream between a layer's attention and its MLP: C."""
        return self._kept(f"blocks.{layer}.hook_resid_mid")

    def part(self, name: str, layer: int, head: int) -> Tensor:
        """A head's queries ("q"), keys ("k") or values ("v") of the whole text: T D."""
        return self.seen[f"blocks.{layer}.attn.hook_{name}"][0, :, head].float()

    def scores(self, layer: int, head: int) -> Tensor:
        """q k / sqrt(D) of every token with every token, before the mask: T T."""
        q_TD, k_TD = self.part("q", layer, head), self.part("k", layer, head)
        return q_TD @ k_TD.T / math.sqrt(q_TD.size(1))

    def z(self, layer: int) -> Tensor:
        """The weighted sums of all heads side by side, as `attn.c_proj` reads them: C."""
        return self._kept(f"blocks.{layer}.attn.hook_z").flatten()

    def normed(self, layer: int, which: int) -> Tensor:
        """What the attention (1) or the MLP (2) of a layer reads: C."""
        block = self.block(layer)
        with reading(self.model):
            normed_C: Tensor = block.ln_1(self.stream(layer)) if which == 1 else block.ln_2(self.middle(layer))
        return normed_C

    def neurons(self, layer: int) -> tuple[Tensor, Tensor]:
        """A layer's neurons before and after the activation: N each."""
        mlp = self.block(layer).mlp
        with reading(self.model):
            before_N = mlp.c_fc(self.normed(layer, 2))
            return before_N, mlp.activation(before_N)

    @cached_property
    def last(self) -> Tensor:
        """The stream after the last LayerNorm: C."""
        with reading(self.model):
            normed_C: Tensor = self.model.ln_f(self.stream(self.model.config.n_layer))
        return normed_C

    @cached_property
    def logits(self) -> Tensor:
        """The model's answer here: V."""
        with reading(self.model):
            return torch.mv(self.head, self.last)

    @property
    def head(self) -> Tensor:
        """The matrix that makes logits, tied or not: V C."""
        model = self.model
        weight: Tensor = (model.wte if model.config.tie_word_embeddings else model.lm_head).weight
        return weight.detach()

    def _kept(self, name: str) -> Tensor:
        return self.seen[name][0, self.position].float()

"""Parts of GPT-2 left out, to see what they are for (`ModelConfig.without`).

What is left out keeps its place and its name, has no parameters and does nothing, so whatever looks into a model
finds there what it computes with: positions of zeros, a LayerNorm that hands on what it gets, an MLP that writes
zeros, a block whose parts replace the stream instead of adding to it.

Shapes: B batch, T time, C embedding width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from llm.config import PARTS, ModelConfig


class NoPositions(nn.Module):
    """A table of zeros that nobody learns."""

    def __init__(self, n_ctx: int, width: int) -> None:
        super().__init__()
        self.weight: Tensor
        self.register_buffer("weight", torch.zeros(n_ctx, width), persistent=False)

    def forward(self, positions_T: Tensor) -> Tensor:
        return self.weight[positions_T]


class NoNorm(nn.Module):
    """Hands on what it gets."""

    def forward(self, x_BTC: Tensor) -> Tensor:
        return x_BTC


class NoMLP(nn.Module):
    """Writes zeros."""

    def forward(self, x_BTC: Tensor) -> Tensor:
        return torch.zeros_like(x_BTC)


class BlockWithoutResidual(nn.Module):
    """A block's own parts, each reading what the one before it wrote and nothing else."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.ln_1, self.attn, self.ln_2, self.mlp = block.ln_1, block.attn, block.ln_2, block.mlp

    def forward(self, x_BTC: Tensor, layer: int, cache: Any = None) -> Tensor:
        written_BTC: Tensor = self.mlp(self.ln_2(self.attn(self.ln_1(x_BTC), layer, cache)))
        return written_BTC


def leave_out(model: Any, config: ModelConfig) -> None:
    """Put these in the places of a GPT's own; what is left keeps the weights that the whole model begins with."""
    without = config.without
    if "positions" in without:
        model.wpe = NoPositions(config.n_ctx, config.n_embd)
    if "norms" in without:
        model.ln_f = NoNorm()
    for layer, block in enumerate(model.h):
        if "norms" in without:
            block.ln_1 = NoNorm()
        if "norms" in without or "mlp" in without:
            block.ln_2 = NoNorm()
        if "mlp" in without:
            block.mlp = NoMLP()
        if "residual" in without:
            model.h[layer] = BlockWithoutResidual(block)


def refuse_without(config: ModelConfig, what: str, *parts: str) -> None:
    """Raises ValueError for a model that lacks one of `parts` (any, if none is named), saying `what` can't be."""
    lacks = [PARTS[part] for part in config.without if part in (parts or PARTS)]
    if lacks:
        raise ValueError(f"This model was made without {' and '.join(lacks)}, so {what}; choose a whole one.")

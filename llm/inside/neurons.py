"""What a neuron of an MLP says and when it speaks: the tokens it writes for, the contexts it is strongest in.

A neuron is one of the numbers between the two matrices of an MLP; it adds its row of the second
one to the stream as strongly as it is on (Geva et al., "Transformer Feed-Forward Layers Are
Key-Value Memories", 2021).

Shapes: B windows, T tokens of a window, N neurons of a layer, K contexts of a neuron, C embedding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from llm.ablated import refuse_without
from llm.model import GPT, Block
from llm.sampler import reading

CHUNK = 1_024
"""Tokens read at a time: a layer's neurons over them take 13 MB in GPT-2 small."""


def neuron_write(model: GPT, layer: int, neuron: int) -> Tensor:
    """What a neuron adds to the stream for each unit that it is on: its column of `mlp.c_proj`, C.

    Raises ValueError when the model has no such neuron.
    """
    count = model.config.neurons
    if not 0 <= layer < model.config.n_layer or not 0 <= neuron < count:
        raise ValueError(f"There is no neuron {neuron} in layer {layer}; a layer here has {count:,}, counted from 0.")
    return cast(Block, model.h[layer]).mlp.c_proj.weight.detach()[:, neuron].float()


@dataclass(frozen=True)
class Strongest:
    """The places of a text where each neuron of a layer was most on, so far."""

    values_NK: Tensor
    """Falling. Minus infinity where fewer than K tokens were read."""
    places_NK: Tensor
    """Which token of the text it read there."""
    read: int
    """Tokens read so far."""
    total: int


def strongest_contexts(
    model: GPT, ids: Tensor, layer: int, count: int = 8, *, after: Strongest | None = None
) -> Iterator[Strongest]:
    """Read the text `ids` in windows of the whole context, and say after each chunk where the neurons were most on.

    One pass serves all neurons of the layer; the blocks above it are not run. A caller may stop in between and go on
    later `after` what it got last. The model sees nothing before a window, so a token near its beginning is read with
    little context. Raises ValueError, when the first chunk is asked for, if there is no such layer or no text,
    or the model lacks its MLPs or residual connections.
    """
    refuse_without(model.config, "there are no neurons of GPT-2's to listen to", "residual", "mlp")
    if not 0 <= layer < model.config.n_layer:
        raise ValueError(f"There is no layer {layer}; this model has {model.config.n_layer}, counted from 0.")
    if len(ids) == 0:
        raise ValueError("There is no text to read.")
    N, T = model.config.mlp_size, model.config.n_ctx
    values_NK = torch.full((N, count), -torch.inf) if after is None else after.values_NK
    places_NK = torch.zeros(N, count, dtype=torch.long) if after is None else after.places_NK
    start = 0 if after is None else after.read
    while start < len(ids):
        piece = ids[start : start + max(1, CHUNK // T) * T]
        whole = len(piece) // T * T
        if whole:
            piece = piece[:whole]  # what is left is a window of its own, next time
        with reading(model):
            active_TN = _neurons(model, piece.view(-1, min(T, len(piece))).to(model.device, torch.long), layer).cpu()
        top = active_TN.topk(min(count, len(active_TN)), dim=0)
        both_values = torch.cat([values_NK, top.values.T], dim=1)
        both_places = torch.cat([places_NK, top.indices.T + start], dim=1)
        values_NK, order = both_values.topk(count, dim=1)
        places_NK = both_places.gather(1, order)
        start += len(piece)
        yield Strongest(values_NK, places_NK, start, len(ids))


def _neurons(model: GPT, ids_BT: Tensor, layer: int) -> Tensor:
    """The layer's neurons at every token of these windows, one after the other: (B T) N."""
    x_BTC = model.embed(ids_BT)
    for below in range(layer):
        x_BTC = cast(Block, model.h[below])(x_BTC, below)
    block = cast(Block, model.h[layer])
    x_BTC = x_BTC + block.attn(block.ln_1(x_BTC), layer)
    active_BTN: Tensor = block.mlp.activation(block.mlp.c_fc(block.ln_2(x_BTC)))
    return active_BTN.flatten(0, 1).float()

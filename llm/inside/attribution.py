"""Where a logit comes from: the share of every head, neuron and bias (direct logit attribution).

The residual stream is a sum of what the embeddings, heads and MLPs wrote, and the last LayerNorm
and the head are linear once its scale is held at what it is for this stream. So a logit is a sum
too: of each write along one direction (Elhage et al., 2021). What a head does through later layers
is not in its share but in theirs.

Shapes: L layers, H heads, D head size, C embedding, N neurons of a layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from llm.ablated import refuse_without
from llm.inside.column import Column


@dataclass(frozen=True)
class Attribution:
    """The parts of one token's logit at one position, in logits; they add up to it."""

    logit: float
    """As the model gave it."""
    scale: float
    """The standard deviation by which the last LayerNorm divides here."""
    token: float
    """Of the token embedding."""
    place: float
    """Of the position's vector."""
    heads_LH: Tensor
    neurons_LN: Tensor
    biases_L: Tensor
    """Of each layer's two output biases, which belong to no head and no neuron."""
    norm: float
    """Of the last LayerNorm's own bias."""

    @property
    def total(self) -> float:
        """The sum of all parts."""
        parts = (self.heads_LH.sum(), self.neurons_LN.sum(), self.biases_L.sum())
        return self.token + self.place + self.norm + float(sum(parts))


@torch.no_grad()
def attribute(at: Column, token: int) -> Attribution:
    """Take the logit of `token` apart. Raises ValueError for a token that isn't there and a model that isn't whole."""
    model = at.model
    refuse_without(model.config, "a logit of it isn't the sum of its parts")
    if not 0 <= token < model.config.vocab_size:
        raise ValueError(f"There is no token {token} in a vocabulary of {model.config.vocab_size:,}.")
    stream_C = at.stream(model.config.n_layer).double()
    scale = float((stream_C.var(correction=0) + model.ln_f.eps).sqrt())
    row_C = at.head[token].double()
    # LayerNorm takes the mean off each write; that is the same as taking it off the direction.
    along_C = row_C * model.ln_f.weight.double() / scale
    along_C = along_C - along_C.mean()
    heads, neurons, biases = [], [], []
    for layer in range(model.config.n_layer):
        block = at.block(layer)
        out_of_C = block.attn.c_proj.weight.double().T @ along_C  # how much each entry of z counts
        heads.append((at.z(layer).double() * out_of_C).view(model.config.n_head, -1).sum(1))
        neurons.append(at.neurons(layer)[1].double() * (block.mlp.c_proj.weight.double().T @ along_C))
        both = [bias for bias in (block.attn.c_proj.bias, block.mlp.c_proj.bias) if bias is not None]
        biases.append(sum((bias.double() @ along_C for bias in both), torch.zeros((), dtype=torch.float64)))
    return Attribution(
        logit=float(at.logits[token]),
        scale=scale,
        token=float(at.token.double() @ along_C),
        place=float(at.place.double() @ along_C),
        heads_LH=torch.stack(heads).cpu(),
        neurons_LN=torch.stack(neurons).cpu(),
        biases_L=torch.stack([bias.cpu() for bias in biases]),
        norm=0.0 if model.ln_f.bias is None else float(row_C @ model.ln_f.bias.double()),
    )

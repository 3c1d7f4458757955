"""Switching heads and MLPs off, to see what they were for.

    with ablated(model, [Part(3, 1), Part(0, None)]):  # head 1 of layer 3, and the MLP of layer 0
        logits_BTV = model(ids_BT)

A head hands its slice of `attn.c_proj`'s input on, an MLP its output. A part that is off hands on
zeros instead or, with `means`, at every position the same vector: what it handed on in the whole
model, averaged over the positions of a reference text. Zeros are easy to say, but a vector that the
layers above have never met; the mean keeps what they count on and takes away what told one token
from another. Weights stay as they are, biases included.

As in `llm.inside.trace`, hooks act on one thread's passes, so that visitors can share a model.

Shapes: B batch, T time, L layers, C embedding, D head size.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from llm.config import ModelConfig
from llm.evaluate import surprisal
from llm.inside.trace import trace
from llm.model import GPT, Block


class Part(NamedTuple):
    """What can be switched off: a head of a layer or, with None for the head, the layer's MLP."""

    layer: int
    head: int | None


@dataclass(frozen=True)
class Means:
    """What every part hands on, averaged over the positions of a reference text."""

    z_LC: Tensor
    """The input of each layer's `c_proj`: the heads' outputs side by side."""
    mlp_LC: Tensor


def parts_of(config: ModelConfig) -> list[Part]:
    """Every part of such a model, layer by layer: its heads, then its MLP."""
    return [Part(layer, head) for layer in range(config.n_layer) for head in (*range(config.n_head), None)]


def mean_outputs(model: GPT, ids: Sequence[int] | Tensor) -> Means:
    """What each part of the whole model hands on over the text `ids` (T or B T), on average.

    An average over a text knows of all its tokens, the later ones too. Raises ValueError as `trace` does.
    """
    seen = trace(model, ids, ["blocks.*.attn.hook_z", "blocks.*.hook_mlp_out"])
    layers = range(model.config.n_layer)
    return Means(
        z_LC=torch.stack([seen[f"blocks.{layer}.attn.hook_z"].mean(dim=(0, 1)).flatten() for layer in layers]),
        mlp_LC=torch.stack([seen[f"blocks.{layer}.hook_mlp_out"].mean(dim=(0, 1)) for layer in layers]),
    )


@contextmanager
def ablated(model: GPT, parts: Iterable[Part], means: Means | None = None) -> Iterator[None]:
    """Inside the block, this thread's passes through the model run without `parts`; others see nothing of it.

    Single passes, and `llm.sampler.generate` as long as its tokens are drawn inside the block.
    Raises ValueError when the model lacks one of the parts.
    """
    thread, handles = threading.get_ident(), []
    heads, mlps = _by_layer(model.config, parts)

    def without_heads(columns: list[slice], mean_C: Tensor | None) -> Callable[..., Any]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor] | None:
            if threading.get_ident() != thread:
                return None
            z_BTC = inputs[0].clone()
            for column in columns:
                z_BTC[..., column] = 0.0 if mean_C is None else mean_C[column]
            return (z_BTC,)

        return hook

    def without_mlp(mean_C: Tensor | None) -> Callable[..., Any]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], out_BTC: Tensor) -> Tensor | None:
            if threading.get_ident() != thread:
                return None
            return torch.zeros_like(out_BTC) if mean_C is None else mean_C.expand_as(out_BTC)

        return hook

    try:
        for layer, block in enumerate(cast(Iterable[Block], model.h)):
            if layer in heads:
                hook = without_heads(heads[layer], None if means is None else means.z_LC[layer])
                handles.append(block.attn.c_proj.register_forward_pre_hook(hook))
            if layer in mlps:
                hook = without_mlp(None if means is None else means.mlp_LC[layer])
                handles.append(block.mlp.register_forward_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()


def losses_without(
    model: GPT, ids: Sequence[int], parts: Iterable[Part], means: Means | None = None
) -> Iterator[float]:
    """The mean loss on `ids`, in nats a token, with each of `parts` off alone.

    One pass for each, when it is asked for, so a caller may stop in between. `ids` must fit the
    context for the loss to be that of a single pass. Raises ValueError as `ablated` and `surprisal` do.
    """
    for part in parts:
        with ablated(model, [part], means):
            nats = [value for value in surprisal(model, ids) if value is not None]
        yield sum(nats) / len(nats)


def _by_layer(config: ModelConfig, parts: Iterable[Part]) -> tuple[dict[int, list[slice]], set[int]]:
    """The columns of `c_proj`'s input that fall silent in each layer, and the layers whose MLP does."""
    heads: dict[int, list[slice]] = {}
    mlps: set[int] = set()
    D = config.head_size
    for layer, head in parts:
        if not 0 <= layer < config.n_layer or not (head is None or 0 <= head < config.n_head):
            name = f"MLP in layer {layer}" if head is None else f"head {head} in layer {layer}"
            raise ValueError(
                f"There is no {name}; this model has {config.n_layer} layers of {config.n_head} heads, counted from 0."
            )
        if head is None:
            mlps.add(layer)
        else:
            heads.setdefault(layer, []).append(slice(head * D, (head + 1) * D))
    return heads, mlps

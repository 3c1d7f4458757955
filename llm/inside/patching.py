"""Patching: an activation of one prompt put into the run of another, to see what of the answer hangs on it.

    pair = Pair(model, base_ids, source_ids)
    logits_V = pair.patched(Site("stream", 3), [5])   # the base run, with the source's stream there
    pair.restored(logits_V)                           # share of the logit difference that this brings back

What an attention, an MLP or a head hands on is added to the residual stream, so the source's stands in
for the base's when their difference is added where it is written; nothing before that place has to be
read again. Meng et al., "Locating and Editing Factual Associations in GPT" (2022); Wang et al.,
"Interpretability in the Wild" (2022). `steered` adds such a difference while a text is written (Turner
et al., "Activation Addition", 2023).

Shapes: B batch, T time, C embedding, L layers, V vocabulary, D head size.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from llm.ablated import refuse_without
from llm.inside.trace import Trace, trace
from llm.model import GPT, Block
from llm.sampler import reading

KINDS = ("stream", "attention", "mlp", "head")


class Site(NamedTuple):
    """What is patched: the stream that a block reads (or, after the last, the final LayerNorm), or a part's output."""

    kind: str
    layer: int
    head: int | None = None


class Pair:
    """Two prompts of one length, token by token, each read once.

    `answers` are the tokens that tell the two apart: the one that is likelier by most in the base, then in the source.
    """

    def __init__(self, model: GPT, base: Sequence[int], source: Sequence[int], *, seen: Trace | None = None) -> None:
        """`seen` is that of another pair of the same prompts, so that they need not be read again.

        Raises ValueError when the prompts can't be laid side by side, or answer alike; or without a stream.
        """
        refuse_without(model.config, "what its parts write is not added to a stream", "residual")
        if len(base) != len(source):
            raise ValueError(
                f"The prompts have {len(base)} and {len(source)} tokens; token by token they need the same number."
            )
        if len(base) < 2:
            raise ValueError("There is nothing to patch in one token; write prompts of two or more.")
        if list(base) == list(source):
            raise ValueError("Both prompts are the same; change a word in one of them.")
        names = ["blocks.*.hook_resid_pre", "blocks.*.hook_resid_mid", "blocks.*.hook_resid_post"]
        names += ["blocks.*.attn.hook_z", "blocks.*.hook_attn_out", "blocks.*.hook_mlp_out"]
        self.model = model
        self.seen = seen or trace(model, torch.tensor([list(base), list(source)]), names, last_only=True)
        self.logits_2V = self.seen.logits[:, 0].float()
        if not self.logits_2V.isfinite().all():
            raise ValueError("At this moment the model's weights hold NaN or infinity; choose an earlier one.")
        self.length = len(base)
        self.answers = self._told_apart()

    def difference(self, logits_V: Tensor) -> float:
        """By how much the logit of the source's answer exceeds that of the base's."""
        base, source = self.answers
        return float(logits_V[source] - logits_V[base])

    def restored(self, logits_V: Tensor) -> float:
        """The share of the logit difference between the runs that is there: 0 in the base, 1 in the source."""
        low, high = (self.difference(one) for one in self.logits_2V)
        return (self.difference(logits_V) - low) / (high - low)

    def patched(self, site: Site, positions: Sequence[int]) -> Tensor:
        """logits_V after the base's last token, with the source's activation at these positions."""
        return self._run(site, self._delta(site, [positions]))[-1][0].float()

    def row(self, site: Site) -> list[float]:
        """The share restored by patching each position alone, in one batch."""
        logits_BV = self._run(site, self._delta(site, [[p] for p in range(self.length)]))[-1].float()
        return [self.restored(logits_V) for logits_V in logits_BV]

    def cone(self, site: Site, positions: Sequence[int]) -> Tensor:
        """How far the stream moves at each place, relative to its size: moved_LT, embeddings first (L + 1 rows)."""
        *streams, _ = self._run(site, self._delta(site, [positions]))
        rows = [
            (x_BTC[0] - base_TC).norm(dim=1) / base_TC.norm(dim=1)
            for x_BTC, base_TC in zip(
                streams, (self._stream(0, layer) for layer in range(self.model.config.n_layer + 1)), strict=True
            )
        ]
        return torch.stack(rows).float().cpu()

    def direction(self, layer: int) -> Tensor:
        """From the base's stream to the source's before that block, at every token: d_TC."""
        return self._stream(1, layer) - self._stream(0, layer)

    def _told_apart(self) -> tuple[int, int]:
        odds_2V = self.logits_2V.softmax(dim=1)
        answers = [int((odds_2V[mine] - odds_2V[1 - mine]).argmax()) for mine in (0, 1)]
        if answers[0] == answers[1]:
            raise ValueError("Both prompts answer alike, so nothing can be brought back; change another word.")
        return answers[0], answers[1]

    def _stream(self, run: int, layer: int) -> Tensor:
        last = self.model.config.n_layer
        name = f"blocks.{last - 1}.hook_resid_post" if layer == last else f"blocks.{layer}.hook_resid_pre"
        return self.seen[name][run]

    def _delta(self, site: Site, batches: Sequence[Sequence[int]]) -> Tensor:
        """What is added to the stream at that site: delta_BTC, zero but at each batch's positions."""
        kind, layer, head = site
        config = self.model.config
        deepest = config.n_layer if kind == "stream" else config.n_layer - 1
        if kind not in KINDS or not 0 <= layer <= deepest:
            raise ValueError(f"There is no such place to patch; layers here are 0 to {deepest}.")
        if (kind == "head") != (head is not None) or (head is not None and not 0 <= head < config.n_head):
            raise ValueError(f"There is no such head; this model has {config.n_head} in each layer, counted from 0.")
        if any(not 0 <= p < self.length for positions in batches for p in positions):
            raise ValueError(f"There is no such position; these prompts have {self.length} tokens.")
        if kind == "stream":
            whole_TC = self._stream(1, layer) - self._stream(0, layer)
        elif head is not None:
            z_2TD = self.seen[f"blocks.{layer}.attn.hook_z"][:, :, head]
            D = config.head_size
            weight = cast(Block, self.model.h[layer]).attn.c_proj.weight[:, head * D : (head + 1) * D]
            whole_TC = (z_2TD[1] - z_2TD[0]) @ weight.detach().T
        else:
            out_2TC = self.seen[f"blocks.{layer}.hook_{'attn' if kind == 'attention' else 'mlp'}_out"]
            whole_TC = out_2TC[1] - out_2TC[0]
        delta_BTC = whole_TC.new_zeros(len(batches), *whole_TC.shape)
        for row, positions in enumerate(batches):
            delta_BTC[row, list(positions)] = whole_TC[list(positions)]
        return delta_BTC

    def _run(self, site: Site, delta_BTC: Tensor) -> list[Tensor]:
        """The base's streams before each block and after the last, moved at the site; then logits_BV."""
        layers, batch = self.model.config.n_layer, delta_BTC.size(0)
        streams = [self._stream(0, layer).expand(batch, -1, -1) for layer in range(site.layer + 1)]
        with reading(self.model):
            if site.kind == "stream":
                streams[-1] = x_BTC = streams[-1] + delta_BTC
                following = site.layer
            elif site.kind == "mlp":
                x_BTC = self.seen[f"blocks.{site.layer}.hook_resid_post"][0] + delta_BTC
                following = site.layer + 1
            else:
                mid_BTC = self.seen[f"blocks.{site.layer}.hook_resid_mid"][0] + delta_BTC
                block = cast(Block, self.model.h[site.layer])
                x_BTC = mid_BTC + block.mlp(block.ln_2(mid_BTC))
                following = site.layer + 1
            if site.kind != "stream":
                streams.append(x_BTC)
            for layer in range(following, layers):
                x_BTC = self.model.h[layer](x_BTC, layer)
                streams.append(x_BTC)
            return [*streams, self.model.unembed(x_BTC[:, -1])]


def counterpart(model: GPT, ids: Sequence[int]) -> list[int]:
    """A prompt of the same length that differs in one word and is answered as differently as can be.

    Each of its tokens but the last, wherever it occurs, is tried with the one whose embedding lies closest.
    Raises ValueError for one token.
    """
    if len(ids) < 2:
        raise ValueError("There is nothing to patch in one token; write prompts of two or more.")
    table_VC = nn.functional.normalize(model.wte.weight.detach().float(), dim=1)
    variants = []
    for token in dict.fromkeys(id for id in ids if id != ids[-1] or set(ids) == {id}):
        close_V = table_VC @ table_VC[token]
        close_V[list(ids)] = -torch.inf  # a word that isn't there yet
        other = int(close_V.argmax())
        variants.append([other if id == token else id for id in ids])
    with reading(model):
        logits_BV = model(torch.tensor([list(ids), *variants], device=model.device), last_only=True)[:, 0].float()
    odds_BV = logits_BV.softmax(dim=1)
    far_B = (odds_BV[1:] - odds_BV[0]).abs().sum(dim=1)
    return variants[int(far_B.nan_to_num().argmax())]


@contextmanager
def steered(model: GPT, layer: int, push_TC: Tensor) -> Iterator[None]:
    """Inside the block, this thread's passes add `push_TC` to the stream of the first T tokens before that block.

    After the last block for `n_layer`. A pass over fewer tokens, which goes on after them, is left alone.
    Raises ValueError when there is no such layer.
    """
    if not 0 <= layer <= model.config.n_layer:
        raise ValueError(f"There is no layer {layer}; steer at one of 0 to {model.config.n_layer}.")
    thread = threading.get_ident()

    def pushed(x_BTC: Tensor) -> Tensor:
        T = len(push_TC)
        if threading.get_ident() != thread or x_BTC.size(1) < T:  # visitors share a model: others' passes go through
            return x_BTC
        return torch.cat([x_BTC[:, :T] + push_TC, x_BTC[:, T:]], dim=1)

    def before(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (pushed(inputs[0]), *inputs[1:])

    def after(module: nn.Module, inputs: tuple[Any, ...], x_BTC: Tensor) -> Tensor:
        return pushed(x_BTC)

    if layer < model.config.n_layer:
        handle = model.h[layer].register_forward_pre_hook(before)
    else:
        handle = model.h[-1].register_forward_hook(after)
    try:
        yield
    finally:
        handle.remove()

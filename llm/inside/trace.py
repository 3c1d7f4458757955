"""What happened inside one forward pass: attention, queries, keys, values, the residual stream.

    seen = trace(model, ids, names=["blocks.*.attn.hook_pattern"])
    seen["blocks.3.attn.hook_pattern"]  # B H T T
    seen.logits                         # B T V

Names are TransformerLens's. Forward hooks copy nothing and change nothing: the model runs its fast
path as ever, and attention scores, which a fused kernel never shows, are worked out again beside it
from the very queries and keys it used. A model that nobody traces carries no hook.

Shapes: B batch, T time, V vocabulary, C embedding, H heads, D head size.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, cast

import torch
from torch import Tensor, nn

from llm.deadline import seconds_left
from llm.model import GPT, Block, causal_mask
from llm.sampler import checked_ids, reading


@dataclass(frozen=True)
class Trace:
    """One forward pass: its ids (B T), the tensors kept of it by name, and its logits (B T V), all on its device.

    Traced with `last_only`, the logits are those of the last token alone (B 1 V).
    """

    ids: Tensor
    tensors: Mapping[str, Tensor]
    logits: Tensor

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.tensors:
            raise KeyError(f"{name} was not kept; add it to the trace's names.")
        return self.tensors[name]


@dataclass(frozen=True)
class _Point:
    """Where a tensor can be seen: from the input and output of a module's forward."""

    module: nn.Module
    read: Callable[[Tensor, Tensor], Tensor]


def trace(
    model: GPT, ids: Sequence[int] | Tensor, names: Sequence[str] | None = None, *, last_only: bool = False
) -> Trace:
    """Run the model once over `ids` (T or B T), in evaluation mode, and keep what was seen inside.

    `names` choose what is kept, with * as a wildcard; None keeps everything that `trace_names`
    lists. Only what is asked for is computed and stays in memory. `last_only` leaves out the logits
    of all tokens but the last, a third of the work where the vocabulary is large. Other threads may
    use the model meanwhile; what they do is not seen.

    Raises ValueError when `ids` are none, too many or not of the vocabulary, or a name matches nothing; TooLong, at
    the next tensor that is kept, when whoever asked has no time left.
    """
    ids_BT = torch.as_tensor(ids)
    ids_BT = ids_BT.reshape(1, -1) if ids_BT.dim() < 2 else ids_BT
    checked_ids(ids_BT.flatten().tolist(), model.config.vocab_size)
    ids_BT = ids_BT.to(model.device, torch.long)

    points = _points(model, ids_BT)
    wanted = [name for name in points if names is None or any(fnmatchcase(name, pattern) for pattern in names)]
    for pattern in names or ():
        if not any(fnmatchcase(name, pattern) for name in wanted):
            raise ValueError(f"Nothing in this model is called {pattern}; look at trace_names(model) for what is.")

    tensors: dict[str, Tensor] = {}
    thread, handles = threading.get_ident(), []

    def keep(name: str, read: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
            if threading.get_ident() == thread:  # a model that several visitors share has others' passes too
                seconds_left()
                tensors[name] = read(inputs[0], output)

        return hook

    try:
        for name in wanted:
            handles.append(points[name].module.register_forward_hook(keep(name, points[name].read)))
        with reading(model):
            logits_BTV = model(ids_BT, last_only=last_only)
    finally:
        for handle in handles:
            handle.remove()
    return Trace(ids_BT, {name: tensors[name] for name in wanted}, logits_BTV)


def trace_names(model: GPT) -> list[str]:
    """Everything that `trace` can keep, in the order of the forward pass."""
    return list(_points(model, torch.zeros(1, 1)))


def attention_scores(qkv_BT3C: Tensor, n_head: int) -> Tensor:
    """q k^T / sqrt(D) from the fused projection, -inf where a token would see the future: scores_BHTT."""
    q_BTHD, k_BTHD, _ = _heads(qkv_BT3C, n_head)
    q_BHTD, k_BHTD = q_BTHD.transpose(1, 2).float(), k_BTHD.transpose(1, 2).float()
    T = qkv_BT3C.size(1)
    # In place: over a thousand tokens, each new copy would be 50 MB a layer of GPT-2.
    scores_BHTT = (q_BHTD @ k_BHTD.transpose(2, 3)).div_(math.sqrt(q_BHTD.size(3)))
    return scores_BHTT.masked_fill_(~causal_mask(T, T, qkv_BT3C.device), -math.inf)


def _heads(qkv_BT3C: Tensor, n_head: int) -> list[Tensor]:
    """Queries, keys and values, each B T H D."""
    B, T, C3 = qkv_BT3C.shape
    return [part.view(B, T, n_head, -1) for part in qkv_BT3C.split(C3 // 3, dim=2)]


def _points(model: GPT, ids_BT: Tensor) -> dict[str, _Point]:
    """Every name and where its tensor is read, in the order of the forward pass."""
    H, batch = model.config.n_head, ids_BT.size(0)
    points = {
        "hook_embed": _Point(model.wte, lambda _, out: out),
        "hook_pos_embed": _Point(model.wpe, lambda _, out: out.expand(batch, -1, -1)),
    }
    for layer, block in enumerate(cast(Iterable[Block], model.h)):
        c_attn, c_proj = block.attn.c_attn, block.attn.c_proj
        points |= {
            f"blocks.{layer}.{name}": point
            for name, point in {
                "hook_resid_pre": _Point(block.ln_1, lambda x, _: x),
                "attn.hook_q": _Point(c_attn, lambda _, qkv: _heads(qkv, H)[0]),
                "attn.hook_k": _Point(c_attn, lambda _, qkv: _heads(qkv, H)[1]),
                "attn.hook_v": _Point(c_attn, lambda _, qkv: _heads(qkv, H)[2]),
                "attn.hook_attn_scores": _Point(c_attn, lambda _, qkv: attention_scores(qkv, H)),
                "attn.hook_pattern": _Point(c_attn, lambda _, qkv: attention_scores(qkv, H).softmax(dim=3)),
                "attn.hook_z": _Point(c_proj, lambda z, _: z.view(*z.shape[:2], H, -1)),
                "hook_attn_out": _Point(block.attn, lambda _, out: out),
                "hook_resid_mid": _Point(block.ln_2, lambda x, _: x),
                "hook_mlp_out": _Point(block.mlp, lambda _, out: out),
                "hook_resid_post": _Point(block, lambda _, out: out),
            }.items()
        }
    points["ln_final.hook_normalized"] = _Point(model.ln_f, lambda _, out: out)
    return points

"""The view inside a head: from a query and a key to a weight, from a value to what is written.

Shapes: T time, S tokens seen by the one that looks, C embedding, H heads, D head size, V vocabulary.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor

from llm.inside.contributions import direct_logits, source_writes
from llm.inside.head_pictures import pattern_rows
from llm.model import Block
from llm.tokenizers import Tokenizer
from llm.ui import inputs
from llm.ui.attention.passes import Passes
from llm.ui.panel import Answer, Request, View
from llm.ui.prompt import named, packed

TOP = 8
"""Tokens named as most promoted, and as most suppressed."""


def build_inside_a_head(passes: Passes) -> View:
    """The view; its endpoint takes one head apart, for one token that looks and one it looks at."""

    @passes.subjects.answers.of
    def open_head(request: Request) -> Answer:
        """A head taken apart for a pair of tokens; without a prompt no tokens and nothing else."""
        found = passes.of(request)
        if found is None:
            return {"tokens": []}
        layer, head = found.head(request)
        last = len(found.ids) - 1
        row = inputs.whole(request, "row", 0, last) if request.get("row") is not None else last
        model, tokenizer = found.loaded.model, found.loaded.tokenizer
        q_HTD, k_HTD, v_HTD = (found.part(name, layer) for name in "qkv")

        weights_HS = pattern_rows(q_HTD, k_HTD, torch.tensor([row], device=q_HTD.device))[:, 0]
        weights_S = weights_HS[head]
        scores_S = k_HTD[head, : row + 1] @ q_HTD[head, row] / math.sqrt(q_HTD.size(2))
        asked = request.get("column") is not None
        column = inputs.whole(request, "column", 0, row) if asked else int(weights_S.argmax())

        attn = cast(Block, model.h[layer]).attn
        with torch.no_grad():
            writes_SC = source_writes(attn, head, weights_S, v_HTD[head, : row + 1])
            z_HD = torch.einsum("hs,hsd->hd", weights_HS, v_HTD[:, : row + 1])
            layer_C, written_C, resid_C = attn.c_proj(z_HD.flatten()), writes_SC.sum(0), found.resid(found.layers)[row]
            logits_NV = direct_logits(model, torch.stack([written_C, writes_SC[column]]), resid_C)
        return {
            "tokens": named(tokenizer, found.ids),
            "note": found.note,
            "layers": found.layers,
            "heads": found.heads,
            "layer": layer,
            "head": head,
            "row": row,
            "column": column,
            "q": packed(q_HTD[head, row]),
            "k": packed(k_HTD[head, column]),
            "v": packed(v_HTD[head, column]),
            "scores": packed(scores_S),
            "weights": packed(weights_S),
            "lengths": packed(writes_SC.norm(dim=1)),
            "shares": packed(_shares(writes_SC)),
            "length": {
                "pair": float(writes_SC[column].norm()),
                "head": float(written_C.norm()),
                "layer": float(layer_C.norm()),
                "stream": float(found.resid(layer)[row].norm()),
            },
            "scale": float((resid_C.var(unbiased=False) + model.ln_f.eps).sqrt()),
            "head_logits": _ends(logits_NV[0], tokenizer),
            "pair_logits": _ends(logits_NV[1], tokenizer),
        }

    return View("Inside a head", [open_head])


def _shares(writes_SC: Tensor) -> Tensor:
    """The part of the sum that each write makes up, along the sum's direction: they add up to 1."""
    whole_C = writes_SC.sum(0)
    return writes_SC @ whole_C / (whole_C @ whole_C).clamp(min=1e-30)


def _ends(logits_V: Tensor, tokenizer: Tokenizer) -> Answer:
    """The tokens whose logits rise most, and those whose logits fall most."""
    count = min(TOP, logits_V.numel() // 2)
    ends = {}
    for name, largest in (("promoted", True), ("suppressed", False)):
        top = logits_V.topk(count, largest=largest)
        tokens = named(tokenizer, top.indices.tolist())
        ends[name] = [{**token, "by": by} for token, by in zip(tokens, top.values.tolist(), strict=True)]
    return ends

"""The forward pass of one token, step by step: what each operation reads, what it writes, and its formula.

    walk = Walk(model, trace(model, ids, column_names(model)), position=5)
    step = walk.step("h.2.ln_1")
    step.rows[1].values   # C, the stream after that LayerNorm
    step.terms(1, 7)      # what cell 7 of it is a sum of, where it is one

Steps are called as in `llm.inside.architecture`. A step's formula speaks of the cell that is looked
at; `numbers` is the same with names in braces, which stand for that cell of a row (or of an
unseen one, such as a gain), for a constant of the step, or for {terms} (see `Step.terms`).

Shapes: T tokens, C embedding, D head size, N neurons, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from llm.ablated import refuse_without
from llm.inside.architecture import step_keys
from llm.inside.column import Column
from llm.inside.trace import Trace
from llm.inside.walk_step import Products, Row, Step
from llm.inside.walk_texts import ACTIVATION_FORMULAS, TEXTS
from llm.model import GPT

RANKED = 16
"""Tokens of the vocabulary that a step names: the likeliest."""


class Walk:
    """All steps of one position of a traced text; each is worked out when it is asked for."""

    def __init__(self, model: GPT, seen: Trace, position: int) -> None:
        """The trace needs what `column_names` says. Raises ValueError when the text has no such position, or the
        model isn't whole."""
        refuse_without(model.config, "there is no walk through all of GPT-2 in it")
        self.column = Column(model, seen, position)
        self.keys = step_keys(model)

    def step(self, key: str, head: int = 0) -> Step:
        """The step of that name; the attention's are of one head. Raises ValueError when there is no such step."""
        if key not in self.keys:
            raise ValueError(f"This model has no step {key!r:.60}; it begins at “id”.")
        if not 0 <= head < self.column.model.config.n_head:
            raise ValueError(f"There is no head {head}; a layer here has {self.column.model.config.n_head} of them.")
        layer, kind = 0, key
        if key.startswith("h."):
            _, number, kind = key.split(".", 2)
            layer = int(number)
        text = TEXTS[kind]
        with torch.no_grad():
            found = _READ[kind](self.column, layer, head)
        formula, numbers = text.formula, text.numbers
        if kind == "mlp.activation":
            formula, numbers = ACTIVATION_FORMULAS[self.column.model.config.activation_function]
        return Step(key, formula=formula, numbers=numbers, says=text.says, **found)


Found = dict[str, Any]
"""What a step has besides its texts."""


def _id(at: Column, layer: int, head: int) -> Found:
    ids_T = torch.tensor(at.ids, dtype=torch.float32)
    return {"rows": [Row("id", "id", "chosen", "T", ids_T)]}


def _wte(at: Column, layer: int, head: int) -> Found:
    row = Row("x", "the token's row of wte", "residual", "C", at.token)
    return {"rows": [row], "constants": {"id": at.ids[at.position]}}


def _wpe(at: Column, layer: int, head: int) -> Found:
    rows = [
        Row("token", "token embedding", "residual", "C", at.token),
        Row("place", f"vector of position {at.position}", "chosen", "C", at.place),
        Row("x", "sum: the residual stream begins", "residual", "C", at.stream(0)),
    ]
    return {"rows": rows, "constants": {"p": at.position}}


def _norm(at: Column, before_C: Tensor, after_C: Tensor, norm: torch.nn.LayerNorm) -> Found:
    gain_C = norm.weight.detach().float()
    bias_C = torch.zeros_like(gain_C) if norm.bias is None else norm.bias.detach().float()
    rows = [Row("x", "before", "residual", "C", before_C), Row("y", "after", "residual", "C", after_C)]
    variance, mean = torch.var_mean(before_C.double(), correction=0)
    constants = {"mean": float(mean), "variance": float(variance), "eps": norm.eps}
    return {"rows": rows, "constants": constants, "unseen": {"gain": gain_C, "bias": bias_C}}


def _ln_1(at: Column, layer: int, head: int) -> Found:
    return _norm(at, at.stream(layer), at.normed(layer, 1), at.block(layer).ln_1)


def _ln_2(at: Column, layer: int, head: int) -> Found:
    return _norm(at, at.middle(layer), at.normed(layer, 2), at.block(layer).ln_2)


def _ln_f(at: Column, layer: int, head: int) -> Found:
    return _norm(at, at.stream(at.model.config.n_layer), at.last, at.model.ln_f)


def _linear(
    linear: torch.nn.Linear, read: Tensor, start: Callable[[int], int] = lambda row: 0, first: int = 0
) -> Products:
    """A cell of a Linear's output; row r of the step begins at `start(r)` in it."""
    weight, bias = linear.weight.detach(), None if linear.bias is None else linear.bias.detach()
    return Products(
        read,
        lambda row, cell: weight[start(row) + cell].float(),
        None if bias is None else lambda row, cell: bias[start(row) + cell],
        first,
    )


def _qkv(at: Column, layer: int, head: int) -> Found:
    C, D = at.model.config.n_embd, at.model.config.head_size
    titles = {"q": ("query", "what it looks for"), "k": ("key", "what it offers"), "v": ("value", "what it hands on")}
    rows = [
        Row(name, f"{role}: {means}", role, "D", at.part(name, layer, head)[at.position])
        for name, (role, means) in titles.items()
    ]
    products = _linear(at.block(layer).attn.c_attn, at.normed(layer, 1), lambda row: row * C + head * D)
    return {"rows": rows, "products": products}


def _scores(at: Column, layer: int, head: int) -> Found:
    k_TD, scores_TT = at.part("k", layer, head), at.scores(layer, head)
    return {
        "rows": [Row("s", "score", "key", "T", scores_TT[at.position])],
        "constants": {"D": k_TD.size(1)},
        "matrix": scores_TT,
        "products": Products(at.part("q", layer, head)[at.position], lambda row, cell: k_TD[cell]),
    }


def _masked(at: Column, layer: int, head: int) -> Tensor:
    scores_TT = at.scores(layer, head)
    return scores_TT.masked_fill(torch.ones_like(scores_TT, dtype=torch.bool).triu(1), -torch.inf)


def _mask(at: Column, layer: int, head: int) -> Found:
    masked_TT = _masked(at, layer, head)
    row = Row("s", "masked score", "key", "T", masked_TT[at.position])
    return {"rows": [row], "constants": {"p": at.position}, "matrix": masked_TT}


def _weights(at: Column, layer: int, head: int) -> Found:
    masked_TT = _masked(at, layer, head)
    weights_TT, s_T = masked_TT.softmax(1), masked_TT[at.position]
    return {
        "rows": [Row("w", "weight", "key", "T", weights_TT[at.position])],
        "constants": {"most": float(s_T.max()), "sum": float((s_T - s_T.max()).double().exp().sum())},
        "unseen": {"s": s_T},
        "matrix": weights_TT,
    }


def _mix(at: Column, layer: int, head: int) -> Found:
    weights_T, v_TD = _masked(at, layer, head)[at.position].softmax(0), at.part("v", layer, head)
    D = v_TD.size(1)
    z_D = at.z(layer)[head * D : (head + 1) * D]
    return {
        "rows": [Row("w", "weight", "key", "T", weights_T), Row("z", "the sum", "value", "D", z_D)],
        "products": Products(weights_T, lambda row, cell: v_TD[:, cell], first=1),
    }


def _project(at: Column, layer: int, head: int) -> Found:
    z_C = at.z(layer)
    out_C = at.block(layer).attn.c_proj(z_C)
    rows = [Row("z", "the sums of all heads", "value", "C", z_C), Row("a", "attention writes", "value", "C", out_C)]
    return {"rows": rows, "products": _linear(at.block(layer).attn.c_proj, z_C, first=1)}


def _added(before: Tensor, written: Tensor, after: Tensor, role: str, what: str) -> Found:
    rows = [
        Row("x", "the stream before", "residual", "C", before),
        Row("a", what, role, "C", written),
        Row("y", "the stream after", "residual", "C", after),
    ]
    return {"rows": rows}


def _add_1(at: Column, layer: int, head: int) -> Found:
    written_C = at.block(layer).attn.c_proj(at.z(layer))
    return _added(at.stream(layer), written_C, at.middle(layer), "value", "what attention wrote")


def _fc(at: Column, layer: int, head: int) -> Found:
    before_N, _ = at.neurons(layer)
    row = Row("h", "neurons before the activation", "mlp", "N", before_N)
    return {"rows": [row], "products": _linear(at.block(layer).mlp.c_fc, at.normed(layer, 2))}


def _gelu(at: Column, layer: int, head: int) -> Found:
    before_N, after_N = at.neurons(layer)
    return {"rows": [Row("h", "before", "mlp", "N", before_N), Row("g", "after", "mlp", "N", after_N)]}


def _back(at: Column, layer: int, head: int) -> Found:
    _, after_N = at.neurons(layer)
    mlp = at.block(layer).mlp
    row = Row("m", "the MLP writes", "mlp", "C", mlp.c_proj(after_N))
    return {"rows": [row], "products": _linear(mlp.c_proj, after_N)}


def _add_2(at: Column, layer: int, head: int) -> Found:
    written_C = at.block(layer).mlp.c_proj(at.neurons(layer)[1])
    return _added(at.middle(layer), written_C, at.stream(layer + 1), "mlp", "what the MLP wrote")


def _stream(at: Column, layer: int, head: int) -> Found:
    names = ["embeddings", *(f"after block {block}" for block in range(at.model.config.n_layer))]
    return {"rows": [Row("x", name, "residual", "C", at.stream(i)) for i, name in enumerate(names)]}


def _logits(at: Column, layer: int, head: int) -> Found:
    best = at.logits.topk(min(RANKED, len(at.logits)))
    ids, table = best.indices.tolist(), at.head
    return {
        "rows": [Row("l", "logit", "chosen", "V", best.values)],
        "tokens": ids,
        "products": Products(at.last, lambda row, cell: table[ids[cell]].float()),
    }


def _parts(at: Column, layer: int, head: int) -> Found:
    return {"rows": [], "tokens": at.logits.topk(min(RANKED, len(at.logits))).indices.tolist()}


def _odds(at: Column, layer: int, head: int) -> Found:
    best, most = at.logits.topk(min(RANKED, len(at.logits))), float(at.logits.max())
    return {
        "rows": [Row("p", "probability", "chosen", "V", at.logits.softmax(0)[best.indices])],
        "constants": {"most": most, "sum": float((at.logits - most).double().exp().sum())},
        "unseen": {"l": best.values},
        "tokens": best.indices.tolist(),
    }


_READ: dict[str, Callable[[Column, int, int], Found]] = {
    "id": _id,
    "wte": _wte,
    "wpe": _wpe,
    "ln_1": _ln_1,
    "attn.c_attn": _qkv,
    "attn.scores": _scores,
    "attn.mask": _mask,
    "attn.softmax": _weights,
    "attn.mix": _mix,
    "attn.c_proj": _project,
    "add_1": _add_1,
    "ln_2": _ln_2,
    "mlp.c_fc": _fc,
    "mlp.activation": _gelu,
    "mlp.c_proj": _back,
    "add_2": _add_2,
    "stream": _stream,
    "ln_f": _ln_f,
    "head": _logits,
    "parts": _parts,
    "odds": _odds,
}

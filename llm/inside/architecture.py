"""A model as it stands: its operations in the order of the forward pass, and the line of code that does each.

Everything is read from the live modules and from the file that they were defined in, so a picture
made of it can't be of another model. An operation inside a block has the same key in every block;
with the block's number before it ("h.3.attn.softmax") it is the name of a step of a forward pass.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from torch import nn

from llm.ablated import refuse_without
from llm.model import GPT, MLP, Block, CausalSelfAttention


@dataclass(frozen=True)
class Operation:
    """One thing that is done to a text of T tokens."""

    key: str
    """As its parameters are called, where it has some: "attn.c_attn"."""
    title: str
    reads: str
    """The letters of its input's shape, for one text: "T C"."""
    writes: str
    weights: tuple[int, ...]
    """The shape of its matrix or vector; empty where it has none."""
    parameters: int
    """Biases included."""
    lines: tuple[int, ...]
    """Lines of the model's file that do it in evaluation mode, counted from 1."""
    written_out: tuple[int, ...]
    """Where a fused kernel does it: the lines that say the same step by step."""


@dataclass(frozen=True)
class Architecture:
    """A model's operations: before its blocks, in each of them, and after."""

    before: list[Operation]
    block: list[Operation]
    """Of every block: they are alike."""
    after: list[Operation]
    parameters: int
    """Of the whole model."""


@dataclass(frozen=True)
class _Row:
    """What there is to say of an operation before a model is looked at."""

    key: str
    title: str
    reads: str
    writes: str
    place: Callable[..., Any] | None = None
    """The function of the model's file that does it; None for what is done with the model's answer."""
    code: str = ""
    """How the piece of that function begins which does it, as `ast.unparse` writes it."""


_FUSED = {"attn.scores", "attn.mask", "attn.softmax", "attn.mix"}
"""What `F.scaled_dot_product_attention` does at once."""

_ACTIVATIONS = {"gelu_new": "GELU", "gelu": "GELU", "relu": "ReLU", "silu": "SiLU", "quick_gelu": "Quick GELU"}
"""By the names of `ModelConfig.activation_function`."""

_BEFORE = [
    _Row("id", "Token id", "T", "T", GPT.forward, "self.embed("),
    _Row("wte", "Token embedding", "T", "T C", GPT.embed, "self.wte("),
    _Row("wpe", "+ position", "T", "T C", GPT.embed, "self.wpe("),
]
_BLOCK = [
    _Row("ln_1", "LayerNorm", "T C", "T C", Block.forward, "self.ln_1("),
    _Row("attn.c_attn", "Query, key, value", "T C", "T 3C", CausalSelfAttention.forward, "self.c_attn("),
    _Row("attn.scores", "Scores", "H T D", "H T T", CausalSelfAttention.forward, "q_BHTD @ k_BHSD"),
    _Row("attn.mask", "Mask", "H T T", "H T T", CausalSelfAttention.forward, "scores_BHTS.masked_fill("),
    _Row("attn.softmax", "Softmax", "H T T", "H T T", CausalSelfAttention.forward, "scores_BHTS.softmax("),
    _Row("attn.mix", "Weighted sum", "H T T", "H T D", CausalSelfAttention.forward, "self.attn_dropout("),
    _Row("attn.c_proj", "Projection", "T C", "T C", CausalSelfAttention.forward, "self.c_proj("),
    _Row("add_1", "+ residual", "T C", "T C", Block.forward, "x_BTC + self.attn("),
    _Row("ln_2", "LayerNorm", "T C", "T C", Block.forward, "self.ln_2("),
    _Row("mlp.c_fc", "MLP, to neurons", "T C", "T N", MLP.forward, "self.c_fc("),
    _Row("mlp.activation", "Activation", "T N", "T N", MLP.forward, "self.activation("),
    _Row("mlp.c_proj", "MLP, and back", "T N", "T C", MLP.forward, "self.c_proj("),
    _Row("add_2", "+ residual", "T C", "T C", Block.forward, "x_BTC + self.mlp("),
]
_AFTER = [
    _Row("stream", "Residual stream", "T C", "T C", GPT.forward, "for layer, block in"),
    _Row("ln_f", "Last LayerNorm", "T C", "T C", GPT.unembed, "self.ln_f("),
    _Row("head", "Logits", "T C", "T V", GPT.unembed, "F.linear("),
    _Row("parts", "Logit by parts", "T C", "1"),
    _Row("odds", "Softmax", "T V", "T V"),
]


def architecture(model: GPT) -> Architecture:
    """The operations of a live model, counted on its own modules. Raises ValueError when one of them was left out."""
    refuse_without(model.config, "its operations are not all of GPT-2's")
    block = cast(Block, model.h[0])
    named = {"mlp.activation": _ACTIVATIONS[model.config.activation_function]}
    return Architecture(
        before=[_read(row, model) for row in _BEFORE],
        block=[_read(row, block, named.get(row.key, "")) for row in _BLOCK],
        after=[_read(row, model) for row in _AFTER],
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )


def step_keys(model: GPT) -> list[str]:
    """The operations of all blocks by name, one after the other, as the forward pass meets them."""
    blocks = [f"h.{layer}.{row.key}" for layer in range(model.config.n_layer) for row in _BLOCK]
    return [*(row.key for row in _BEFORE), *blocks, *(row.key for row in _AFTER)]


@cache
def source() -> tuple[str, list[str]]:
    """The name of the file that the running model was defined in, from the repository's root, and its lines."""
    module = inspect.getmodule(GPT)
    assert module is not None
    return module.__name__.replace(".", "/") + ".py", inspect.getsource(module).splitlines()


@cache
def lines_of(function: Callable[..., Any], code: str, also: str = "") -> tuple[int, ...]:
    """Where in its file the smallest piece of `function` stands that begins with `code` and has `also` in it.

    The numbers of its lines; empty if there is no such piece.
    """
    text, first = inspect.getsourcelines(function)
    found: list[tuple[int, int, int]] = []
    for node in ast.walk(ast.parse(textwrap.dedent("".join(text)))):
        if isinstance(node, ast.expr | ast.stmt):
            written = ast.unparse(node)
            if written.startswith(code) and also in written:
                found.append((len(written), node.lineno, node.end_lineno or node.lineno))
    if not found:
        return ()
    _, start, end = min(found)
    return tuple(range(first + start - 1, first + end))


def _read(row: _Row, owner: nn.Module, title: str = "") -> Operation:
    lines: tuple[int, ...] = lines_of(row.place, row.code) if row.place else ()
    written_out: tuple[int, ...] = ()
    if row.place and row.key in _FUSED:
        lines, written_out = lines_of(row.place, "F.scaled_dot_product_attention(", "is_causal=True"), lines
    module = _module(owner, row.key)
    parameters = list(module.parameters()) if module is not None else []
    return Operation(
        row.key,
        title or row.title,
        row.reads,
        row.writes,
        tuple(parameters[0].shape) if parameters else (),
        sum(parameter.numel() for parameter in parameters),
        lines,
        written_out,
    )


def _module(owner: nn.Module, key: str) -> nn.Module | None:
    """The module that has the operation's parameters."""
    if key == "head":  # a tied head has none of its own
        key = "lm_head"
    for name in key.split("."):
        if not hasattr(owner, name):
            return None
        owner = getattr(owner, name)
    return owner if isinstance(owner, nn.Module) else None

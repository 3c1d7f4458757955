"""Other people's GPT-2s: the state dict of another implementation becomes our model.

llm/weights/layouts.py has the implementations, llm/weights/containers.py the files.

Shapes: V vocabulary, C embedding width, T positions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from llm.config import GPT2_SIZES, ModelConfig
from llm.gpt2 import (
    HEAD,
    TRANSPOSED,
    Shapes,
    activation_named,
    check_shapes,
    gpt2_shapes,
    plain_names,
    scale_queries,
    state_from_gpt2,
)
from llm.model import GPT
from llm.weights.layouts import HEAD_BIAS, QKV, Layout, laid_out, layout_of, renamed

NAMES = {
    "n_head": ("n_head", "n_heads", "num_heads"),
    "n_layer": ("n_layer", "n_layers"),
    "n_embd": ("n_embd", "emb_dim", "d_model"),
    "activation_function": ("activation_function", "act_fn"),
    "layer_norm_epsilon": ("layer_norm_epsilon", "eps", "norm_eps"),
}
"""What other people's settings call what the weights don't tell, or tell too."""
FIXED = {
    "positional_embedding_type": ("standard",),
    "normalization_type": ("LN", "LNPre"),
    "attention_dir": ("causal",),
    "attn_only": (False,),
    "parallel_attn_mlp": (False,),
    "gated_mlp": (False,),
    "use_attn_scale": (True,),
    "add_cross_attention": (False,),
}
"""What TransformerLens and transformers can change about a GPT-2 that our model can't, with the values it computes."""
NANOGPT = ("block_size", "n_layer", "n_head", "n_embd")
"""Settings that tell nanoGPT from minGPT, whose names for the weights are the same."""
HEADS_UNTOLD = "Weights alone don't say how many heads a layer has"
GELU_UNTOLD = "Weights alone don't say which GELU the MLP has"
EMBEDDINGS = ("transformer.wte.weight", "wte.weight", "tok_emb.weight", "embed.W_E")
"""What the token embedding is called; what stands before it stands before all names."""


class UntoldError(ValueError):
    """A model's files leave something unsaid, which its owner can say."""

    def __init__(self, setting: str, why: str, remedy: str) -> None:
        super().__init__(f"{why}; {remedy}")
        self.setting, self.why = setting, why


def model_from_state(
    state: Mapping[str, Tensor],
    *,
    n_head: int | None = None,
    activation_function: str | None = None,
    vocab_size: int | None = None,
    layer_norm_epsilon: float | None = None,
    told: Mapping[str, Any] | None = None,
    notes: list[str] | None = None,
    guessed: list[str] | None = None,
) -> GPT:
    """A GPT-2 from the state dict of another implementation, known by its names, in evaluation mode.

    The weights themselves tell V, C, the context, the number of layers, the MLP's width, whether
    there are biases, and whether the head is its own (one that equals the embedding is a tied one).
    `told` are the settings that came with them, by whatever names. What neither says must be given:

    `n_head`: heads a layer. A model of one of OpenAI's four sizes has their heads.
    `activation_function`: "gelu_new" is the tanh form (GPT-2, minGPT), "gelu" the exact one (nanoGPT
        since 2023, minGPT in 2020); most layouts have one of their own.
    `vocab_size`: keep so many rows of the embedding. nanoGPT pads 50,257 to 50,304 for speed; the
        rest stands for no token. None keeps all.

    What was read and taken for granted is added to `notes`, and to `guessed` which settings may be
    others. Raises ValueError when the weights are no GPT-2's, don't fit together or contradict their
    settings; UntoldError when something must be given.
    """
    notes, guessed = [] if notes is None else notes, [] if guessed is None else guessed
    told = dict(told or {})
    for name, allowed in FIXED.items():
        if told.get(name, allowed[0]) not in allowed:
            raise ValueError(f"These settings have {name} {told[name]!r:.40}, which GPT-2 hasn't; choose a GPT-2.")
    full_names = _unwrapped(state)
    plain = {name: state[full_names[short]] for name, short in plain_names(full_names).items()}
    layout = layout_of({name: tuple(t.shape) for name, t in plain.items()})
    notes.append(f"The weights have the names of {layout.title}.")
    ours = renamed(layout, plain)
    apart = [t for name, t in plain.items() if ours[name].endswith(".attn.query.weight") and t.dim() == 3]
    tensors = {ours[name]: laid_out(layout, ours[name], t) for name, t in plain.items()}
    _join_qkv(tensors, layout)
    tied = HEAD not in tensors or _equal(tensors[HEAD], tensors.get("wte.weight"))
    if tied:
        tensors.pop(HEAD, None)

    shapes: Shapes = {name: tuple(t.shape) for name, t in tensors.items() if name != HEAD_BIAS}
    V, C = _rows_and_columns(shapes, "wte.weight", layout)
    n_ctx, _ = _rows_and_columns(shapes, "wpe.weight", layout)
    if len(shapes.get(HEAD, ())) == 2 and shapes[HEAD][0] != V:
        raise ValueError(
            f"This model's head has {shapes[HEAD][0]:,} outputs for {V:,} tokens, so it sorts texts into classes; "
            "choose one that writes text."
        )
    layers = [int(found[1]) for name in shapes if (found := re.match(r"h\.(\d{1,6})\.", name))]
    n_layer = max(layers, default=-1) + 1
    inner = (*shapes.get("h.0.mlp.c_fc.weight", ()), 0, 0)[1 if layout.turned else 0]
    _check_told(told, {"n_embd": C, "n_layer": n_layer})
    config = ModelConfig(
        V,
        n_ctx=n_ctx,
        n_embd=C,
        n_head=n_head or (len(apart[0]) if apart else _heads(told, C, n_layer, notes)),
        n_layer=n_layer,
        layer_norm_epsilon=layer_norm_epsilon or _asked(told, "layer_norm_epsilon") or 1e-5,
        bias="ln_f.bias" in shapes or "ln_f.bias" in layout.optional,
        activation_function=activation_function or _activation(told, layout, tied, notes, guessed),
        n_inner=0 if inner == 4 * C else inner,
        tie_word_embeddings=tied,
    )
    expected = gpt2_shapes(config)
    expected = expected if layout.turned else {n: s[::-1] if n.endswith(TRANSPOSED) else s for n, s in expected.items()}
    _fill(tensors, shapes, expected, layout, notes)
    check_shapes(shapes, expected, "The state dict")
    if HEAD_BIAS in tensors:
        _absorb_head_bias(tensors, notes)

    model = GPT(config, seed=None)
    model.load_state_dict(state_from_gpt2(tensors) if layout.turned else tensors)
    notes += scale_queries(model.state_dict(), told, config)
    return (model if vocab_size is None else cut_vocabulary(model, vocab_size)).eval()


def cut_vocabulary(model: GPT, vocab_size: int) -> GPT:
    """The model with only the first rows of its vocabulary, of which the others are padding.

    Raises ValueError when it hasn't so many.
    """
    known = model.config.vocab_size
    if not 2 <= vocab_size <= known:
        raise ValueError(f"These weights know {known:,} tokens; a vocab_size of {vocab_size:,} can't be cut from them.")
    state = model.state_dict()
    state |= {name: state[name][:vocab_size] for name in ("wte.weight", HEAD) if name in state}
    cut = GPT(model.config.replace(vocab_size=vocab_size), seed=None)
    cut.load_state_dict(state)
    return cut.eval()


def _unwrapped(state: Mapping[str, Tensor]) -> dict[str, str]:
    """The full name of each tensor by the one without what a class around the model (Lightning's) puts before all."""
    before = ""
    for full in state:
        end = next((end for end in EMBEDDINGS if full == end or full.endswith(f".{end}")), None)
        if end is not None:
            before = full.removesuffix(end)
            break
    names = {full.removeprefix(before): full for full in state}
    if len(names) < len(state):
        raise ValueError(f"With and without {before!r:.80} before them, some names are the same weight; remove one.")
    return names


def _join_qkv(tensors: dict[str, Tensor], layout: Layout) -> None:
    """Queries, keys and values that come apart go into one matrix and one bias."""
    for query in [name for name in tensors if ".attn.query." in name]:
        parts = [query.replace("query", part) for part in QKV]
        missing = next((part for part in parts if part not in tensors), None)
        if missing is not None:
            raise ValueError(f"The state dict lacks {missing}; use the whole of it.")
        dim = 1 if layout.turned and query.endswith("weight") else 0
        try:
            tensors[query.replace("query", "c_attn")] = torch.cat([tensors.pop(part) for part in parts], dim)
        except (RuntimeError, IndexError) as error:
            raise ValueError(f"{', '.join(parts)} are of different shapes; use the model's own weights.") from error


def _fill(tensors: dict[str, Tensor], shapes: Shapes, expected: Shapes, layout: Layout, notes: list[str]) -> None:
    """Add what the layout may leave out of every block, where it has."""
    for end, number in layout.optional.items():
        if any(f".{name}".endswith(f".{end}") for name in shapes):
            continue
        for name in expected:
            if f".{name}".endswith(f".{end}"):
                tensors[name], shapes[name] = torch.full(expected[name], number), expected[name]
        notes.append(f"There is no {end}, so {number:g} stands there, which computes the same.")


def _absorb_head_bias(tensors: dict[str, Tensor], notes: list[str]) -> None:
    """Find the bias of the last LayerNorm with which the head gives the logits that its own bias would add.

    There is one when the bias came from folding that LayerNorm into the head, as TransformerLens does.
    """
    bias_V = tensors.pop(HEAD_BIAS).double()
    if not bias_V.any():
        return
    head_VC = tensors.get(HEAD, tensors["wte.weight"]).double()
    if bias_V.shape != head_VC.shape[:1]:
        raise ValueError("The head's bias is not as long as the vocabulary; use the model's own weights.")
    shift_C = torch.linalg.lstsq(head_VC, bias_V[:, None]).solution[:, 0]
    if not bool(((head_VC @ shift_C - bias_V).abs() <= 1e-4 * bias_V.abs().max().clamp_min(1)).all()):
        raise ValueError("This model's head has a bias (b_U) that was learnt, and GPT-2 has no place for one.")
    tensors["ln_f.bias"] = (tensors["ln_f.bias"].double() + shift_C).float()
    notes.append("The head's bias stands in the last LayerNorm's, which computes the same.")


def _asked(told: Mapping[str, Any], name: str) -> Any:
    """What some settings say of one of NAMES; None if nothing."""
    return next((told[alias] for alias in NAMES[name] if told.get(alias) is not None), None)


def _check_told(told: Mapping[str, Any], found: dict[str, int]) -> None:
    for name, value in found.items():
        if _asked(told, name) not in (None, value):
            raise ValueError(
                f"The settings say {name} {_asked(told, name)!r:.40} and the weights {value}; "
                "use those that belong together."
            )


def _heads(told: Mapping[str, Any], n_embd: int, n_layer: int, notes: list[str]) -> Any:
    asked = _asked(told, "n_head")
    if asked is not None:
        return asked
    size = next((size for size in GPT2_SIZES.values() if (size.n_embd, size.n_layer) == (n_embd, n_layer)), None)
    if size is None:
        raise UntoldError("n_head", HEADS_UNTOLD, "say it with --n-head, or as n_head in a config.json beside them.")
    notes.append(f"{size.n_head} heads a layer, as a GPT-2 of this size has.")
    return size.n_head


def _activation(told: Mapping[str, Any], layout: Layout, tied: bool, notes: list[str], guessed: list[str]) -> str:
    asked = _asked(told, "activation_function")
    if asked is not None:
        return activation_named(asked)
    guessed.append("activation_function")
    if layout.activation_function is not None:
        notes.append(f"The activation is {layout.activation_function}, as in {layout.title}'s own code.")
        return layout.activation_function
    if tied and all(name in told for name in NANOGPT):
        notes.append("The activation is gelu, as in nanoGPT since 2023; if this model is older: gelu_new.")
        return "gelu"
    raise UntoldError(
        "activation_function",
        GELU_UNTOLD,
        "say it with --activation-function: gelu_new (GPT-2, minGPT) or gelu (nanoGPT since 2023), or as "
        "activation_function in a config.json beside them.",
    )


def _equal(head_VC: Tensor, wte_VC: Tensor | None) -> bool:
    return wte_VC is not None and head_VC.shape == wte_VC.shape and bool((head_VC == wte_VC).all())


def _rows_and_columns(shapes: Shapes, name: str, layout: Layout) -> tuple[int, int]:
    if len(shapes.get(name, ())) != 2:
        why = "; without a table of positions it is no GPT-2" if name == "wpe.weight" else ""
        raise ValueError(f"There is no matrix {name} in this {layout.title} model{why}; choose a whole GPT-2.")
    rows, columns = shapes[name]
    return rows, columns

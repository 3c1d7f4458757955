"""What the weights of a GPT-2 are called and how they lie, in Hugging Face's files and in ours.

Nothing here touches a file: llm/weights/pretrained.py reads and writes theirs, llm/weights/state_dicts.py reads those
of other implementations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from llm.config import ACTIVATIONS, ModelConfig

Shapes = dict[str, tuple[int, ...]]

TRANSPOSED = (".attn.c_attn.weight", ".attn.c_proj.weight", ".mlp.c_fc.weight", ".mlp.c_proj.weight")
"""GPT-2 stores these as [in, out] (its Conv1D); torch.nn.Linear wants [out, in]."""
BUFFERS = (".attn.bias", ".attn.masked_bias", ".attn.mask", ".att.mask", ".attn.IGNORE")
"""Causal masks that many files carry among the weights. They are no weights and are not read."""
PREFIXES = ("_orig_mod.", "module.", "transformer.")
"""Put before the names by torch.compile, by DistributedDataParallel, and by the class around the model."""
HEAD = "lm_head.weight"
ALIASES = {"gelu_pytorch_tanh": "gelu_new", "gelu_fast": "gelu_new", "gelu_accurate": "gelu_new", "swish": "silu"}
"""Hugging Face's other names for activations, and ours."""
_PARTS = {"positions": ("wpe.",), "norms": ("ln_1.", "ln_2.", "ln_f."), "residual": (), "mlp": ("ln_2.", ".mlp.")}
"""What of a state dict isn't there in a model without a part."""
SAME_NAMES = ("vocab_size", "n_embd", "n_head", "n_layer", "layer_norm_epsilon", "tie_word_embeddings")
"""What our config and Hugging Face's call alike."""
FIXED = {"model_type": ("gpt2",), "add_cross_attention": (False,)}
"""What Hugging Face's config can change about a GPT-2 that our model can't, with the values that it computes."""


def gpt2_shapes(config: ModelConfig) -> Shapes:
    """The name and shape of every tensor in Hugging Face's layout, worked out without allocating one."""
    c, m = config.n_embd, config.mlp_size
    block: Shapes = {
        "ln_1.weight": (c,), "ln_1.bias": (c,),
        "attn.c_attn.weight": (c, 3 * c), "attn.c_attn.bias": (3 * c,),
        "attn.c_proj.weight": (c, c), "attn.c_proj.bias": (c,),
        "ln_2.weight": (c,), "ln_2.bias": (c,),
        "mlp.c_fc.weight": (c, m), "mlp.c_fc.bias": (m,),
        "mlp.c_proj.weight": (m, c), "mlp.c_proj.bias": (c,),
    }  # fmt: skip
    shapes: Shapes = {"wte.weight": (config.vocab_size, c), "wpe.weight": (config.n_ctx, c)}
    for layer in range(config.n_layer):
        shapes |= {f"h.{layer}.{name}": shape for name, shape in block.items()}
    shapes |= {"ln_f.weight": (c,), "ln_f.bias": (c,)}
    if not config.tie_word_embeddings:
        shapes[HEAD] = (config.vocab_size, c)
    gone = [name for part in config.without for name in _PARTS[part]]
    return {
        name: shape
        for name, shape in shapes.items()
        if (config.bias or not name.endswith(".bias")) and not any(part in name for part in gone)
    }


def state_to_gpt2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of our `GPT` as Hugging Face's `GPT2Model` has it: the same names, four matrices transposed."""
    return {name: t.T.contiguous() if name.endswith(TRANSPOSED) else t for name, t in state.items()}


def state_from_gpt2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The way back, as views: a state dict of `GPT2Model` (no masks) as our `GPT` loads it."""
    return {name: t.T if name.endswith(TRANSPOSED) else t for name, t in state.items()}


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """Each tensor's name without prefixes, and the name it has in the file; masks are left out.

    Raises ValueError when two tensors claim the same name.
    """
    plain: dict[str, str] = {}
    for full in names:
        name = full
        while prefix := next((p for p in PREFIXES if name.startswith(p)), None):
            name = name.removeprefix(prefix)
        if name.endswith(BUFFERS):
            continue
        if name in plain:
            raise ValueError(f"{plain[name]!r:.80} and {full!r:.80} are the same weight; remove one of them.")
        plain[name] = full
    return plain


def check_shapes(found: Mapping[str, tuple[int, ...]], expected: Shapes, where: str) -> None:
    """Raises ValueError naming the first tensor that is too many, missing or of another shape."""
    for name, shape in found.items():
        if name not in expected:
            raise ValueError(f"{where} holds {name!r:.80}, which this model doesn't have; use its own weights.")
        if shape != expected[name]:
            raise ValueError(
                f"{name} in {where} is {list(shape)} but its config asks for {list(expected[name])}; "
                "use the config that belongs to these weights."
            )
    missing = next((name for name in expected if name not in found), None)
    if missing is not None:
        raise ValueError(f"{where} lacks {missing}; use the whole file that belongs to this config.")


def config_from_gpt2(values: Mapping[str, Any]) -> ModelConfig:
    """The shape that a Hugging Face config.json describes.

    Dropout stays 0: it belongs to a training, not to the weights. Raises ValueError when a value is
    missing or not sound, or when the config asks for something that is not GPT-2.
    """
    for name, allowed in FIXED.items():
        value = values.get(name, allowed[0])
        if value not in allowed:
            raise ValueError(f"This config.json has {name} {value!r:.40}, which GPT-2 hasn't; choose a GPT-2.")
    shape = {name: values[name] for name in SAME_NAMES if name in values}
    shape["activation_function"] = activation_named(values.get("activation_function", "gelu_new"))
    if values.get("n_inner") not in (None, 4 * shape["n_embd"] if isinstance(shape.get("n_embd"), int) else None):
        shape["n_inner"] = values["n_inner"]
    if "n_positions" in values:
        shape["n_ctx"] = values["n_positions"]
    return ModelConfig.from_dict(shape)


def activation_named(name: object) -> str:
    """The activation of ours that others call so. Raises ValueError when there is none."""
    found = ALIASES.get(name, name) if isinstance(name, str) else None
    if found not in ACTIVATIONS:
        raise ValueError(
            f"This model's activation is {name!r:.40}; only {', '.join([*ACTIVATIONS, *ALIASES])} are known."
        )
    return str(found)


def scale_queries(own: Mapping[str, Tensor], values: Mapping[str, Any], config: ModelConfig) -> list[str]:
    """Multiply the queries of our state dict, in place, so that our softmax(q k / sqrt(D)) gives their model's.

    Returns a sentence for each setting that this stands for.

    Hugging Face's `scale_attn_weights: false` leaves the root out, and `scale_attn_by_inverse_layer_idx`
    divides by the layer's number, counted from 1. Scores are linear in the queries, so the weights can hold both.
    """
    scaled, by_layer = values.get("scale_attn_weights", True), values.get("scale_attn_by_inverse_layer_idx", False)
    for layer in range(config.n_layer):
        factor = (1.0 if scaled else math.sqrt(config.head_size)) / (layer + 1 if by_layer else 1)
        for kind in ("weight", "bias") if config.bias else ("weight",):
            if factor != 1.0:
                own[f"h.{layer}.attn.c_attn.{kind}"][: config.n_embd] *= factor
    by_root = f"scale_attn_weights is false, so the queries' weights are multiplied by √{config.head_size}"
    by_number = "scale_attn_by_inverse_layer_idx is true, so each block's queries are divided by its number, from 1"
    done = [sentence for sentence, is_so in ((by_root, not scaled), (by_number, by_layer)) if is_so]
    return [f"{sentence}; that computes the same." for sentence in done]


def config_to_gpt2(config: ModelConfig, eot_id: int | None = None) -> dict[str, Any]:
    """A config.json that transformers reads as this model; `eot_id` is the id of <|endoftext|>."""
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": config.vocab_size,
        "n_positions": config.n_ctx,
        "n_embd": config.n_embd,
        "n_head": config.n_head,
        "n_layer": config.n_layer,
        "n_inner": config.n_inner or None,
        "activation_function": config.activation_function,
        "layer_norm_epsilon": config.layer_norm_epsilon,
        "tie_word_embeddings": config.tie_word_embeddings,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "bos_token_id": eot_id,
        "eos_token_id": eot_id,
    }

"""Other people's GPT-2s: state dicts of minGPT, nanoGPT and alike become our model.

    Hugging Face   transformer.h.0.attn.c_attn.weight   [in, out]   config.json names its shape
    minGPT         transformer.h.0.attn.c_attn.weight   [out, in]   a head of its own, `lm_head`
    minGPT, 2020   blocks.0.attn.query.weight           [out, in]   q, k and v apart, exact GELU, `head`
    nanoGPT        minGPT's after `_orig_mod.`          [out, in]   no biases, exact GELU, padded vocabulary
    ours           h.0.attn.c_attn.weight               [out, in]   each difference a field of ModelConfig

A file of them is safetensors, or a .json that describes arrays in raw files beside it, which needs
nothing but numpy to write (little-endian numbers, the last dimension fastest):

    {"wte.weight": {"dtype": "float32", "shape": [65, 128], "file": "weights.bin", "offset": 0}, ...}

Shapes: V vocabulary, C embedding width, T positions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from llm.checkpoint import check_weights, read_tensors
from llm.config import ModelConfig
from llm.files import read_json
from llm.gpt2 import HEAD, TRANSPOSED, Shapes, check_shapes, gpt2_shapes, plain_names, state_from_gpt2
from llm.model import GPT

LAYOUTS = ("linear", "conv1d")
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
"""The number formats of described arrays."""
MINGPT_2020 = (
    (r"tok_emb\.weight", "wte.weight"),
    (r"pos_emb", "wpe.weight"),
    (r"head\.weight", HEAD),
    (r"blocks\.(\d+)\.ln(\d)\.(\w+)", r"h.\1.ln_\2.\3"),
    (r"blocks\.(\d+)\.attn\.proj\.(\w+)", r"h.\1.attn.c_proj.\2"),
    (r"blocks\.(\d+)\.mlp\.0\.(\w+)", r"h.\1.mlp.c_fc.\2"),
    (r"blocks\.(\d+)\.mlp\.2\.(\w+)", r"h.\1.mlp.c_proj.\2"),
    (r"blocks\.(\d+)\.attn\.(query|key|value)\.(\w+)", r"h.\1.attn.\2.\3"),
)
"""minGPT's names before it took GPT-2's (github.com/karpathy/minGPT, 2020), and GPT-2's."""
QKV = ("query", "key", "value")
"""The order in which c_attn holds them."""


def read_state(path: str | Path) -> dict[str, Tensor]:
    """A state dict from a .safetensors file, or from a .json that describes arrays in files beside it.

    A checkpoint that is a pickle can be saved again by whoever trusts it:
    `safetensors.torch.save_file({name: t.contiguous().clone() for name, t in state.items()}, path)`.
    Described arrays are mapped, not read. Raises ValueError when a file isn't sound or a number isn't finite.
    """
    path = Path(path)
    if path.suffix == ".json":
        state = {name: _described(path, name, entry) for name, entry in read_json(path).items()}
    else:
        check_weights(path)
        state = read_tensors(path)
    for name in plain_names(state).values():
        if not bool(state[name].isfinite().all()):
            raise ValueError(f"{name!r:.80} in {path.name} holds NaN or infinity; use an earlier model.")
    return state


def model_from_state(
    state: Mapping[str, Tensor],
    *,
    n_head: int,
    layout: str,
    activation_function: str,
    vocab_size: int | None = None,
    layer_norm_epsilon: float = 1e-5,
) -> GPT:
    """A GPT-2 from the state dict of another implementation (the table above), in evaluation mode.

    The weights themselves tell V, C, the context, the number of layers, whether there are biases,
    and whether the head is its own (an `lm_head.weight` that equals `wte.weight` is a tied one).
    They can't tell the rest, so nothing of it is guessed:

    `n_head`: heads a layer.
    `layout`: "linear" where matrices are [out, in] (minGPT, nanoGPT, torch.nn.Linear), "conv1d" where
        they are [in, out] (OpenAI, Hugging Face). attn.c_proj is square, and fits wrongly too.
    `activation_function`: "gelu_new" is the tanh form (GPT-2, minGPT), "gelu" the exact one (nanoGPT
        since 2023, minGPT in 2020).
    `vocab_size`: keep so many rows of the embedding. nanoGPT pads 50,257 to 50,304 for speed; the
        rest stands for no token. None keeps all.

    Raises ValueError when the weights don't fit together or contradict the layout.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"The layout is {layout!r:.40}; it must be {' or '.join(LAYOUTS)}.")
    tensors = _in_gpt2_names({name: state[full] for name, full in plain_names(state).items()})
    tied = HEAD not in tensors or _equal(tensors[HEAD], tensors.get("wte.weight"))
    if tied:
        tensors.pop(HEAD, None)
    shapes: Shapes = {name: tuple(t.shape) for name, t in tensors.items()}
    V, C = _rows_and_columns(shapes, "wte.weight")
    n_ctx, _ = _rows_and_columns(shapes, "wpe.weight")
    layers = [int(found[1]) for name in shapes if (found := re.match(r"h\.(\d{1,6})\.", name))]
    config = ModelConfig(
        V,
        n_ctx=n_ctx,
        n_embd=C,
        n_head=n_head,
        n_layer=max(layers, default=-1) + 1,
        layer_norm_epsilon=layer_norm_epsilon,
        bias="ln_f.bias" in shapes,
        activation_function=activation_function,
        tie_word_embeddings=tied,
    )
    _check_layout(shapes, C, layout)
    linear = layout == "linear"
    expected = {n: s[::-1] if linear and n.endswith(TRANSPOSED) else s for n, s in gpt2_shapes(config).items()}
    check_shapes(shapes, expected, "The state dict")

    if vocab_size is not None:
        if not 2 <= vocab_size <= V:
            raise ValueError(f"These weights know {V:,} tokens; a vocab_size of {vocab_size:,} can't be cut from them.")
        config = config.replace(vocab_size=vocab_size)
        tensors |= {name: tensors[name][:vocab_size] for name in ("wte.weight", HEAD) if name in tensors}
    model = GPT(config, seed=None)
    model.load_state_dict(tensors if linear else state_from_gpt2(tensors))
    return model.eval()


def _check_layout(shapes: Shapes, C: int, layout: str) -> None:
    """c_attn is three times as long as wide, so it shows how the matrices lie."""
    other, shape = ("conv1d", (C, 3 * C)) if layout == "linear" else ("linear", (3 * C, C))
    if shapes.get("h.0.attn.c_attn.weight") == shape:
        raise ValueError(f"c_attn is {list(shape)} here, so the layout is {other!r} and not {layout!r}; ask for that.")


def _equal(head_VC: Tensor, wte_VC: Tensor | None) -> bool:
    return wte_VC is not None and head_VC.shape == wte_VC.shape and bool((head_VC == wte_VC).all())


def _rows_and_columns(shapes: Shapes, name: str) -> tuple[int, int]:
    if len(shapes.get(name, ())) != 2:
        raise ValueError(f"There is no matrix {name}; choose a model with GPT-2's names (wte, wpe, h.0.attn.c_attn).")
    rows, columns = shapes[name]
    return rows, columns


def _described(path: Path, name: str, entry: Any) -> Tensor:
    """One array as its entry says: a view into its file."""
    if not isinstance(entry, dict):
        entry = {}
    dtype, shape, file, offset = (entry.get(key) for key in ("dtype", "shape", "file", "offset"))
    whole = isinstance(shape, list) and all(type(n) is int and 0 <= n < 2**63 for n in [offset, *shape])
    if not isinstance(dtype, str) or dtype not in DTYPES or not whole or len(shape) > 8 or not isinstance(file, str):
        raise ValueError(
            f"{path.name} doesn't describe {name!r:.80}; give dtype ({', '.join(DTYPES)}), shape, file and offset."
        )
    data, n_bytes = path.parent / file, math.prod(shape) * DTYPES[dtype].itemsize
    if Path(file).name != file or not data.is_file():
        raise ValueError(f"{file!r:.80} isn't a file beside {path.name}; put them into one folder.")
    if offset + n_bytes > data.stat().st_size or offset % DTYPES[dtype].itemsize:
        raise ValueError(f"{name!r:.80} doesn't lie in {file!r:.80} as {path.name} says; write the files again.")
    if n_bytes == 0:
        return torch.empty(shape, dtype=DTYPES[dtype])
    mapped = torch.from_file(str(data), size=data.stat().st_size, dtype=torch.uint8)
    return mapped[offset : offset + n_bytes].view(DTYPES[dtype]).view(shape)


def _in_gpt2_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """minGPT's names of 2020 as GPT-2's, with q, k and v in one matrix again; any others as they are."""
    if "tok_emb.weight" not in tensors:
        return tensors
    named: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        match = next(((m, new) for old, new in MINGPT_2020 if (m := re.fullmatch(old, name))), None)
        named[match[0].expand(match[1]) if match else name] = tensor
    if named.get("wpe.weight", torch.empty(0)).dim() == 3:  # it was [1, T, C]
        named["wpe.weight"] = named["wpe.weight"].flatten(0, 1)
    for query in [name for name in named if ".attn.query." in name]:
        parts = [query.replace("query", part) for part in QKV]
        missing = next((part for part in parts if part not in named), None)
        if missing is not None:
            raise ValueError(f"The state dict lacks {missing}; use the whole of it.")
        named[query.replace("query", "c_attn")] = torch.cat([named.pop(part) for part in parts])
    return named

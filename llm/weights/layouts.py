"""How other implementations call and lay out a GPT-2's weights: one entry each, known by their names.

    Hugging Face     transformer.h.0.attn.c_attn.weight     [in, out]   q, k and v in one matrix
    minGPT, nanoGPT  transformer.h.0.attn.c_attn.weight     [out, in]   nanoGPT may leave biases out
    minGPT, 2020     blocks.0.attn.query.weight             [out, in]   q, k and v apart, exact GELU
    Raschka's book   trf_blocks.0.att.W_query.weight        [out, in]   q, k and v apart, often without biases
    TransformerLens  blocks.0.attn.W_Q                      [H, C, D]   heads apart, LayerNorms often folded away
    ours             h.0.attn.c_attn.weight                 [out, in]   as in llm/model.py

Shapes: H heads, C embedding width, D head size, T positions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from llm.gpt2 import HEAD, Shapes

Lay = Callable[[Tensor], Tensor]
QKV = ("query", "key", "value")
"""What c_attn is called in parts, in the order in which it holds them."""
HEAD_BIAS = "head.bias"
"""A bias of the head, which GPT-2 hasn't: llm/weights/state_dicts.py puts it into the last LayerNorm if it can."""


@dataclass(frozen=True)
class Layout:
    """An implementation's names and how its matrices lie."""

    title: str
    sign: str
    """A name that only this layout has (a regular expression)."""
    names: tuple[tuple[str, str], ...] = ()
    """Its names as regular expressions, and ours; a name that none fits stays as it is."""
    laid: tuple[tuple[str, Lay], ...] = ()
    """What brings those of our names that fit into the shape they should have."""
    turned: bool = False
    """Whether matrices are [in, out], as Conv1D has them, and not [out, in], as torch.nn.Linear."""
    activation_function: str | None = None
    """What its own code computes; None where that differs."""
    optional: Mapping[str, float] = field(default_factory=dict)
    """What it may leave out of every block, and the number that computes the same."""


def _in_blocks(blocks: str, *names: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Names within each block, theirs and ours, as names of the whole model; the first group is the block's number."""
    return tuple((rf"{blocks}\.(\d+)\.{theirs}", rf"h.\1.{ours}") for theirs, ours in names)


_GPT2 = r"wte\.weight"
LAYOUTS = (
    Layout("minGPT or nanoGPT", _GPT2),
    Layout("Hugging Face", _GPT2, turned=True, activation_function="gelu_new"),
    Layout(
        "minGPT of 2020",
        sign=r"blocks\.\d+\.attn\.(query|proj)\.weight",
        names=(
            (r"tok_emb\.weight", "wte.weight"),
            (r"pos_emb", "wpe.weight"),
            (r"head\.weight", HEAD),
            *_in_blocks(
                "blocks",
                (r"ln(\d)\.(\w+)", r"ln_\2.\3"),
                (r"attn\.proj\.(\w+)", r"attn.c_proj.\2"),
                (r"mlp\.0\.(\w+)", r"mlp.c_fc.\2"),
                (r"mlp\.2\.(\w+)", r"mlp.c_proj.\2"),
                (r"attn\.(query|key|value)\.(\w+)", r"attn.\2.\3"),
            ),
        ),
        laid=((r"wpe\.weight", lambda w_1TC: w_1TC.flatten(0, -2)),),
        activation_function="gelu",
    ),
    Layout(
        "Raschka's book",
        sign=r"trf_blocks\.\d+\.att\.W_query\.weight",
        names=(
            (r"tok_emb\.weight", "wte.weight"),
            (r"pos_emb\.weight", "wpe.weight"),
            (r"out_head\.weight", HEAD),
            (r"final_norm\.scale", "ln_f.weight"),
            (r"final_norm\.shift", "ln_f.bias"),
            *_in_blocks(
                "trf_blocks",
                (r"norm(\d)\.scale", r"ln_\2.weight"),
                (r"norm(\d)\.shift", r"ln_\2.bias"),
                (r"att\.out_proj\.(\w+)", r"attn.c_proj.\2"),
                (r"ff\.layers\.0\.(\w+)", r"mlp.c_fc.\2"),
                (r"ff\.layers\.2\.(\w+)", r"mlp.c_proj.\2"),
                (r"att\.W_(query|key|value)\.(\w+)", r"attn.\2.\3"),
            ),
        ),
        activation_function="gelu_new",
        optional={"attn.c_attn.bias": 0.0},
    ),
    Layout(
        "TransformerLens",
        sign=r"blocks\.\d+\.attn\.W_Q",
        names=(
            (r"embed\.W_E", "wte.weight"),
            (r"pos_embed\.W_pos", "wpe.weight"),
            (r"unembed\.W_U", HEAD),
            (r"unembed\.b_U", HEAD_BIAS),
            (r"ln_final\.w", "ln_f.weight"),
            (r"ln_final\.b", "ln_f.bias"),
            *_in_blocks(
                "blocks",
                (r"ln(\d)\.w", r"ln_\2.weight"),
                (r"ln(\d)\.b", r"ln_\2.bias"),
                *((rf"attn\.W_{part}", f"attn.{ours}.weight") for part, ours in zip("QKV", QKV, strict=True)),
                *((rf"attn\.b_{part}", f"attn.{ours}.bias") for part, ours in zip("QKV", QKV, strict=True)),
                (r"attn\.W_O", "attn.c_proj.weight"),
                (r"attn\.b_O", "attn.c_proj.bias"),
                (r"mlp\.W_in", "mlp.c_fc.weight"),
                (r"mlp\.b_in", "mlp.c_fc.bias"),
                (r"mlp\.W_out", "mlp.c_proj.weight"),
                (r"mlp\.b_out", "mlp.c_proj.bias"),
            ),
        ),
        laid=(
            (r".*\.attn\.(query|key|value)\.weight", lambda w_HCD: w_HCD.transpose(0, 1).flatten(1)),
            (r".*\.attn\.(query|key|value)\.bias", lambda b_HD: b_HD.flatten()),
            (r".*\.attn\.c_proj\.weight", lambda w_HDC: w_HDC.flatten(0, -2)),
            (re.escape(HEAD), lambda w_CV: w_CV.mT),
        ),
        turned=True,
        activation_function="gelu_new",
        optional={
            "ln_1.weight": 1.0, "ln_1.bias": 0.0, "ln_2.weight": 1.0, "ln_2.bias": 0.0,
            "ln_f.weight": 1.0, "ln_f.bias": 0.0,
        },
    ),
)  # fmt: skip
OTHERS = {
    r".*\.self_attn\.q_proj\..*": "a model of Llama's or OPT's family",
    r".*\.attention\.query_key_value\..*": "a GPT-NeoX (Pythia)",
    r".*\.attention\.self\.query\..*": "a BERT",
    r".*\.SelfAttention\.q\..*": "a T5",
    r"h\.\d+\.norm_1\..*": "a LitGPT model, with rotated queries and keys in place of a table of positions",
}
"""Names that tell what is no GPT-2."""


def layout_of(shapes: Shapes) -> Layout:
    """The layout that tensors have by their names and, of Hugging Face's and nanoGPT's alike names, by their shapes.

    Raises ValueError, calling what it knows by name, for those of any other model.
    """
    for name in shapes:
        other = next((title for sign, title in OTHERS.items() if re.fullmatch(sign, name)), None)
        if other is not None:
            raise ValueError(f"These are the weights of {other} ({name:.60}), which is no GPT-2; choose a GPT-2.")
    found = [layout for layout in LAYOUTS if any(re.fullmatch(layout.sign, name) for name in shapes)]
    special = [layout for layout in found if layout.sign != _GPT2]  # some of them have `wte` too
    if special:
        return special[0]
    if not found:
        titles = ", ".join(layout.title for layout in LAYOUTS)
        raise ValueError(
            f"There is no matrix wte.weight, and no other name that is known here; choose a model of {titles}."
        )
    # c_attn is three times as long as wide, so it shows how the matrices lie.
    rows, columns = (*shapes.get("h.0.attn.c_attn.weight", ()), 0, 0)[:2]
    return next(layout for layout in found if layout.turned == (columns > rows))


def renamed(layout: Layout, names: Iterable[str]) -> dict[str, str]:
    """Our name of each of a layout's. Raises ValueError when two are the same weight."""
    ours: dict[str, str] = {}
    for name in names:
        match = next(((m, new) for old, new in layout.names if (m := re.fullmatch(old, name))), None)
        ours[name] = match[0].expand(match[1]) if match else name
    if len(set(ours.values())) < len(ours):
        raise ValueError(f"Two weights of this {layout.title} model are the same one; remove one of them.")
    return ours


def laid_out(layout: Layout, name: str, tensor: Tensor) -> Tensor:
    """A tensor of one of our names as a plain matrix or vector. Raises ValueError when it can't be one."""
    lay = next((lay for pattern, lay in layout.laid if re.fullmatch(pattern, name)), None)
    try:
        return tensor if lay is None else lay(tensor)
    except (RuntimeError, IndexError) as error:
        raise ValueError(
            f"{name} is {list(tensor.shape)} here, which is not how {layout.title} has it; use its own weights."
        ) from error

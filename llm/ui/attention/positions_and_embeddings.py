"""Positions and embeddings: where the model's own tables put each token and each position, and LayerNorm.

Shapes: V vocabulary, C embedding, K components, P positions shown, T time.
"""

from __future__ import annotations

import threading
import weakref
from typing import cast

import torch
from torch import Tensor, nn

from llm.ablated import refuse_without
from llm.inside.geometry import (
    Projection,
    cosine_similarities,
    layer_norm_steps,
    nearest,
    principal_components,
    sinusoidal_positions,
)
from llm.inside.trace import trace
from llm.model import GPT, Block
from llm.ui import inputs
from llm.ui.attention.passes import Passes
from llm.ui.live import vocabulary
from llm.ui.panel import Answer, Request, View
from llm.ui.prompt import finite, named, packed, window

NEIGHBOURS = 8
MAX_POSITIONS = 512
"""Sides of the similarity matrices; of a longer context every second, third, ... position is shown."""
COMPONENTS = 4


def build_positions_and_embeddings(passes: Passes) -> View:
    """The view and its endpoints: one for each of its pictures, and the neighbours of a token."""
    projections = _Projections()

    @passes.subjects.answers.of
    def map_tokens(request: Request) -> Answer:
        """All tokens in two dimensions; their names too, unless the page `knows` this vocabulary."""
        loaded = passes.subjects.of(request)
        vectors_VC = finite(loaded.model.wte.weight.detach())
        flat = projections.of(loaded.model)
        known = inputs.text(request, "knows", limit=64, default="") == loaded.tokenizer.hash
        ids, _ = window(loaded, inputs.text(request, "prompt"))
        return {
            "vocabulary": loaded.tokenizer.hash if known else vocabulary(loaded.tokenizer),
            "places": packed(flat.coordinates_NK),
            "shares": flat.shares_K.tolist(),
            "norms": packed(vectors_VC.norm(dim=1)),
            "width": loaded.config.n_embd,
            "prompt": sorted(set(ids)),
        }

    @passes.subjects.answers.of
    def find_neighbours(request: Request) -> Answer:
        """The tokens whose vectors point most nearly the same way."""
        loaded = passes.subjects.of(request)
        id = inputs.whole(request, "id", 0, loaded.config.vocab_size - 1)
        indices, cosines = nearest(finite(loaded.model.wte.weight.detach()), id, NEIGHBOURS)
        pairs = zip(indices.tolist(), cosines.tolist(), strict=True)
        return {"id": id, "neighbours": [[other, round(cosine, 4)] for other, cosine in pairs]}

    @passes.subjects.answers.of
    def compare_positions(request: Request) -> Answer:
        """The learned position vectors, and beside them the sinusoidal code of the same shape."""
        config, model = (loaded := passes.subjects.of(request)).config, loaded.model
        refuse_without(config, "there are none to compare", "positions")
        every = -(-config.n_ctx // MAX_POSITIONS)
        codes = {
            "learned": finite(model.wpe.weight.detach())[::every],
            "sinusoidal": sinusoidal_positions(config.n_ctx, config.n_embd)[::every],
        }
        return {"n_ctx": config.n_ctx, "every": every, **{name: _position_code(code) for name, code in codes.items()}}

    @passes.subjects.answers.of
    def read_norm(request: Request) -> Answer:
        """One LayerNorm at work on one token of the prompt: `norm` counts them from the bottom."""
        loaded = passes.subjects.of(request)
        ids, note = window(loaded, inputs.text(request, "prompt"))
        layers = loaded.config.n_layer
        if not ids:
            return {"tokens": [], "layers": layers}
        position = inputs.whole(request, "position", 0, len(ids) - 1, len(ids) - 1)
        number = inputs.whole(request, "norm", 0, 2 * layers, 0)
        name, norm = _norm(loaded.model, number)
        seen = trace(loaded.model, ids, [name])
        finite(seen.logits)
        steps = layer_norm_steps(norm, seen[name][0, position])
        return {
            "tokens": named(loaded.tokenizer, ids),
            "note": note,
            "layers": layers,
            "position": position,
            "norm": number,
            "mean": steps.mean,
            "std": steps.std,
            "before": packed(steps.before_C),
            "gain": packed(steps.gain_C),
            "bias": packed(steps.bias_C),
            "after": packed(steps.after_C),
        }

    return View("Positions and embeddings", [map_tokens, find_neighbours, compare_positions, read_norm])


class _Projections:
    """The token embeddings of each model in two dimensions; with 50,257 tokens that takes about a second."""

    def __init__(self) -> None:
        self._kept: weakref.WeakKeyDictionary[GPT, Projection] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, model: GPT) -> Projection:
        with self._lock:
            if model not in self._kept:
                self._kept[model] = principal_components(model.wte.weight, 2)
            return self._kept[model]


def _position_code(code_PC: Tensor) -> Answer:
    """Cosines as bytes, 127 (1 + cosine); the first components, one after the other."""
    components = principal_components(code_PC, COMPONENTS)
    return {
        "similar": packed((127 * (1 + cosine_similarities(code_PC))).round().to(torch.uint8)),
        "curves": packed(components.coordinates_NK.T),
        "shares": components.shares_K.tolist(),
    }


def _norm(model: GPT, number: int) -> tuple[str, nn.LayerNorm]:
    """The LayerNorm of that number, from the bottom, and the name of what goes into it."""
    refuse_without(model.config, "there is none to watch", "norms")
    layer, second = divmod(number, 2)
    if layer == model.config.n_layer:
        return f"blocks.{layer - 1}.hook_resid_post", model.ln_f
    if second:
        refuse_without(model.config, "none of its blocks has a second LayerNorm", "mlp")
    block = cast(Block, model.h[layer])
    return (f"blocks.{layer}.hook_resid_mid", block.ln_2) if second else (f"blocks.{layer}.hook_resid_pre", block.ln_1)

"""The Heads view: every head of the model on the prompt, from one forward pass.

Pictures travel as lower triangles, row by row, since no token looks ahead: row i holds its i + 1
weights, each a byte, 255 times its square root, which keeps small weights apart. What a visitor
reads as a number is exact: for one head at a time the page gets queries and keys in float32 and
works out softmax(q k / sqrt(D)) itself, which for long prompts are far fewer numbers than weights.

Shapes: T time, H heads, P side of a thumbnail.
"""

from __future__ import annotations

import weakref

import torch
import torch.nn.functional as F
from torch import Tensor

from llm.inside.attention_flow import rollout
from llm.inside.head_pictures import mean_pattern, pooled_pattern
from llm.inside.head_scores import MAX_ROWS, name_head, repeated_tokens
from llm.model import GPT
from llm.ui import inputs
from llm.ui.attention.passes import Pass, Passes, Scores
from llm.ui.panel import Answer, Request, View
from llm.ui.prompt import named, next_tokens, packed

THUMBNAIL = 64
"""Sides of a thumbnail, in cells; longer prompts are pooled down to it."""
FLOWS = ("layer", "all", "rollout")
"""Many heads in one picture: the mean of a layer, the mean of all, and rollout."""


def build_heads(passes: Passes) -> View:
    """The view; its endpoints trace a prompt, read one head exactly, score heads and join them."""
    on_random: weakref.WeakKeyDictionary[GPT, list[Answer]] = weakref.WeakKeyDictionary()

    @passes.subjects.answers.of
    def trace_prompt(request: Request) -> Answer:
        """Every head as a thumbnail, one exactly; without a prompt no tokens and nothing else."""
        found = passes.of(request)
        if found is None:
            return {"tokens": []}
        asked = found.asked_head(request)
        thumbnails, rests = [], []
        scores: list[Scores] = []
        for layer in range(found.layers):
            q_HTD, k_HTD = found.part("q", layer), found.part("k", layer)
            picture_HPP, first_HT = pooled_pattern(q_HTD, k_HTD, THUMBNAIL)
            thumbnails.append(_bytes(_triangle(picture_HPP)))
            rests.append(_rests(first_HT))
            scores += found.scored(q_HTD, k_HTD)
        layer, head = asked or found.clearest(scores)
        shown = found.example if asked is None else None
        return {
            "tokens": named(found.loaded.tokenizer, found.ids),
            "note": found.note,
            "step": found.loaded.step,
            "layers": found.layers,
            "heads": found.heads,
            "side": min(len(found.ids), THUMBNAIL),
            "thumbnails": packed(torch.cat(thumbnails)),
            "rests": packed(torch.cat(rests)),
            "kinds": [_described(one) for one in scores],
            "sampled": MAX_ROWS if len(found.ids) > MAX_ROWS + 2 else None,
            "next": next_tokens(found.seen.logits[0, -1], found.loaded.tokenizer),
            "opening": shown and {"row": shown[0].row, "column": shown[0].column, "says": shown[1]},
            "zoomed": exact(found, layer, head),
        }

    @passes.subjects.answers.of
    def read_head(request: Request) -> Answer:
        """One head's queries and keys."""
        found = _prompted(passes, request)
        layer = inputs.whole(request, "layer", 0, found.layers - 1)
        head = inputs.whole(request, "head", 0, found.heads - 1)
        return exact(found, layer, head)

    @passes.subjects.answers.of
    def score_heads(request: Request) -> Answer:
        """What kind each head is, on random tokens said twice."""
        loaded = passes.subjects.of(request)
        if loaded.model not in on_random:
            ids = repeated_tokens(loaded.config.vocab_size, loaded.config.n_ctx)
            if not ids:
                raise ValueError("This model sees one token at a time; nothing can be repeated to it.")
            on_random[loaded.model] = [_described(one) for one in passes.over(loaded, ids).scores()]
        return {"kinds": on_random[loaded.model]}

    @passes.subjects.answers.of
    def read_flow(request: Request) -> Answer:
        """Many heads in one picture."""
        found = _prompted(passes, request)
        flow = inputs.choice(request, "flow", FLOWS)
        layers = range(found.layers)
        if flow == "layer":
            layer = inputs.whole(request, "layer", 0, found.layers - 1)
            layers = range(layer, layer + 1)
        means = (mean_pattern(found.part("q", layer), found.part("k", layer)) for layer in layers)
        if flow == "rollout":
            flow_TT = rollout(means, residual="residual" not in found.loaded.config.without)
        else:
            flow_TT = torch.stack(list(means)).mean(0)
        return {"weights": packed(_bytes(_triangle(flow_TT)))}

    return View("Heads", [trace_prompt, read_head, score_heads, read_flow])


def _prompted(passes: Passes, request: Request) -> Pass:
    found = passes.of(request)
    if found is None:
        raise ValueError("There is no token to look at; write a prompt at the top.")
    return found


def _rests(first_HT: Tensor) -> Tensor:
    """Bytes of the share that each row doesn't spend on the first token (the mean of the rows, if pooled)."""
    rest_HT = 1.0 - first_HT
    return _bytes(F.adaptive_avg_pool1d(rest_HT, THUMBNAIL) if rest_HT.size(1) > THUMBNAIL else rest_HT)


def _bytes(weights: Tensor) -> Tensor:
    return (255 * weights.clamp(0.0, 1.0).sqrt()).round().to(torch.uint8)


def exact(found: Pass, layer: int, head: int) -> Answer:
    """One head's queries and keys as they are, T D each."""
    q, k = (packed(found.part(name, layer)[head]) for name in "qk")
    return {"layer": layer, "head": head, "q": q, "k": k}


def _triangle(square: Tensor) -> Tensor:
    """The lower triangles of the last two dimensions, row by row."""
    rows, columns = torch.tril_indices(square.size(-2), square.size(-1), device=square.device)
    return square[..., rows, columns]


def _described(scores: dict[str, float | None]) -> Answer:
    kind, score = name_head(scores)
    return {"kind": kind, "score": score, "scores": [None if s is None else round(s, 4) for s in scores.values()]}

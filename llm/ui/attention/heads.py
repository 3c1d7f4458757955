"""The Attention tab: every head of the model on the prompt, from one forward pass.

Pictures travel as lower triangles, row by row, since no token looks ahead: row i holds its i + 1
weights. Thumbnails are bytes, 255 times the square root of the weight, which keeps small weights
apart; what a visitor reads as a number is float32 and comes for one head at a time.

Shapes: B batch, T time, H heads, P side of a thumbnail.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from llm.head_scores import HEAD_KINDS, head_scores, most_telling, name_head
from llm.tokenizers import Tokenizer
from llm.trace import Trace, attention_scores, trace
from llm.ui import inputs
from llm.ui.components import Answer, Lens, Request
from llm.ui.subject import Loaded, Subjects

MAX_TOKENS = 1024
"""Tokens looked at, whatever the model's context: the work grows with their square."""
THUMBNAIL = 64
"""Sides of a thumbnail, in cells; longer prompts are pooled down to it."""
NEXT_TOKENS = 10


def build_heads(subjects: Subjects) -> Lens:
    """The tab; its endpoints trace a prompt and read one head exactly."""

    def trace_prompt(request: Request) -> Answer:
        loaded = subjects.of(request)
        ids, note = _window(loaded, inputs.text(request, "prompt"))
        if not ids:
            return {"tokens": []}
        asked = _asked_head(request, loaded)
        seen = trace(loaded.model, ids, [f"blocks.*.attn.hook_{part}" for part in "qkv"])
        if not seen.logits.isfinite().all():
            raise ValueError("At this moment the model's weights hold NaN or infinity; choose an earlier one.")

        thumbnails, rests, scores_of = [], [], {}
        layers = loaded.config.n_layer
        for layer, scores_HTT in enumerate(_scores_by_layer(seen, layers, loaded.config.n_head)):
            pattern_HTT = scores_HTT.softmax(dim=2)
            thumbnails.append(_thumbnails(pattern_HTT))
            rests.append(_rests(pattern_HTT))
            by_kind = head_scores(pattern_HTT, ids)
            for head in range(loaded.config.n_head):
                scores_of[layer, head] = {kind: by_kind[kind][head] for kind in HEAD_KINDS}
        layer, head = asked or most_telling(scores_of)
        return {
            "tokens": [{"id": id, "text": _text(loaded.tokenizer, id)} for id in ids],
            "note": note,
            "step": loaded.step,
            "layers": layers,
            "heads": loaded.config.n_head,
            "side": min(len(ids), THUMBNAIL),
            "thumbnails": _base64(torch.cat(thumbnails)),
            "rests": _base64(torch.cat(rests)),
            "kinds": [_described(scores_of[at]) for at in sorted(scores_of)],
            "next": _next_tokens(seen.logits[0, -1], loaded.tokenizer),
            "zoomed": {"layer": layer, "head": head, **_exact(seen, layer, head, loaded.config.n_head)},
        }

    def read_head(request: Request) -> Answer:
        loaded = subjects.of(request)
        ids, _ = _window(loaded, inputs.text(request, "prompt"))
        if not ids:
            raise ValueError("There is no token to look at; write a prompt at the top.")
        layer = inputs.whole(request, "layer", 0, loaded.config.n_layer - 1)
        head = inputs.whole(request, "head", 0, loaded.config.n_head - 1)
        seen = trace(loaded.model, ids, [f"blocks.{layer}.attn.hook_{part}" for part in "qkv"])
        return {"layer": layer, "head": head, **_exact(seen, layer, head, loaded.config.n_head)}

    return Lens("heads", [trace_prompt, read_head])


def _window(loaded: Loaded, prompt: str) -> tuple[list[int], str | None]:
    """The prompt's ids, only the last of them if it is too long, and a sentence that says so."""
    ids = loaded.tokenizer.encode(prompt)
    room = min(loaded.config.n_ctx, MAX_TOKENS)
    if len(ids) <= room:
        return ids, None
    reach = f"this model sees {room:,} at a time" if room == loaded.config.n_ctx else f"this picture holds {room:,}"
    return ids[-room:], f"The prompt has {len(ids):,} tokens and {reach}: you are looking at its last {room:,}."


def _asked_head(request: Request, loaded: Loaded) -> tuple[int, int] | None:
    """The head that the page wants to stay on, if this model has it."""
    if request.get("layer") is None or request.get("head") is None:
        return None
    layer, head = inputs.whole(request, "layer", 0, 65_536), inputs.whole(request, "head", 0, 65_536)
    return (layer, head) if layer < loaded.config.n_layer and head < loaded.config.n_head else None


def _scores_by_layer(seen: Trace, layers: int, n_head: int) -> Iterator[Tensor]:
    """scores_HTT of each layer in turn: GPT-2's 144 heads over 1,024 tokens would fill 600 MB at once."""
    for layer in range(layers):
        yield _scores(seen, layer, n_head)


def _scores(seen: Trace, layer: int, n_head: int) -> Tensor:
    qkv_BT3C = torch.cat([seen[f"blocks.{layer}.attn.hook_{part}"].flatten(2) for part in "qkv"], dim=2)
    return attention_scores(qkv_BT3C, n_head)[0]


def _thumbnails(pattern_HTT: Tensor) -> Tensor:
    """Bytes of each head's lower triangle, pooled by the largest weight so that thin diagonals survive."""
    if pattern_HTT.size(1) > THUMBNAIL:
        pattern_HTT = F.adaptive_max_pool2d(pattern_HTT, THUMBNAIL)
    return _triangle((255 * pattern_HTT.sqrt()).round().to(torch.uint8))


def _rests(pattern_HTT: Tensor) -> Tensor:
    """rest_HP: the share of its attention that each row doesn't spend on the first token (the mean, if pooled)."""
    rest_HT = pattern_HTT[:, :, 1:].sum(2)
    return F.adaptive_avg_pool1d(rest_HT, THUMBNAIL) if rest_HT.size(1) > THUMBNAIL else rest_HT


def _exact(seen: Trace, layer: int, head: int, n_head: int) -> Answer:
    """One head's scores and weights as they are."""
    scores_HTT = _scores(seen, layer, n_head)
    return {
        "pattern": _base64(_triangle(scores_HTT.softmax(dim=2)[head])),
        "scores": _base64(_triangle(scores_HTT[head])),
    }


def _triangle(square: Tensor) -> Tensor:
    """The lower triangles of the last two dimensions, row by row."""
    rows, columns = torch.tril_indices(square.size(-2), square.size(-1), device=square.device)
    return square[..., rows, columns]


def _next_tokens(logits_V: Tensor, tokenizer: Tokenizer) -> list[Answer]:
    top = logits_V.float().softmax(dim=0).topk(min(NEXT_TOKENS, logits_V.numel()))
    return [
        {"id": id, "text": _text(tokenizer, id), "p": p}
        for id, p in zip(top.indices.tolist(), top.values.tolist(), strict=True)
    ]


def _described(scores: dict[str, float | None]) -> Answer:
    kind, score = name_head(scores)
    return {"kind": kind, "score": score, "scores": [None if s is None else round(s, 4) for s in scores.values()]}


def _text(tokenizer: Tokenizer, id: int) -> str:
    """One token as text; a piece of a character shows as U+FFFD."""
    return tokenizer.token_bytes(id).decode("utf-8", errors="replace")


def _base64(values: Tensor) -> str:
    return base64.b64encode(values.cpu().contiguous().numpy().tobytes()).decode("ascii")

"""What every view that looks inside a model does with the prompt: cut it to what fits, and name its tokens."""

from __future__ import annotations

import base64

from torch import Tensor

from llm.tokenizers import Tokenizer
from llm.ui.panel import Answer
from llm.ui.subject import Loaded
from llm.ui.token_names import token_name

MAX_TOKENS = 1024
"""Tokens looked at, whatever the model's context: the work grows with their square."""
NEXT_TOKENS = 10


def window(loaded: Loaded, prompt: str) -> tuple[list[int], str | None]:
    """The prompt's ids, only the last of them if it is too long, and a sentence that says so."""
    ids = loaded.tokenizer.encode(prompt)
    room = min(loaded.config.n_ctx, MAX_TOKENS)
    if len(ids) <= room:
        return ids, None
    reach = f"this model sees {room:,} at a time" if room == loaded.config.n_ctx else f"this picture holds {room:,}"
    return ids[-room:], f"The prompt has {len(ids):,} tokens and {reach}: you are looking at its last {room:,}."


def named(tokenizer: Tokenizer, ids: list[int]) -> list[Answer]:
    """Tokens as the page draws them."""
    return [{"id": id, "text": token_name(tokenizer, id)} for id in ids]


def next_tokens(logits_V: Tensor, tokenizer: Tokenizer) -> list[Answer]:
    """The likeliest next tokens, in falling order."""
    top = logits_V.float().softmax(dim=0).topk(min(NEXT_TOKENS, logits_V.numel()))
    names = named(tokenizer, top.indices.tolist())
    return [{**name, "p": p} for name, p in zip(names, top.values.tolist(), strict=True)]


def finite(logits: Tensor) -> Tensor:
    """The logits, if they are numbers. Raises ValueError when training has diverged."""
    if not logits.isfinite().all():
        raise ValueError("At this moment the model's weights hold NaN or infinity; choose an earlier one.")
    return logits


def packed(values: Tensor) -> str:
    """A tensor's bytes as text: how pictures travel."""
    return base64.b64encode(values.cpu().contiguous().numpy().tobytes()).decode("ascii")

"""How well a model predicts a text: loss, perplexity, bits per byte, and the surprisal of each token.

Perplexity is a protocol and not just a number, so every `Evaluation` states its context and stride.
The protocol is Hugging Face's ("Perplexity of fixed-length models"): a window of `n_ctx` tokens
moves over the text by `stride`, and in each window the tokens that no earlier one held are scored.
With a stride below the context every token but the text's first is scored exactly once and, after
the first window, with at least n_ctx - stride tokens before it. With the stride equal to the
context, the usual default, the windows don't overlap, and the first token of each has nothing
before it and is not scored.

Shapes: B batch, T time, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from llm.model import GPT
from llm.sampler import checked_ids, reading

BATCH_SIZE = 4
"""Windows at a time: with GPT-2's vocabulary and context their logits take 0.8 GB."""


@dataclass(frozen=True)
class Evaluation:
    """How well a model predicted a text, and what that was measured on."""

    loss: float
    """Mean cross-entropy of a scored token, in nats."""
    tokens: int
    """Tokens scored."""
    bytes: int | None
    """Bytes of text that the scored tokens stand for; None when that was not asked for."""
    n_ctx: int
    stride: int

    @property
    def perplexity(self) -> float:
        """e to the loss: as unsure as if this many tokens were equally likely. Depends on the tokenizer."""
        return math.exp(self.loss) if self.loss < 700 else math.inf  # exp overflows at 710

    @property
    def bits_per_byte(self) -> float | None:
        """Bits needed to write down a byte of the text; comparable between tokenizers."""
        return self.loss * self.tokens / math.log(2) / self.bytes if self.bytes else None


def evaluate(
    model: GPT,
    ids_T: Tensor,
    *,
    n_ctx: int | None = None,
    stride: int | None = None,
    bytes_per_id: Sequence[int] | None = None,
    batch_size: int = BATCH_SIZE,
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Score a text given as one row of ids (any integer type, memory-mapped or not).

    `n_ctx` is the model's if None, `stride` is `n_ctx` if None. `bytes_per_id` holds the length of
    each token's bytes and gives bits per byte. `on_progress` is called with windows done and in all.
    Raises ValueError when the text has fewer than two tokens or the windows don't suit the model.
    """
    n_ctx = model.config.n_ctx if n_ctx is None else n_ctx
    stride = n_ctx if stride is None else stride
    lengths_V = torch.tensor(bytes_per_id) if bytes_per_id is not None else None
    nats, tokens, n_bytes = 0.0, 0, 0
    for first, nats_T in _scored(model, ids_T, n_ctx, stride, batch_size, on_progress):
        nats += nats_T.double().sum().item()
        tokens += len(nats_T)
        if lengths_V is not None:
            n_bytes += int(lengths_V[ids_T[first : first + len(nats_T)].long()].sum())
    return Evaluation(nats / tokens, tokens, n_bytes if lengths_V is not None else None, n_ctx, stride)


def surprisal(model: GPT, ids: Sequence[int]) -> list[float | None]:
    """-ln p of each token given those before it, in nats; None for the first, which has none before it.

    A text longer than the context is read in windows that overlap by half, so that every token has
    at least half a context before it. Raises ValueError as `evaluate` does.
    """
    n_ctx = model.config.n_ctx
    values: list[float | None] = [None] * len(ids)
    for first, nats_T in _scored(model, torch.as_tensor(ids), n_ctx, max(1, n_ctx // 2), BATCH_SIZE, None):
        values[first : first + len(nats_T)] = nats_T.tolist()
    return values


def _scored(
    model: GPT,
    ids_T: Tensor,
    n_ctx: int,
    stride: int,
    batch_size: int,
    on_progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[int, Tensor]]:
    """For each window the position of its first scored token, and the nats of that and all after it."""
    n = len(ids_T)
    if n < 2:
        raise ValueError("There is nothing to score: the text needs at least two tokens.")
    if not 2 <= n_ctx <= model.config.n_ctx:
        raise ValueError(f"A context of {n_ctx} can't be scored; use one from 2 to the model's {model.config.n_ctx}.")
    if not 1 <= stride <= n_ctx:
        raise ValueError(f"A stride of {stride} skips tokens or stands still; use one from 1 to the context, {n_ctx}.")

    starts = range(0, max(0, n - n_ctx) + stride, stride)  # the last window is the first to reach the end
    scored_to = 0
    for batch in _batches(starts, n - n_ctx, batch_size):
        x_BT = torch.stack([ids_T[start : start + n_ctx] for start in batch]).long()
        checked_ids(x_BT.flatten().tolist(), model.config.vocab_size)
        x_BT = x_BT.to(model.device)
        with reading(model):
            logits_BTV = model(x_BT)[:, :-1].float()
            nats_BT = F.cross_entropy(logits_BTV.transpose(1, 2), x_BT[:, 1:], reduction="none").cpu()
        for start, nats_T in zip(batch, nats_BT, strict=True):
            first = max(scored_to, start + 1)
            scored_to = start + x_BT.size(1)
            yield first, nats_T[first - start - 1 :]
        if on_progress is not None:
            on_progress(starts.index(batch[-1]) + 1, len(starts))


def _batches(starts: range, last_full: int, batch_size: int) -> Iterator[Sequence[int]]:
    """Windows that can be read together: the last one may be shorter than the others and goes alone."""
    full = starts if starts[-1] <= last_full else starts[:-1]
    for i in range(0, len(full), batch_size):
        yield full[i : i + batch_size]
    if len(full) < len(starts):
        yield starts[-1:]

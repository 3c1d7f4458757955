"""The logit lens: what each layer would answer and, in figures, how sure it is, and how right.

Shapes: T time, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llm.inside.trace import Trace, trace
from llm.model import GPT
from llm.sampler import reading

CHUNK = 128
"""Positions at a time: the probabilities of GPT-2's vocabulary at 128 positions take 26 MB."""


@dataclass(frozen=True)
class LensRow:
    """One layer's answers at every position of a text."""

    top_T: Tensor
    """The likeliest next token, its id."""
    top_p_T: Tensor
    """How likely it is."""
    entropy_T: Tensor
    """How unsure the answer is, in nats: 0 to ln V."""
    true_p_T: Tensor
    """How likely the token is that comes next in the text. The last position has none: NaN."""
    true_rank_T: Tensor
    """How many tokens are at least as likely as that one; 1 is the best. 0 at the last position."""


def logit_lens(model: GPT, seen: Trace, rows: Iterable[int] | None = None) -> Iterator[Tensor]:
    """What the model would say if it stopped after each layer (nostalgebraist, 2020).

    Sends the residual stream before block 0, after block 0, ... through the last LayerNorm and the
    head: n_layer + 1 times logits_BTV, the last being the model's own; or only those of `rows`. One
    at a time, because with a large vocabulary all of them together would fill the memory. The trace
    needs `blocks.0.hook_resid_pre` and `blocks.*.hook_resid_post`, or what `lens_name` says of each row.
    """
    for row in range(model.config.n_layer + 1) if rows is None else rows:
        with reading(model):
            logits_BTV = model.unembed(seen[lens_name(row)])
        yield logits_BTV


def lens_name(row: int) -> str:
    """The stream that a row of the logit lens reads: 0 before block 0, then after each block."""
    return f"blocks.{row - 1}.hook_resid_post" if row else "blocks.0.hook_resid_pre"


def trace_streams(model: GPT, ids: Sequence[int] | Tensor, rows: Iterable[int]) -> Trace:
    """A forward pass that keeps what those rows of the lens read. Raises ValueError as `trace` does."""
    return trace(model, ids, [lens_name(row) for row in rows])


def lens_rows(model: GPT, seen: Trace, rows: Iterable[int]) -> Iterator[LensRow]:
    """Figures of the chosen rows (0: the embeddings, n_layer: the model's output) for a trace of one text."""
    for logits_BTV in logit_lens(model, seen, rows):
        yield measure(logits_BTV[0], seen.ids[0])


def measure(logits_TV: Tensor, ids_T: Tensor) -> LensRow:
    """Figures of the logits at each position of the text `ids_T`."""
    next_T = torch.cat([ids_T[1:], ids_T[:1]])  # the last one is a place holder, blanked below
    parts = [
        _measured(logits.float(), ids) for logits, ids in zip(logits_TV.split(CHUNK), next_T.split(CHUNK), strict=True)
    ]
    row = LensRow(*(torch.cat(values) for values in zip(*parts, strict=True)))
    row.true_p_T[-1], row.true_rank_T[-1] = torch.nan, 0
    return row


def _measured(logits_TV: Tensor, next_T: Tensor) -> tuple[Tensor, ...]:
    log_p_TV = logits_TV.log_softmax(dim=1)
    top_T = log_p_TV.argmax(dim=1)
    p_TV = log_p_TV.exp()
    true_T1 = logits_TV.gather(1, next_T[:, None])
    return (
        top_T,
        p_TV.gather(1, top_T[:, None])[:, 0],
        -(p_TV * log_p_TV).sum(dim=1),
        p_TV.gather(1, next_T[:, None])[:, 0],
        (logits_TV >= true_T1).sum(dim=1),
    )

"""The logit lens in figures: what each layer would answer, how sure it is, and how right.

Shapes: T time, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llm.inside.trace import Trace, lens_name, logit_lens, trace
from llm.model import GPT

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

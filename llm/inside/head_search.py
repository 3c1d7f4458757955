"""Which head looks there? Marks on pairs of tokens, and the head that spends most of its attention on them.

A mark says: this token (row) could look at that one (column). The marks of a kind of head are given
by the text alone: one to the left, the first token, what followed the same token before.

Shapes: T time, H heads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llm.inside.trace import trace
from llm.model import GPT


@dataclass(frozen=True)
class FoundHead:
    """The head that looks most at what is marked."""

    layer: int
    head: int
    share: float
    """How much of its attention the marks get, averaged over the rows that have one."""
    row: int
    column: int
    """The marked pair with the largest weight in this head."""


def search_heads(model: GPT, ids: Sequence[int], marked_TT: Tensor) -> FoundHead:
    """Look at every head over `ids`. Raises ValueError when nothing is marked."""
    if not marked_TT.any():
        raise ValueError("This text has no pair of tokens to look for; use a longer one.")
    seen = trace(model, ids, ["blocks.*.attn.hook_pattern"])
    marked_TT = marked_TT.to(model.device)
    rows_T = marked_TT.any(dim=1)
    best: FoundHead | None = None
    for layer in range(model.config.n_layer):
        looked_HTT = seen[f"blocks.{layer}.attn.hook_pattern"][0] * marked_TT
        share, head = looked_HTT.sum(dim=2)[:, rows_T].mean(dim=1).max(dim=0)
        if best is None or float(share) > best.share:
            row, column = divmod(int(looked_HTT[head].argmax()), len(ids))
            best = FoundHead(layer, int(head), float(share), row, column)
    assert best is not None
    return best


def mark_previous(ids: Sequence[int]) -> Tensor:
    """The token before; not in the first two rows, where that is the first one too."""
    return _from_third(torch.ones(len(ids), len(ids), dtype=torch.bool).tril(-1).triu(-1))


def mark_first(ids: Sequence[int]) -> Tensor:
    """The first token of all."""
    marked_TT = torch.zeros(len(ids), len(ids), dtype=torch.bool)
    marked_TT[:, 0] = True
    return _from_third(marked_TT)


def mark_after_same(ids: Sequence[int]) -> Tensor:
    """What followed the same token earlier: where an induction head looks (Olsson et al., 2022)."""
    ids_T = torch.as_tensor(ids)
    same_TT = (ids_T[:, None] == ids_T).tril(-1)
    return same_TT.roll(1, dims=1).tril(-1)  # the last column, which wraps to the first, holds no earlier token


def mark_pairs(length: int, pairs: Iterable[tuple[int, int]]) -> Tensor:
    """Pairs (row, column) of a text of `length` tokens; one that would look ahead is left out."""
    marked_TT = torch.zeros(length, length, dtype=torch.bool)
    for row, column in pairs:
        marked_TT[row, column] = column <= row
    return marked_TT


def _from_third(marked_TT: Tensor) -> Tensor:
    marked_TT[:2] = False
    return marked_TT

"""Patterns of all heads of a layer over long prompts, without ever holding them whole.

Twelve heads over 1,024 tokens are 50 MB of weights a layer. Worked out some rows at a time, each
piece stays in the cache and what lies in the future is never computed.

Shapes: H heads, T time (tokens looked at), R rows (tokens that look), D head size, P side of a picture.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_ROWS = 64
"""Rows worked out at a time: the fastest of 32 to 256 for 12 heads of 64."""


def pattern_rows(q_HTD: Tensor, k_HTD: Tensor, row_R: Tensor) -> Tensor:
    """softmax(q k / sqrt(D)) of the tokens `row_R`, in rising order, as far as the last of them sees.

    pattern_HRS, where S is that last row plus one; zero where a token would see the future.
    """
    first, S, D = int(row_R[0]), int(row_R[-1]) + 1, q_HTD.size(2)
    scores_HRS = (q_HTD[:, row_R] / math.sqrt(D)) @ k_HTD[:, :S].transpose(1, 2)
    future_RS = torch.arange(first, S, device=row_R.device) > row_R[:, None]  # before, all of them see everything
    scores_HRS[:, :, first:].masked_fill_(future_RS, -math.inf)
    return scores_HRS.softmax(dim=2)


def pooled_pattern(q_HTD: Tensor, k_HTD: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Each head's pattern shrunk to `side` cells, and each row's weight on the first token.

    picture_HPP, where P is the lesser of T and `side`, each cell the largest weight in it, so that
    thin diagonals survive, and first_HT. Cells are those of adaptive pooling: cell i spans tokens floor(i T / P) to
    ceil((i + 1) T / P), so neighbours may share one. Queries and keys are best contiguous.
    """
    H, T, _ = q_HTD.shape
    if side >= T:
        pattern_HTT = pattern_rows(q_HTD, k_HTD, torch.arange(T, device=q_HTD.device))
        return pattern_HTT, pattern_HTT[:, :, 0]
    P = side
    picture_HPP, first_HT = q_HTD.new_zeros(H, P, P), q_HTD.new_zeros(H, T)
    cells = max(1, _ROWS * P // T)  # rows of cells at a time
    for top in range(0, P, cells):
        bottom = min(P, top + cells)
        start, end = top * T // P, -(-bottom * T // P)
        pattern_HRS = pattern_rows(q_HTD, k_HTD, torch.arange(start, end, device=q_HTD.device))
        first_HT[:, start:end] = pattern_HRS[:, :, 0]
        across_HRP = _pooled_columns(F.pad(pattern_HRS, (0, T - end)), P)
        for i in range(top, bottom):
            rows = slice(i * T // P - start, -(-(i + 1) * T // P) - start)
            picture_HPP[:, i] = across_HRP[:, rows].amax(1)
    return picture_HPP, first_HT


def mean_pattern(q_HTD: Tensor, k_HTD: Tensor) -> Tensor:
    """The average of a layer's heads: mean_TT."""
    T = q_HTD.size(1)
    mean_TT = q_HTD.new_zeros(T, T)
    for start in range(0, T, _ROWS):
        end = min(T, start + _ROWS)
        rows = torch.arange(start, end, device=q_HTD.device)
        mean_TT[start:end, :end] = pattern_rows(q_HTD, k_HTD, rows).mean(0)
    return mean_TT


def _pooled_columns(pattern_HRT: Tensor, P: int) -> Tensor:
    T = pattern_HRT.size(2)
    if T % P == 0:  # the same, but six times as fast where all cells are equally wide
        return F.max_pool1d(pattern_HRT, T // P)
    return F.adaptive_max_pool1d(pattern_HRT, P)

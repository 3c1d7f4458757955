"""The Fourier spectrum of an embedding over numbers: which waves a model that adds modulo P has settled on.

A model that has understood a + b mod P turns each number into angles: its embedding is then made of a few waves over
0, 1, ..., P - 1, and adding numbers is adding angles (Nanda et al., "Progress Measures for Grokking via Mechanistic
Interpretability", 2023). One that has learnt by heart has a bit of every wave.

Shapes: P numbers, C width, F frequencies 1 to P // 2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from llm.tokenizers import Tokenizer


def number_ids(tokenizer: Tokenizer, modulus: int) -> list[int]:
    """The token of each number from 0 on, written as the task writes it. Raises ValueError where one takes several."""
    width = len(str(modulus - 1))
    cut = [tokenizer.encode(f"{number:0{width}}") for number in range(modulus)]
    if any(len(ids) != 1 for ids in cut) or len({ids[0] for ids in cut}) < modulus:
        raise ValueError(
            "This model's tokenizer has no token for each number; choose the byte pair tokenizer with "
            f"{256 + modulus:,} tokens or a few more."
        )
    return [ids[0] for ids in cut]


def spectrum(table_PC: Tensor) -> Tensor:
    """norms_F: how much of each wave there is in a table of vectors, in float64.

    Each is the norm, over the columns, of their parts along the sine and the cosine of that frequency, both of unit
    length. Constant columns have none; the squares sum to the table's own without its mean.
    Raises ValueError for a table of fewer than three numbers.
    """
    P = len(table_PC)
    if P < 3:
        raise ValueError(f"A table of {P} numbers has no waves; it needs at least 3.")
    turns_FP = torch.arange(1, P // 2 + 1, dtype=torch.float64)[:, None] * torch.arange(P, dtype=torch.float64) / P
    waves_2FP = torch.stack(((2 * math.pi * turns_FP).cos(), (2 * math.pi * turns_FP).sin())) * math.sqrt(2 / P)
    if P % 2 == 0:  # the last wave of an even number alternates, and has no sine
        waves_2FP[0, -1] /= math.sqrt(2)
        waves_2FP[1, -1] = 0.0
    norms_F: Tensor = torch.linalg.vector_norm(waves_2FP @ table_PC.double(), dim=(0, 2))
    return norms_F


def waves_needed(norms_F: Tensor, share: float = 0.9) -> int:
    """How few waves hold that share of the power: the sum of the squares."""
    power_F = norms_F.double().square().sort(descending=True).values
    return int((power_F.cumsum(0) < share * power_F.sum()).sum()) + 1

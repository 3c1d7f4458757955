"""Where vectors lie: how alike they are, their principal components, what LayerNorm makes of one.

For the learned tables of a GPT-2, `model.wte.weight` (a vector for each token) and
`model.wpe.weight` (one for each position), and for whatever flows through it.

Shapes: N vectors, C their length, K components, T positions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_BLOCK = 8_192
"""Vectors centred at once: a copy of GPT-2's 50,257 would take 150 MB."""


@dataclass(frozen=True)
class Projection:
    """Vectors seen along the directions in which they differ most (Pearson, 1901; Hotelling, 1933)."""

    coordinates_NK: Tensor
    shares_K: Tensor
    """Share of the whole variance along each direction, falling."""


def principal_components(vectors_NC: Tensor, count: int) -> Projection:
    """The first `count` principal components, exactly: from the eigenvectors of the covariance.

    A direction has no sign of its own; here each one's largest entry is positive, so the same
    vectors always give the same picture. Fewer than `count` come back when C is smaller.
    """
    vectors_NC = vectors_NC.detach()
    N, C = vectors_NC.shape
    mean_C = vectors_NC.mean(dim=0)
    covariance_CC = torch.zeros(C, C, dtype=torch.float64, device=vectors_NC.device)
    for block_NC in vectors_NC.split(_BLOCK):
        centred_NC = block_NC - mean_C  # products in the vectors' own precision: four times as fast as float64
        covariance_CC += centred_NC.T @ centred_NC
    values_C, directions_CC = torch.linalg.eigh(covariance_CC / N)  # ascending
    values_K, axes_CK = values_C.flip(0)[:count].clamp(min=0.0), directions_CC.flip(1)[:, :count]
    axes_CK = axes_CK * axes_CK.gather(0, axes_CK.abs().argmax(dim=0, keepdim=True)).sign()
    axes_CK = axes_CK.to(vectors_NC.dtype)
    coordinates = [(block_NC - mean_C) @ axes_CK for block_NC in vectors_NC.split(_BLOCK)]
    variance = values_C.clamp(min=0.0).sum()
    shares_K = values_K / variance if variance > 0 else torch.zeros_like(values_K)
    return Projection(torch.cat(coordinates), shares_K.float())


def cosine_similarities(vectors_NC: Tensor) -> Tensor:
    """The cosine of the angle between each two: N N, 1 on the diagonal. A zero vector is like nothing: 0."""
    unit_NC = F.normalize(vectors_NC.detach().float(), dim=1)
    return (unit_NC @ unit_NC.T).clamp(-1.0, 1.0)


def nearest(vectors_NC: Tensor, index: int, count: int) -> tuple[Tensor, Tensor]:
    """The `count` other vectors with the largest cosine to the one at `index`: their indices and cosines, falling."""
    vectors_NC = vectors_NC.detach()
    unit_C = F.normalize(vectors_NC[index], dim=0)
    cosine_N = (vectors_NC @ unit_C) / vectors_NC.norm(dim=1).clamp(min=1e-12)
    cosine_N[index] = -2.0  # below any cosine
    best = cosine_N.topk(min(count, len(cosine_N) - 1))
    return best.indices, best.values.clamp(-1.0, 1.0)


def sinusoidal_positions(length: int, width: int) -> Tensor:
    """The fixed position code that GPT-2's learned one replaces (Vaswani et al., 2017, section 3.5): T C.

    Sines at even entries and cosines at odd ones, their wavelengths from 2 pi to 10,000 times that.
    """
    position_T1 = torch.arange(length, dtype=torch.float64)[:, None]
    even = torch.arange(0, width, 2, dtype=torch.float64)
    angle = position_T1 / 10_000.0 ** (even / width)
    code_TC = torch.zeros(length, width, dtype=torch.float64)
    code_TC[:, 0::2] = angle.sin()
    code_TC[:, 1::2] = angle.cos()[:, : width // 2]  # an odd width ends on a sine
    return code_TC.float()


@dataclass(frozen=True)
class Normed:
    """One vector in a LayerNorm (Ba et al., 2016): after_C = (before_C - mean) / std * gain_C + bias_C."""

    before_C: Tensor
    mean: float
    std: float
    """Standard deviation over the vector's entries, the norm's epsilon in it."""
    gain_C: Tensor
    bias_C: Tensor
    """Zeros in a model without biases."""
    after_C: Tensor


def layer_norm_steps(norm: nn.LayerNorm, x_C: Tensor) -> Normed:
    """What `norm` does to one vector, number by number."""
    x_C, gain_C = x_C.detach(), norm.weight.detach()
    bias_C = norm.bias.detach() if norm.bias is not None else torch.zeros_like(gain_C)
    with torch.no_grad():
        after_C = norm(x_C)
    mean, variance = x_C.double().mean(), x_C.double().var(unbiased=False)
    return Normed(x_C, float(mean), float((variance + norm.eps).sqrt()), gain_C, bias_C, after_C)

"""One token through a GPT-2 with 8-bit weights, as the plain loops that it is, compiled by numba.

A weight is a whole number from -127 to 127 times the scale of its row; the numbers that meet it are rounded
to 11 bits, with one scale a product (dynamic quantisation; Dettmers et al., 2022, LLM.int8()). So a product is
made of small whole numbers, whose sums are exact, and reads a quarter of the bytes.

Shapes: C embedding width, H heads, D head size, S tokens seen, L layers, K inputs and N outputs of a product.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from llm.paths import compiled_from

# Before numba is imported: what it compiled lies with the other caches, for the next start.
os.environ.setdefault("NUMBA_CACHE_DIR", str(compiled_from(Path(__file__).parent.glob("int8_*.py"))))

import numba
from llvmlite import binding

from llm.int8_sums import BLOCK, sum_of_products

if binding.get_host_cpu_features().get("avx512bw"):  # LLVM would use but half of each register
    features = binding.get_host_cpu_features().flatten() + ",-prefer-256-bit"
    numba.config.CPU_FEATURES = features  # type: ignore[attr-defined]

LEVELS = 1023
"""The largest rounded activation. 127 * LEVELS * K must fit 31 bits."""
MAX_INPUTS = (2**31 - 1) // (127 * LEVELS)
"""The largest K."""
LN_2 = np.float32(0.693359375), np.float32(math.log(2) - 0.693359375)
"""The logarithm of 2 in two parts, the first of few digits, so that whole times of it are exact."""
GELU_NEW, GELU, RELU = range(3)

_jit = numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"})
_spread = numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"}, parallel=True)
"""On as many threads as `numba.set_num_threads` says."""


class Matrix(NamedTuple):
    """The same matrix of every layer."""

    weight_LNK: np.ndarray
    """int8."""
    scale_LN: np.ndarray
    bias_LN: np.ndarray


class Norm(NamedTuple):
    """The same LayerNorm of every layer."""

    weight_LC: np.ndarray
    bias_LC: np.ndarray


class Weights(NamedTuple):
    """A whole GPT-2; a tied head is a matrix of its own here."""

    ln_1: Norm
    qkv: Matrix
    attn_proj: Matrix
    ln_2: Norm
    fc: Matrix
    mlp_proj: Matrix
    ln_f: Norm
    head: Matrix
    common_C: np.ndarray
    """What all rows of the head have in common, and its rounded rows leave out."""


class Buffers(NamedTuple):
    """Room for one token's numbers: all layers use the same."""

    normed_C: np.ndarray
    qkv_N: np.ndarray
    z_C: np.ndarray
    scores_HS: np.ndarray
    hidden_N: np.ndarray
    written_C: np.ndarray
    rounded_K: np.ndarray
    """int16."""


@_jit
def rounded(x_K: np.ndarray, whole_K: np.ndarray) -> np.float32:
    """Round x_K to whole numbers; returns what one of them is worth."""
    largest = np.float32(0.0)
    for k in range(x_K.size):
        largest = max(largest, abs(x_K[k]))
    if largest == 0:
        largest = np.float32(1.0)
    up = np.float32(LEVELS) / largest
    for k in range(x_K.size):
        whole_K[k] = np.int16(np.rint(x_K[k] * up))
    return largest / np.float32(LEVELS)


@_jit
def dot(weight_K: np.ndarray, whole_K: np.ndarray) -> np.int32:
    """The sum of the products of whole numbers: exact, so in any order. Most in blocks, the rest one by one."""
    K = weight_K.size
    blocks = K // BLOCK
    total: np.int32 = sum_of_products(weight_K, whole_K, blocks)  # type: ignore[call-arg]  # numba gives the context
    for k in range(blocks * BLOCK, K):
        total = np.int32(total + np.int32(np.int32(weight_K[k]) * np.int32(whole_K[k])))
    return total


@_spread
def product(matrix: Matrix, layer: int, x_K: np.ndarray, whole_K: np.ndarray, y_N: np.ndarray) -> None:
    """y = W x + b. Rows from four places in turn: memory hands out four streams faster than one."""
    unit = rounded(x_K, whole_K)
    weight_NK, scale_N, bias_N = matrix.weight_LNK[layer], matrix.scale_LN[layer], matrix.bias_LN[layer]
    M = len(weight_NK) // 4
    for m in numba.prange(M):
        for n in range(m, 4 * M, M):
            y_N[n] = np.float32(dot(weight_NK[n], whole_K)) * (scale_N[n] * unit) + bias_N[n]
    for n in range(4 * M, len(weight_NK)):
        y_N[n] = np.float32(dot(weight_NK[n], whole_K)) * (scale_N[n] * unit) + bias_N[n]


@_jit
def exp(x: np.float32) -> np.float32:
    """e to the power of x, to 4e-7 of it: 2 to a whole power, times a polynomial. C's own takes ten times as long,
    since it is called for one number after the other (Cody & Waite, 1980)."""
    x = min(max(x, np.float32(-87.0)), np.float32(88.0))
    whole = np.rint(x * np.float32(1 / math.log(2)))
    rest = x - whole * LN_2[0] - whole * LN_2[1]
    power = np.float32(1 / 720)
    for factor in (1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        power = power * rest + np.float32(factor)
    two: np.float32 = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
    return power * two


@_jit
def layer_norm(norm: Norm, layer: int, epsilon: float, x_C: np.ndarray, y_C: np.ndarray) -> None:
    """Mean 0 and variance 1, then a weight and a bias of each number's own."""
    C = x_C.size
    mean = np.float32(0.0)
    for c in range(C):
        mean += x_C[c]
    mean /= np.float32(C)
    variance = np.float32(0.0)
    for c in range(C):
        variance += (x_C[c] - mean) * (x_C[c] - mean)
    scale = np.float32(1.0 / math.sqrt(variance / np.float32(C) + epsilon))
    for c in range(C):
        y_C[c] = (x_C[c] - mean) * scale * norm.weight_LC[layer, c] + norm.bias_LC[layer, c]


@_jit
def attend(
    q_HD: np.ndarray, k_HSD: np.ndarray, v_HSD: np.ndarray, S: int, scale: np.float32, p_HS: np.ndarray,
    z_HD: np.ndarray,
) -> None:  # fmt: skip
    """softmax(q kᵀ * scale) v of each head, over the S tokens seen."""
    H, D = q_HD.shape
    for h in range(H):
        largest = np.float32(-np.inf)
        for s in range(S):
            score = np.float32(0.0)
            for d in range(D):
                score += q_HD[h, d] * k_HSD[h, s, d]
            p_HS[h, s] = score * scale
            largest = max(largest, p_HS[h, s])
        total = np.float32(0.0)
        for s in range(S):
            p_HS[h, s] = exp(p_HS[h, s] - largest)
            total += p_HS[h, s]
        z_HD[h] = 0
        for s in range(S):
            share = p_HS[h, s] / total
            for d in range(D):
                z_HD[h, d] += share * v_HSD[h, s, d]


@_jit
def activate(x_N: np.ndarray, kind: int) -> None:
    """GELU as GPT-2 has it (Hendrycks & Gimpel, 2016), or exact, or ReLU; in place."""
    for n in range(x_N.size):
        x = x_N[n]
        if kind == GELU_NEW:
            inner = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x * x * x)
            x_N[n] = x / (np.float32(1.0) + exp(np.float32(-2.0) * inner))  # x (1 + tanh inner) / 2
        elif kind == GELU:
            x_N[n] = np.float32(0.5) * x * (np.float32(1.0) + np.float32(math.erf(x * np.float32(math.sqrt(0.5)))))
        else:
            x_N[n] = max(x, np.float32(0.0))


@_jit
def read_token(
    w: Weights, b: Buffers, x_C: np.ndarray, kv_L2HSD: np.ndarray, seen: int,
    kind: int, scale: np.float32, epsilon: float, logits_V: np.ndarray,
) -> None:  # fmt: skip
    """Read the token whose embedding is x_C, after `seen` others whose keys and values are in the cache."""
    L, _, H, _, D = kv_L2HSD.shape
    C = x_C.size
    for layer in range(L):
        layer_norm(w.ln_1, layer, epsilon, x_C, b.normed_C)
        product(w.qkv, layer, b.normed_C, b.rounded_K[:C], b.qkv_N)
        q_HD, k_HD, v_HD = b.qkv_N[:C].reshape(H, D), b.qkv_N[C : 2 * C].reshape(H, D), b.qkv_N[2 * C :].reshape(H, D)
        kv_L2HSD[layer, 0, :, seen], kv_L2HSD[layer, 1, :, seen] = k_HD, v_HD
        z_HD = b.z_C.reshape(H, D)
        attend(q_HD, kv_L2HSD[layer, 0], kv_L2HSD[layer, 1], seen + 1, scale, b.scores_HS, z_HD)
        product(w.attn_proj, layer, b.z_C, b.rounded_K[:C], b.written_C)
        x_C += b.written_C
        layer_norm(w.ln_2, layer, epsilon, x_C, b.normed_C)
        product(w.fc, layer, b.normed_C, b.rounded_K[:C], b.hidden_N)
        activate(b.hidden_N, kind)
        product(w.mlp_proj, layer, b.hidden_N, b.rounded_K[: b.hidden_N.size], b.written_C)
        x_C += b.written_C
    layer_norm(w.ln_f, 0, epsilon, x_C, b.normed_C)
    product(w.head, 0, b.normed_C, b.rounded_K[:C], logits_V)
    common = np.float32(0.0)
    for c in range(C):
        common += b.normed_C[c] * w.common_C[c]
    logits_V += common

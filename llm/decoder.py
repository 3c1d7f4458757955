"""Reading one token at a time, as fast as memory hands out the weights.

A new token needs every weight once and does two operations with each, so its time goes into
reading them, and into whatever stands around that. Here little does: each product writes into a
buffer that was there from the start, keys and values go into a cache of fixed size, and the
weights are read as they lie in the model or, on request, from a copy that is laid out better or
has half the bytes. `prefill` reads a text in one pass, `step` one token of each row of a batch:

    decoder = Decoder(model)
    decoder.prefill(ids[:-1])
    logits_V = decoder.step(ids[-1:])[0]

Shapes: B batch (texts read side by side), T time (tokens now), S time (all tokens seen),
V vocabulary, C embedding width, H heads, D head size, K inputs and N outputs of a product.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llm.model import GPT, Block, KVCache


class Decoder:
    """A GPT that reads token by token, with its cache. Its logits are the model's, to rounding.

    Without a `dtype` it reads the model's weights where they lie. With the model's own it makes a
    copy in the order [in, out], which BLAS reads a little faster. With torch.bfloat16 the copy is
    rounded and has half the bytes to read; the residual stream, attention and the cache keep the
    model's precision. A copy knows nothing of training that comes later.

    The rows of a batch may be texts of any lengths: each has its own part of the cache and its own
    positions, so nothing is padded. The model must be in evaluation mode (`llm.sampler.reading`).
    Its `forward` is not called, so hooks on it are not either, and its weights must be whole.
    """

    def __init__(self, model: GPT, *, batch_size: int = 1, dtype: torch.dtype | None = None) -> None:
        self.model = model
        exact = model.wte.weight.dtype
        head = model.wte if model.config.tie_word_embeddings else model.lm_head
        self._cache = KVCache(model.config, batch_size, model.device, exact)
        self.rows = [_row_of(self._cache, row) for row in range(batch_size)]
        """Each text's part of the cache: its `length`, and `truncate(0)` to begin another."""
        self._layers = [_Layer(block, batch_size, dtype) for block in cast(Iterable[Block], model.h)]
        # The logits of a trained GPT-2 share an offset of some tens, which a short mantissa would
        # spend its digits on. So a rounded head leaves out what its rows have in common: m_C.
        weight_VC = head.weight.detach()
        self._m_C = None if dtype in (None, exact) else weight_VC.mean(dim=0)
        self._head = _Product(weight_VC if self._m_C is None else weight_VC - self._m_C, None, batch_size, dtype)
        self._ln_f = _normaliser(model.ln_f)
        self._x_BC = weight_VC.new_empty(batch_size, model.config.n_embd)
        self._slots_S = torch.arange(model.config.n_ctx, device=model.device)

    @torch.no_grad()
    def prefill(self, ids: Sequence[int], row: int = 0) -> None:
        """Read `ids`, which may be none, in one pass, as the continuation of one row's text.

        Raises ValueError when they don't fit the context.
        """
        if ids:
            cache = self.rows[row]
            x_BTC = self.model.embed(torch.tensor([ids], device=self.model.device), cache.length)
            for layer, block in enumerate(self.model.h):
                x_BTC = block(x_BTC, layer, cache)
            cache.length += len(ids)

    @torch.no_grad()
    def step(self, ids: Sequence[int]) -> Tensor:
        """Read one more token in every row: logits_BV of the one after it. The next step overwrites them.

        Raises ValueError when a row is full; prefill it with the end of its text.
        """
        for x_C, id, row in zip(self._x_BC, ids, self.rows, strict=True):
            self._room_in(row)
            torch.add(self.model.wte.weight[id], self.model.wpe.weight[row.length], out=x_C)
        mask_B11S = self._mask()
        x_BC = self._x_BC
        for layer, part in enumerate(self._layers):
            z_BC = self._attend(layer, part.qkv(part.ln_1(x_BC)), mask_B11S)
            x_BC += part.attn_proj(z_BC)
            x_BC += part.mlp_proj(part.gelu(part.fc(part.ln_2(x_BC))))
        for row in self.rows:
            row.length += 1
        x_BC = self._ln_f(x_BC)
        logits_BV = self._head(x_BC)
        if self._m_C is not None:
            logits_BV += (x_BC @ self._m_C)[:, None]
        return logits_BV

    def _room_in(self, row: KVCache) -> None:
        if row.length == self.model.config.n_ctx:
            raise ValueError(f"The context of {row.length} tokens is full; truncate it and read the text's end again.")

    def _attend(self, layer: int, qkv_BN: Tensor, mask_B11S: Tensor | None) -> Tensor:
        H, D = self.model.config.n_head, self.model.config.head_size
        q_BH1D, k_BH1D, v_BH1D = qkv_BN.view(-1, 3, H, 1, D).unbind(dim=1)
        for n, row in enumerate(self.rows):
            k_BHSD, v_BHSD = row.append(layer, k_BH1D[n : n + 1], v_BH1D[n : n + 1])
        if mask_B11S is not None:
            S = mask_B11S.size(3)
            k_BHSD, v_BHSD = self._cache.keys_LBHSD[layer, :, :, :S], self._cache.values_LBHSD[layer, :, :, :S]
        return F.scaled_dot_product_attention(q_BH1D, k_BHSD, v_BHSD, attn_mask=mask_B11S).flatten(1)

    def _mask(self) -> Tensor | None:
        """Which slots of the cache each row may look at, the new token's included; None for all that are filled."""
        if len(self.rows) == 1:
            return None
        lengths = [row.length for row in self.rows]
        seen_BS = self._slots_S[: max(lengths) + 1] <= torch.tensor(lengths, device=self.model.device)[:, None]
        return seen_BS[:, None, None, :]


class _Layer:
    """A block's parts, its four matrices as products."""

    def __init__(self, block: Block, batch_size: int, dtype: torch.dtype | None) -> None:
        def product(linear: nn.Linear) -> _Product:
            return _Product(linear.weight, linear.bias, batch_size, dtype)

        self.ln_1, self.ln_2 = _normaliser(block.ln_1), _normaliser(block.ln_2)
        self.gelu = partial(F.gelu, approximate=block.mlp.gelu.approximate)
        self.qkv, self.attn_proj = product(block.attn.c_attn), product(block.attn.c_proj)
        self.fc, self.mlp_proj = product(block.mlp.c_fc), product(block.mlp.c_proj)


def _normaliser(norm: nn.LayerNorm) -> Callable[[Tensor], Tensor]:
    """What the module computes, without the time that calling a module takes: a tenth of a small model's token."""
    return lambda x_BC: F.layer_norm(x_BC, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


class _Product:
    """x_BK -> x_BK W^T + b, in a buffer of its own. A `dtype` copies W, as `Decoder` says."""

    def __init__(self, weight_NK: Tensor, bias_N: Tensor | None, batch_size: int, dtype: torch.dtype | None) -> None:
        N, K = weight_NK.shape
        self._bias_N = bias_N.detach() if bias_N is not None else None
        self._y_BN = weight_NK.new_empty(batch_size, N)
        self._rounds = dtype not in (None, weight_NK.dtype)
        # A view: in memory the weights of one output still lie side by side.
        self._weight_KN = weight_NK.detach().to(dtype or weight_NK.dtype).t()
        if self._rounds:
            self._low_x_BK = self._weight_KN.new_empty(batch_size, K)
            self._low_y_BN = self._weight_KN.new_empty(batch_size, N)
        elif dtype is not None:
            self._weight_KN = self._weight_KN.contiguous()

    def __call__(self, x_BK: Tensor) -> Tensor:
        if self._rounds:
            return self._rounded(x_BK)
        if self._bias_N is None:
            return torch.mm(x_BK, self._weight_KN, out=self._y_BN)
        return torch.addmm(self._bias_N, x_BK, self._weight_KN, out=self._y_BN)

    def _rounded(self, x_BK: Tensor) -> Tensor:
        self._low_x_BK.copy_(x_BK)
        if len(x_BK) == 1:  # a matrix-vector product has a kernel of its own on every CPU, which sums in float32
            torch.mv(self._weight_KN.t(), self._low_x_BK[0], out=self._low_y_BN[0])
        else:
            torch.mm(self._low_x_BK, self._weight_KN, out=self._low_y_BN)
        if self._bias_N is None:
            return self._y_BN.copy_(self._low_y_BN)
        return torch.add(self._low_y_BN, self._bias_N, out=self._y_BN)


def _row_of(cache: KVCache, row: int) -> KVCache:
    """One text's part of a cache, with a length of its own: a view, not a copy."""
    view = copy.copy(cache)
    view.keys_LBHSD = cache.keys_LBHSD[:, row : row + 1]
    view.values_LBHSD = cache.values_LBHSD[:, row : row + 1]
    return view

"""Reading one token at a time, as fast as memory hands out the weights.

A new token needs every weight once and does two operations with each, so its time goes into
reading them, and into whatever stands around that. Here little does: each product writes into a
buffer that was there from the start, keys and values go into a cache of fixed size, and the
weights are read as they lie in the model. `prefill` reads a text in one pass, `step` one token of each row of a batch:

    decoder = Decoder(model)
    decoder.prefill(ids[:-1])
    logits_V = decoder.step(ids[-1:])[0]

Shapes: B batch (texts read side by side), T time (tokens now), S time (all tokens seen),
V vocabulary, C embedding width, H heads, D head size, K inputs and N outputs of a product.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llm.deadline import seconds_left
from llm.model import GPT, MLP, Block, KVCache, causal_mask

FEW = (8, 48)
"""Rows of which BLAS makes W xᵀ sooner than x Wᵀ, which it then makes of blocks that are mostly empty: 15 tokens take
25 ms through GPT-2 small's matrices instead of 42."""


class Decoder:
    """A GPT that reads token by token, with its cache. Its logits are the model's, to rounding.

    The rows of a batch may be texts of any lengths: each has its own part of the cache and its own
    positions, so nothing is padded. The model must be in evaluation mode (`llm.sampler.reading`).
    Its `forward` is not called, so hooks on it are not either, and its weights must be whole.
    """

    def __init__(self, model: GPT, *, batch_size: int = 1) -> None:
        self.model = model
        head = model.wte if model.config.tie_word_embeddings else model.lm_head
        self._cache = KVCache(model.config, batch_size, model.device, model.wte.weight.dtype)
        self.rows = [_row_of(self._cache, row) for row in range(batch_size)]
        """Each text's part of the cache: its `length`, and `truncate(0)` to begin another."""
        self._layers = [_Layer(block, batch_size) for block in cast(Iterable[Block], model.h)]
        self._head = _Product(head.weight, None, batch_size)
        self._ln_f = _normaliser(model.ln_f)
        self._residual = "residual" not in model.config.without
        self._x_BC = head.weight.new_empty(batch_size, model.config.n_embd)
        self._slots_S = torch.arange(model.config.n_ctx, device=model.device)

    @torch.no_grad()
    def prefill(self, ids: Sequence[int], row: int = 0) -> None:
        """Read `ids`, which may be none, in one pass, as the continuation of one row's text.

        Raises ValueError when they don't fit the context, TooLong when whoever asked has no time left.
        """
        if not ids:
            return
        cache, T = self.rows[row], len(ids)
        x_TC = self.model.embed(torch.tensor([ids], device=self.model.device), cache.length)[0]
        S = cache.length + T
        mask_TS = None if T == S else causal_mask(T, S, x_TC.device)
        for layer, part in enumerate(self._layers):
            seconds_left()
            z_TC = self._attend_text(layer, part.qkv.of_text(part.ln_1(x_TC)), cache, mask_TS)
            x_TC = self._add(x_TC, part.attn_proj.of_text(z_TC))
            if part.mlp is not None:
                hidden_TN = part.mlp.activation(part.mlp.fc.of_text(part.ln_2(x_TC)))
                x_TC = self._add(x_TC, part.mlp.proj.of_text(hidden_TN))
        cache.length = S

    def repeat(self, row: int, other: int) -> None:
        """Let another row have read what this one has, at the price of a copy."""
        read = self.rows[row].length
        self._cache.keys_LBHSD[:, other, :, :read] = self._cache.keys_LBHSD[:, row, :, :read]
        self._cache.values_LBHSD[:, other, :, :read] = self._cache.values_LBHSD[:, row, :, :read]
        self.rows[other].length = read

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
            x_BC = self._add(x_BC, part.attn_proj(z_BC))
            if part.mlp is not None:
                x_BC = self._add(x_BC, part.mlp.proj(part.mlp.activation(part.mlp.fc(part.ln_2(x_BC)))))
        for row in self.rows:
            row.length += 1
        return self._head(self._ln_f(x_BC))

    def _add(self, x_BC: Tensor, written_BC: Tensor) -> Tensor:
        """The stream after a part has written to it."""
        return x_BC.add_(written_BC) if self._residual else written_BC

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

    def _attend_text(self, layer: int, qkv_TN: Tensor, cache: KVCache, mask_TS: Tensor | None) -> Tensor:
        H, D = self.model.config.n_head, self.model.config.head_size
        q_BHTD, k_BHTD, v_BHTD = qkv_TN.view(1, -1, 3, H, D).permute(2, 0, 3, 1, 4)
        k_BHSD, v_BHSD = cache.append(layer, k_BHTD, v_BHTD)
        z_BHTD = F.scaled_dot_product_attention(q_BHTD, k_BHSD, v_BHSD, attn_mask=mask_TS, is_causal=mask_TS is None)
        return z_BHTD[0].transpose(0, 1).flatten(1)

    def _mask(self) -> Tensor | None:
        """Which slots of the cache each row may look at, the new token's included; None for all that are filled."""
        if len(self.rows) == 1:
            return None
        lengths = [row.length for row in self.rows]
        seen_BS = self._slots_S[: max(lengths) + 1] <= torch.tensor(lengths, device=self.model.device)[:, None]
        return seen_BS[:, None, None, :]


class _Layer:
    """A block's parts, its four matrices as products."""

    def __init__(self, block: Block, batch_size: int) -> None:
        def product(linear: nn.Linear) -> _Product:
            return _Product(linear.weight, linear.bias, batch_size)

        self.ln_1, self.ln_2 = _normaliser(block.ln_1), _normaliser(block.ln_2)
        self.qkv, self.attn_proj = product(block.attn.c_attn), product(block.attn.c_proj)
        self.mlp = None
        if isinstance(block.mlp, MLP):
            self.mlp = _MLP(product(block.mlp.c_fc), block.mlp.activation, product(block.mlp.c_proj))


class _MLP(NamedTuple):
    """Its parts."""

    fc: _Product
    activation: Callable[[Tensor], Tensor]
    proj: _Product


def _normaliser(norm: nn.Module) -> Callable[[Tensor], Tensor]:
    """What the module computes, without the time that calling a module takes: a tenth of a small model's token."""
    if not isinstance(norm, nn.LayerNorm):
        return norm
    return lambda x_BC: F.layer_norm(x_BC, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


class _Product:
    """x_BK -> x_BK W^T + b, in a buffer of its own.

    W is seen as G blocks of M rows, N = G M, and all of them are multiplied by one batched product: BLAS takes
    a single row of numbers through one large matrix at half the speed on some processors, and two to sixteen
    rows through it more slowly than one after another (llm/NOTES.md).
    """

    def __init__(self, weight_NK: Tensor, bias_N: Tensor | None, batch_size: int) -> None:
        N, K = weight_NK.shape
        self._weight_NK, self._bias_N = weight_NK.detach(), bias_N.detach() if bias_N is not None else None
        self._blocks = G = _blocks(N)
        self._weight_GKM = weight_NK.detach().view(G, N // G, K).transpose(1, 2)
        self._bias_G1M = bias_N.detach().view(G, 1, N // G) if bias_N is not None else None
        self._y_GBM = weight_NK.new_empty(G, batch_size, N // G)
        self._y_BN = self._y_GBM.view(1, N) if batch_size == 1 else weight_NK.new_empty(batch_size, N)

    def __call__(self, x_BK: Tensor) -> Tensor:
        x_GBK = x_BK.expand(self._blocks, -1, -1)
        if self._bias_G1M is None:
            torch.bmm(x_GBK, self._weight_GKM, out=self._y_GBM)
        else:
            torch.baddbmm(self._bias_G1M, x_GBK, self._weight_GKM, out=self._y_GBM)
        if len(x_BK) > 1:
            self._y_BN.view(len(x_BK), self._blocks, -1).copy_(self._y_GBM.transpose(0, 1))
        return self._y_BN

    def of_text(self, x_TK: Tensor) -> Tensor:
        """The same for the tokens of a text, in a buffer that is new."""
        if not FEW[0] <= len(x_TK) <= FEW[1]:
            return F.linear(x_TK, self._weight_NK, self._bias_N)
        y_NT = self._weight_NK @ x_TK.t()
        return y_NT.t() if self._bias_N is None else y_NT.t() + self._bias_N


def _blocks(n: int) -> int:
    """The divisor of n that is next to 8, at most 32."""
    return min((g for g in range(1, 33) if n % g == 0), key=lambda g: abs(math.log(g / 8)))


def _row_of(cache: KVCache, row: int) -> KVCache:
    """One text's part of a cache, with a length of its own: a view, not a copy."""
    view = copy.copy(cache)
    view.keys_LBHSD = cache.keys_LBHSD[:, row : row + 1]
    view.values_LBHSD = cache.values_LBHSD[:, row : row + 1]
    return view

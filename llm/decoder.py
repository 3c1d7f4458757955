"""Reading one token at a time, as fast as memory hands out the weights.

A new token needs every weight once and does two operations with each, so its time goes into
reading them, and into whatever stands around that. Here little does: each part of a step reads from a
buffer and writes into one, which were there from the start, keys and values go into a cache of fixed
size, and the weights are read as they lie in the model. `prefill` reads a text in one pass, `step` one
token of each row of a batch:

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
from typing import cast

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
        self._x_BC = head.weight.new_empty(batch_size, model.config.n_embd)
        self._layers = [_Layer(block, self._x_BC, model.config.n_head) for block in cast(Iterable[Block], model.h)]
        self._head = _Product(head.weight, None, batch_size)
        self._ln_f = _Norm(model.ln_f, self._x_BC, self._head.x_BK)
        self._residual = "residual" not in model.config.without
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
            z_TC = self._attend_text(layer, part.qkv.of_text(part.ln_1.of_text(x_TC)), cache, mask_TS)
            x_TC = self._add(x_TC, part.attn_proj.of_text(z_TC))
            if part.mlp is not None:
                hidden_TN = part.mlp.activation(part.mlp.fc.of_text(part.mlp.ln_2.of_text(x_TC)))
                x_TC = self._add(x_TC, part.mlp.proj.of_text(hidden_TN))
        cache.length = S

    def repeat(self, row: int, other: int) -> None:
        """Let another row have read what this one has, at the price of a copy."""
        read = self.rows[row].length
        self._cache.kv_L2BHSD[:, :, other, :, :read] = self._cache.kv_L2BHSD[:, :, row, :, :read]
        self.rows[other].length = read

    @torch.inference_mode()  # a twentieth faster than without gradients alone
    def step(self, ids: Sequence[int]) -> Tensor:
        """Read one more token in every row: logits_BV of the one after it. The next step overwrites them.

        Raises ValueError when a row is full; prefill it with the end of its text.
        """
        for x_C, id, row in zip(self._x_BC, ids, self.rows, strict=True):
            self._room_in(row)
            torch.add(self.model.wte.weight[id], self.model.wpe.weight[row.length], out=x_C)
        lengths = [row.length for row in self.rows]
        # Views of the cache for all layers at once: made one by one they take as long as the sums around them.
        slots = [row.kv_L2BHSD[:, :, 0].select(3, row.length).unbind() for row in self.rows]
        seen = self._cache.kv_L2BHSD.narrow(4, 0, max(lengths) + 1).flatten(0, 1).unbind()
        mask_B11S = self._mask(lengths)
        for layer, part in enumerate(self._layers):
            part.ln_1()
            part.qkv()
            part.put_down([slot_L2HD[layer] for slot_L2HD in slots])
            self._attend(layer, seen[2 * layer], seen[2 * layer + 1], mask_B11S)
            self._write(part.attn_proj())
            if part.mlp is not None:
                self._write(part.mlp())
        for row in self.rows:
            row.length += 1
        self._ln_f()
        return self._head()

    def _attend(self, layer: int, k_BHSD: Tensor, v_BHSD: Tensor, mask_B11S: Tensor | None) -> None:
        self._layers[layer].attend(k_BHSD, v_BHSD, mask_B11S)

    def _write(self, written_BC: Tensor) -> None:
        """What a part has to say, into the stream."""
        if self._residual:
            self._x_BC.add_(written_BC)
        else:
            self._x_BC.copy_(written_BC)

    def _add(self, x_TC: Tensor, written_TC: Tensor) -> Tensor:
        """The same for the stream of a text."""
        return x_TC.add_(written_TC) if self._residual else written_TC

    def _room_in(self, row: KVCache) -> None:
        if row.length == self.model.config.n_ctx:
            raise ValueError(f"The context of {row.length} tokens is full; truncate it and read the text's end again.")

    def _attend_text(self, layer: int, qkv_TN: Tensor, cache: KVCache, mask_TS: Tensor | None) -> Tensor:
        H, D = self.model.config.n_head, self.model.config.head_size
        q_BHTD, k_BHTD, v_BHTD = qkv_TN.view(1, -1, 3, H, D).permute(2, 0, 3, 1, 4)
        k_BHSD, v_BHSD = cache.append(layer, k_BHTD, v_BHTD)
        z_BHTD = F.scaled_dot_product_attention(q_BHTD, k_BHSD, v_BHSD, attn_mask=mask_TS, is_causal=mask_TS is None)
        return z_BHTD[0].transpose(0, 1).flatten(1)

    def _mask(self, lengths: list[int]) -> Tensor | None:
        """Which slots of the cache each row may look at, the new token's included; None for all that are filled."""
        if len(lengths) == 1:
            return None
        seen_BS = self._slots_S[: max(lengths) + 1] <= torch.tensor(lengths, device=self.model.device)[:, None]
        return seen_BS[:, None, None, :]


class _Layer:
    """A block, its four matrices as products, with all that a step looks at in place: its own views of x_BC,
    the stream, and of what it writes itself."""

    def __init__(self, block: Block, x_BC: Tensor, n_head: int) -> None:
        B, C = x_BC.shape
        self.qkv, self.attn_proj = _product_of(block.attn.c_attn, B), _product_of(block.attn.c_proj, B)
        self.ln_1 = _Norm(block.ln_1, x_BC, self.qkv.x_BK)
        self.mlp = _MLP(block, x_BC) if isinstance(block.mlp, MLP) else None
        new_B3HD = self.qkv.y_BN.view(B, 3, n_head, C // n_head)
        self.q_BH1D = new_B3HD[:, 0, :, None]
        self._kv_B2HD = new_B3HD[:, 1:].unbind()
        self._z_BH1D = self.attn_proj.x_BK.view(B, n_head, 1, C // n_head)

    def put_down(self, slots_B2HD: list[Tensor]) -> None:
        """Keys and values of the new tokens, into the cache."""
        for slot_2HD, kv_2HD in zip(slots_B2HD, self._kv_B2HD, strict=True):
            slot_2HD.copy_(kv_2HD)

    def attend(self, k_BHSD: Tensor, v_BHSD: Tensor, mask_B11S: Tensor | None) -> None:
        """From the new tokens' queries to what attn_proj reads."""
        self._z_BH1D.copy_(F.scaled_dot_product_attention(self.q_BH1D, k_BHSD, v_BHSD, attn_mask=mask_B11S))


class _MLP:
    """The second half of a block."""

    def __init__(self, block: Block, x_BC: Tensor) -> None:
        B = len(x_BC)
        self.fc, self.proj = _product_of(block.mlp.c_fc, B), _product_of(block.mlp.c_proj, B)
        self.ln_2 = _Norm(block.ln_2, x_BC, self.fc.x_BK)
        self.activation: Callable[[Tensor], Tensor] = block.mlp.activation

    def __call__(self) -> Tensor:
        """What it writes into the stream."""
        self.ln_2()
        self.proj.x_BK.copy_(self.activation(self.fc()))
        return self.proj()


class _Norm:
    """What stands in a LayerNorm's place, from one buffer into another: calling a module takes longer than its work."""

    def __init__(self, norm: nn.Module, x_BC: Tensor, y_BC: Tensor) -> None:
        self.of_text, self._x_BC, self._y_BC = norm, x_BC, y_BC
        self._rest = (norm.normalized_shape, norm.weight, norm.bias, norm.eps) if isinstance(norm, nn.LayerNorm) else ()

    def __call__(self) -> None:
        y_BC = torch.layer_norm(self._x_BC, *self._rest) if self._rest else self.of_text(self._x_BC)
        self._y_BC.copy_(y_BC)


class _Product:
    """x_BK -> x_BK W^T + b, from a buffer into a buffer.

    W is seen as G blocks of M rows, N = G M, and all of them are multiplied by one batched product: BLAS takes
    a single row of numbers through one large matrix at half the speed on some processors, and two to sixteen
    rows through it more slowly than one after another (llm/NOTES.md).
    """

    def __init__(self, weight_NK: Tensor, bias_N: Tensor | None, batch_size: int) -> None:
        N, K = weight_NK.shape
        G = _blocks(N)
        self._weight_NK, self._bias_N = weight_NK.detach(), bias_N.detach() if bias_N is not None else None
        self._weight_GKM = self._weight_NK.view(G, N // G, K).transpose(1, 2)
        self._bias_G1M = self._bias_N.view(G, 1, N // G) if self._bias_N is not None else None
        self.x_BK = weight_NK.new_empty(batch_size, K)
        self._x_GBK = self.x_BK.expand(G, -1, -1)
        self._y_GBM = weight_NK.new_empty(G, batch_size, N // G)
        self.y_BN = self._y_GBM.view(1, N) if batch_size == 1 else weight_NK.new_empty(batch_size, N)

    def __call__(self) -> Tensor:
        """y_BN, of what lies in x_BK."""
        if self._bias_G1M is None:
            torch.bmm(self._x_GBK, self._weight_GKM, out=self._y_GBM)
        else:
            torch.baddbmm(self._bias_G1M, self._x_GBK, self._weight_GKM, out=self._y_GBM)
        if len(self.x_BK) > 1:
            self.y_BN.view(len(self.x_BK), len(self._y_GBM), -1).copy_(self._y_GBM.transpose(0, 1))
        return self.y_BN

    def of_text(self, x_TK: Tensor) -> Tensor:
        """The same for the tokens of a text, in a tensor that is new."""
        if not FEW[0] <= len(x_TK) <= FEW[1]:
            return F.linear(x_TK, self._weight_NK, self._bias_N)
        y_NT = self._weight_NK @ x_TK.t()
        return y_NT.t() if self._bias_N is None else y_NT.t() + self._bias_N


def _product_of(linear: nn.Linear, batch_size: int) -> _Product:
    return _Product(linear.weight, linear.bias, batch_size)


def _blocks(n: int) -> int:
    """The divisor of n that is next to 8, at most 32."""
    return min((g for g in range(1, 33) if n % g == 0), key=lambda g: abs(math.log(g / 8)))


def _row_of(cache: KVCache, row: int) -> KVCache:
    """One text's part of a cache, with a length of its own: a view, not a copy."""
    view = copy.copy(cache)
    view.kv_L2BHSD = cache.kv_L2BHSD[:, :, row : row + 1]
    return view

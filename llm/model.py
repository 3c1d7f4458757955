"""GPT-2, whole, in one file.

The decoder-only transformer of Radford et al., "Language Models are Unsupervised Multitask
Learners" (2019), exactly as OpenAI released it: learned positions, LayerNorm *before* each
sub-layer and once more at the end, one fused projection for queries, keys and values, GELU in its
tanh form, and an output head that shares its matrix with the token embedding. Parameters carry
GPT-2's own names (`wte`, `wpe`, `h.0.attn.c_attn`, ...). Where other people's GPT-2s differ (no
biases, another activation, a head of its own), a field of ModelConfig says so; what happens without positions,
LayerNorms, residual connections or MLPs is in llm/ablated.py.

Read it top to bottom: a token's vector enters `GPT.forward`, every `Block` reads it and adds to it
(the residual stream), and the last LayerNorm and `wte` turn it into one logit for each token of
the vocabulary.

Shapes: B batch, T time (tokens now), S time (all tokens seen, cached ones included), V vocabulary,
C embedding width, H heads, D head size (C = H * D).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llm.ablated import leave_out
from llm.config import ModelConfig


class Dropout(nn.Module):
    """Zeroes a share `p` of the values while training and scales up the rest (Srivastava et al., 2014).

    `torch.nn.Dropout` draws from the one random generator of the whole process. This one draws from
    `generator`, which `GPT.set_dropout_seed` sets, so a training step can be replayed exactly even
    when other models train beside it.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        keep = torch.empty_like(x).bernoulli_(1.0 - self.p, generator=self.generator)
        return x * keep / (1.0 - self.p)


class KVCache:
    """The keys and values of every token already read, so that a new token costs one token's work.

    Allocated once, filled as the model reads on. `length` tokens are in it. GPT-2's positions are
    learned and absolute, so a full cache can't slide: start again with `truncate(0)`.
    """

    def __init__(
        self,
        config: ModelConfig,
        batch_size: int = 1,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        shape = (config.n_layer, 2, batch_size, config.n_head, config.n_ctx, config.head_size)
        self.kv_L2BHSD = torch.zeros(shape, device=device, dtype=dtype)
        """Keys, then values, of each layer: in one tensor, so that one copy can put down both."""
        self.length = 0

    def append(self, layer: int, k_BHTD: Tensor, v_BHTD: Tensor) -> tuple[Tensor, Tensor]:
        """Store one layer's new keys and values; return all S of them (views, not copies)."""
        T, (keys_BHSD, values_BHSD) = k_BHTD.size(2), self.kv_L2BHSD[layer]
        keys_BHSD.narrow(2, self.length, T).copy_(k_BHTD)
        values_BHSD.narrow(2, self.length, T).copy_(v_BHTD)
        return keys_BHSD.narrow(2, 0, self.length + T), values_BHSD.narrow(2, 0, self.length + T)

    def truncate(self, length: int) -> None:
        """Forget every token after the first `length`."""
        if not 0 <= length <= self.length:
            raise ValueError(f"The cache holds {self.length} tokens; it can't be cut to {length}.")
        self.length = length


class CausalSelfAttention(nn.Module):
    """Multi-head attention in which a token sees itself and what came before (Vaswani et al., 2017)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.c_attn = _linear(config.n_embd, 3 * config.n_embd, config.bias)  # queries, keys and values in one product
        self.c_proj = _linear(config.n_embd, config.n_embd, config.bias)
        self.attn_dropout = Dropout(config.dropout)
        self.resid_dropout = Dropout(config.dropout)

    def forward(self, x_BTC: Tensor, layer: int, cache: KVCache | None = None) -> Tensor:
        B, T, C = x_BTC.shape
        q_BHTD, k_BHSD, v_BHSD = (
            part.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
            for part in self.c_attn(x_BTC).split(C, dim=2)
        )
        if cache is not None:
            k_BHSD, v_BHSD = cache.append(layer, k_BHSD, v_BHSD)
        S = k_BHSD.size(2)

        if self.training and self.attn_dropout.p > 0.0:
            # Written out, because the fused kernel's dropout can't be given a generator.
            scores_BHTS = q_BHTD @ k_BHSD.transpose(2, 3) / math.sqrt(q_BHTD.size(3))
            scores_BHTS = scores_BHTS.masked_fill(~causal_mask(T, S, x_BTC.device), -math.inf)
            z_BHTD = self.attn_dropout(scores_BHTS.softmax(dim=3)) @ v_BHSD
        elif T == S:
            z_BHTD = F.scaled_dot_product_attention(q_BHTD, k_BHSD, v_BHSD, is_causal=True)
        else:
            # With a cache T < S. `is_causal` would line the mask up with the wrong end, and a single
            # new token sees everything, so it needs none.
            mask_TS = None if T == 1 else causal_mask(T, S, x_BTC.device)
            z_BHTD = F.scaled_dot_product_attention(q_BHTD, k_BHSD, v_BHSD, attn_mask=mask_TS)

        written_BTC: Tensor = self.resid_dropout(self.c_proj(z_BHTD.transpose(1, 2).reshape(B, T, C)))
        return written_BTC


def quick_gelu(x: Tensor) -> Tensor:
    """The sigmoid that GELU's authors gave for speed; OpenAI's CLIP has it."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu_new": partial(F.gelu, approximate="tanh"),  # Hendrycks & Gimpel, 2016; what GPT-2 was trained with
    "gelu": F.gelu,
    "relu": F.relu,
    "silu": F.silu,
    "quick_gelu": quick_gelu,
}
"""By the names of `ModelConfig.activation_function`."""


class MLP(nn.Module):
    """Two matrices with a GELU between them: what each token works out by itself."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.c_fc = _linear(config.n_embd, config.mlp_size, config.bias)
        self.activation = ACTIVATIONS[config.activation_function]
        self.c_proj = _linear(config.mlp_size, config.n_embd, config.bias)
        self.resid_dropout = Dropout(config.dropout)

    def forward(self, x_BTC: Tensor) -> Tensor:
        written_BTC: Tensor = self.resid_dropout(self.c_proj(self.activation(self.c_fc(x_BTC))))
        return written_BTC


class Block(nn.Module):
    """Attention, then the MLP; each reads a normalised copy of the residual stream and adds to it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.ln_1 = _layer_norm(config)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = _layer_norm(config)
        self.mlp = MLP(config)

    def forward(self, x_BTC: Tensor, layer: int, cache: KVCache | None = None) -> Tensor:
        x_BTC = x_BTC + self.attn(self.ln_1(x_BTC), layer, cache)
        x_BTC = x_BTC + self.mlp(self.ln_2(x_BTC))
        return x_BTC


class GPT(nn.Module):
    """A GPT-2 of any shape.

    Weights start as in GPT-2: matrices and embeddings from N(0, 0.02), the two projections that
    write to the residual stream scaled by 1/sqrt(2 * n_layer) so that its size at the end does not
    grow with depth, biases zero, LayerNorms at identity. The same `seed` gives the same weights;
    with None they stay whatever the memory held, for weights that are about to be loaded.
    """

    def __init__(self, config: ModelConfig, seed: int | None = 1337) -> None:
        super().__init__()
        self.config = config
        self.wte: nn.Embedding = nn.utils.skip_init(nn.Embedding, config.vocab_size, config.n_embd)
        self.wpe: nn.Embedding = nn.utils.skip_init(nn.Embedding, config.n_ctx, config.n_embd)
        self.drop = Dropout(config.dropout)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = _layer_norm(config)
        if not config.tie_word_embeddings:
            self.lm_head = _linear(config.n_embd, config.vocab_size, bias=False)
        if seed is not None:
            self._initialise(torch.Generator().manual_seed(seed))
        leave_out(self, config)  # nothing, in a GPT-2

    def _initialise(self, generator: torch.Generator) -> None:
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.dim() >= 2:
                residual = name.endswith("c_proj.weight")
                std = 0.02 / math.sqrt(2 * self.config.n_layer) if residual else 0.02
                nn.init.normal_(parameter, std=std, generator=generator)

    @property
    def device(self) -> torch.device:
        return self.wte.weight.device

    def embed(self, ids_BT: Tensor, start: int = 0) -> Tensor:
        """Token plus position vectors, for tokens at positions start, start + 1, ...: x_BTC."""
        T, n_ctx = ids_BT.size(1), self.config.n_ctx
        if start + T > n_ctx:
            raise ValueError(f"{start + T} tokens don't fit a context of {n_ctx}; keep the last {n_ctx} of them.")
        positions_T = torch.arange(start, start + T, device=ids_BT.device)
        x_BTC: Tensor = self.wte(ids_BT) + self.wpe(positions_T)
        return x_BTC

    def unembed(self, x_BTC: Tensor) -> Tensor:
        """Logits from the residual stream: the last LayerNorm, then the head. Also the logit lens."""
        head = self.wte if self.config.tie_word_embeddings else self.lm_head
        return F.linear(self.ln_f(x_BTC), head.weight)

    def forward(self, ids_BT: Tensor, *, cache: KVCache | None = None, last_only: bool = False) -> Tensor:
        """Logits of the token after each one: logits_BTV, or logits_B1V with `last_only`.

        With a `cache`, `ids_BT` are read as the continuation of what is in it, and added to it.
        Raises ValueError when the tokens don't fit the context.
        """
        start = cache.length if cache is not None else 0
        x_BTC = self.drop(self.embed(ids_BT, start))
        for layer, block in enumerate(self.h):
            x_BTC = block(x_BTC, layer, cache)
        if cache is not None:
            cache.length += ids_BT.size(1)
        if last_only:  # generating needs one row; the head is the largest product of a small model
            x_BTC = x_BTC[:, -1:]
        return self.unembed(x_BTC)

    def loss(self, x_BT: Tensor, y_BT: Tensor) -> Tensor:
        """Mean cross-entropy, in nats, of predicting each token of `y_BT` after those of `x_BT`."""
        return F.cross_entropy(self(x_BT).flatten(0, 1), y_BT.flatten())

    def set_dropout_seed(self, *parts: int) -> None:
        """Make the dropout of the next forward pass a pure function of `parts` (seed, step, ...)."""
        seed = int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)
        generator = torch.Generator(self.device).manual_seed(seed)
        for module in self.modules():
            if isinstance(module, Dropout):
                module.generator = generator


def causal_mask(T: int, S: int, device: torch.device | str = "cpu") -> Tensor:
    """mask_TS, true where the t-th of the last T tokens may look at the s-th of all S: at or before it."""
    return torch.ones(T, S, dtype=torch.bool, device=device).tril(S - T)


def _linear(n_in: int, n_out: int, bias: bool) -> nn.Linear:
    """A Linear whose weights are left for `GPT._initialise`, so the global random state stays untouched."""
    linear: nn.Linear = nn.utils.skip_init(nn.Linear, n_in, n_out, bias=bias)
    return linear


def _layer_norm(config: ModelConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon, bias=config.bias)

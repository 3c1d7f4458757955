"""Reading one token at a time with weights of 8 bits: a quarter of the bytes, for writing long texts.

What it costs is measured, not promised: `python -m llm bench decoding` prints perplexity and agreement beside
the exact path's. Looking never uses it.

Shapes: V vocabulary, C embedding width, K inputs and N outputs of a product, L layers.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from llm.config import PARTS
from llm.decoder import Decoder
from llm.model import GPT, Block

KINDS = ("gelu_new", "gelu", "relu")
"""Activation functions that the loops know, in the order of their numbers there."""
_ONE_AT_A_TIME = threading.Lock()
"""For numba's own threads, which bear but one caller; OpenMP's, which it prefers, bear many."""


def why_not(model: GPT, *, hooks_matter: bool = True) -> str | None:
    """Why this model can't be read with 8-bit weights here, in one sentence; None if it can.

    Hooks don't matter where they are somebody else's, who looks into the same model meanwhile.
    """
    config = model.config
    if find_spec("numba") is None:  # importing it takes a second and 60 MB, which whoever only asks need not pay
        return "8-bit weights need numba: pip install numba."
    if config.without:
        return f"8-bit weights are for whole models; this one was made without {PARTS[config.without[0]]}."
    if model.device.type != "cpu":
        return "8-bit weights are for the CPU; on a GPU write with the exact ones."
    if not all(isinstance(weight, nn.Parameter) and weight.dtype == torch.float32 for weight in model.parameters()):
        return "8-bit weights are made of whole float32 ones; this model's are sharded or rounded."
    if config.activation_function not in KINDS:
        return f"8-bit weights know {', '.join(KINDS)}, not this model's {config.activation_function}."
    from llm.sampler import has_hooks

    if hooks_matter and has_hooks(model):
        return "Hooks see nothing of 8-bit weights; take them away, or write with the exact ones."
    return None


class Int8Weights:
    """A copy of a model's weights in 8 bits, a quarter of their size: made once, read by any number of decoders.

    It knows nothing of training that comes later. Raises ValueError with `why_not`.
    """

    def __init__(self, model: GPT, *, hooks_matter: bool = True) -> None:
        if reason := why_not(model, hooks_matter=hooks_matter):
            raise ValueError(reason)
        from llm import int8_loops as loops

        self.model = model
        blocks = cast(list[Block], list(model.h))
        if model.config.mlp_size > loops.MAX_INPUTS:
            raise ValueError(f"8-bit weights go with at most {loops.MAX_INPUTS:,} numbers a product.")
        head = model.wte if model.config.tie_word_embeddings else model.lm_head
        head_VC: Tensor = head.weight.detach()
        common_C = head_VC.mean(dim=0)
        self.arrays = loops.Weights(
            ln_1=_norms(block.ln_1 for block in blocks),
            qkv=_matrices(block.attn.c_attn for block in blocks),
            attn_proj=_matrices(block.attn.c_proj for block in blocks),
            ln_2=_norms(block.ln_2 for block in blocks),
            fc=_matrices(block.mlp.c_fc for block in blocks),
            mlp_proj=_matrices(block.mlp.c_proj for block in blocks),
            ln_f=_norms([model.ln_f]),
            head=loops.Matrix(*_stacked([_rounded(head_VC - common_C, None)])),
            common_C=common_C.numpy(),
        )

    @property
    def nbytes(self) -> int:
        """What the copy takes."""
        return sum(array.nbytes for part in self.arrays for array in (part if isinstance(part, tuple) else (part,)))


class Int8Decoder(Decoder):
    """A `Decoder` of one text whose products read 8-bit weights; `prefill` reads with the exact ones."""

    def __init__(self, weights: Int8Weights) -> None:
        model = weights.model
        super().__init__(model)
        from llm import int8_loops as loops

        config, C = model.config, model.config.n_embd
        self._weights = weights.arrays
        self._buffers = loops.Buffers(
            normed_C=_room(C),
            qkv_N=_room(3 * C),
            z_C=_room(C),
            scores_HS=_room(config.n_head, config.n_ctx),
            hidden_N=_room(config.mlp_size),
            written_C=_room(C),
            rounded_K=torch.zeros(max(C, config.mlp_size), dtype=torch.int16).numpy(),  # torch's begin at cache lines
        )
        self._logits_1V = torch.empty(1, config.vocab_size)
        self._logits_V = self._logits_1V[0].numpy()
        self._kv_L2HSD = self._cache.kv_L2BHSD[:, :, 0].numpy()
        self._kind, self._scale = KINDS.index(config.activation_function), np.float32(1 / math.sqrt(config.head_size))
        self._read_token = loops.read_token

    @torch.no_grad()
    def step(self, ids: Sequence[int]) -> Tensor:
        """As `Decoder.step`, to rounding."""
        row = self.rows[0]
        self._room_in(row)
        x_C = (self.model.wte.weight[ids[0]] + self.model.wpe.weight[row.length]).numpy()
        with _threads(torch.get_num_threads()):
            self._read_token(
                self._weights,
                self._buffers,
                x_C,
                self._kv_L2HSD,
                row.length,
                self._kind,
                self._scale,
                self.model.config.layer_norm_epsilon,
                self._logits_V,
            )
        row.length += 1
        return self._logits_1V


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """How many threads a product takes inside the block."""
    import numba

    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    if torch.get_num_threads() != count:  # numba, as it starts, tells OpenMP how many, and torch asks OpenMP
        torch.set_num_threads(count)
    with nullcontext() if _bears_many() else _ONE_AT_A_TIME:
        yield


def _bears_many() -> bool:
    """Whether several threads may run parallel loops at the same time; not known before the first has."""
    import numba

    try:
        return numba.threading_layer() in ("omp", "tbb")  # type: ignore[attr-defined]
    except ValueError:
        return False


def _rounded(weight_NK: Tensor, bias_N: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """A matrix in whole numbers, the scale of each row, and its bias, zero if it has none."""
    scale_N = (weight_NK.abs().amax(dim=1) / 127).clamp(min=1e-30)
    whole_NK = (weight_NK / scale_N[:, None]).round_().to(torch.int8)
    return whole_NK, scale_N, torch.zeros_like(scale_N) if bias_N is None else bias_N.detach()


def _stacked(layers: list[tuple[Tensor, ...]]) -> Iterable[np.ndarray]:
    return (torch.stack(parts).numpy() for parts in zip(*layers, strict=True))


def _matrices(linears: Iterable[nn.Linear]) -> Any:
    from llm.int8_loops import Matrix

    return Matrix(*_stacked([_rounded(linear.weight.detach(), linear.bias) for linear in linears]))


def _norms(norms: Iterable[nn.LayerNorm]) -> Any:
    from llm.int8_loops import Norm

    pairs = [(norm.weight, norm.bias if norm.bias is not None else torch.zeros_like(norm.weight)) for norm in norms]
    return Norm(*_stacked([(weight.detach(), bias.detach()) for weight, bias in pairs]))


def _room(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)

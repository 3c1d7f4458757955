"""Timing two or more sides that take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from llm.config import ModelConfig

SMALL = ModelConfig(65, n_ctx=64, n_embd=128, n_head=4, n_layer=4)
"""nanoGPT's model for a CPU, on the 65 characters of Tiny Shakespeare."""
MIDDLE = ModelConfig(4_096, n_ctx=256, n_embd=384, n_head=6, n_layer=6)
NO_DROPOUT = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
"""For `twin_of`."""


class Where(NamedTuple):
    """What computes, and in which format its products are made."""

    device: torch.device
    dtype: torch.dtype


CPU = Where(torch.device("cpu"), torch.float32)


def finished(device: torch.device) -> None:
    """Wait for what a card still has to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


REST = 0.4
"""Seconds before each turn: Intel's OpenMP lets its threads wait at full speed for 0.2 of them."""


class Times(NamedTuple):
    """Seconds of one action over several rounds."""

    median: float
    low: float
    high: float


def taking_turns(actions: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    """Seconds of each action; every round runs all of them once, after one that isn't counted.

    Libraries have threads of their own, which go on waiting at full speed for a while: each begins when they sleep.
    """
    rows = [{name: _rested(action) for name, action in actions.items()} for _ in range(rounds + 1)][1:]
    times = {name: [row[name] for row in rows] for name in actions}
    return {name: Times(statistics.median(one), min(one), max(one)) for name, one in times.items()}


def _rested(action: Callable[[], object]) -> float:
    time.sleep(REST)
    return seconds(action)


def twin_of(config: ModelConfig, **settings: Any) -> nn.Module:
    """transformers' GPT-2 of this shape, its defaults but for `settings`; the speed doesn't depend on the weights."""
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.n_ctx,
            n_embd=config.n_embd,
            n_head=config.n_head,
            n_layer=config.n_layer,
            bos_token_id=0,
            eos_token_id=0,
            **settings,
        )
    )


def matmul_rate(rounds: int = 5, side: int = 1536, where: Where = CPU) -> float:
    """Floating-point operations a second of large products."""
    a, b = (torch.randn(side, side, device=where.device, dtype=where.dtype) for _ in range(2))
    out = torch.empty_like(a)

    def multiply() -> None:
        torch.mm(a, b, out=out)
        finished(where.device)

    return 2 * side**3 / taking_turns({"product": multiply}, rounds)["product"].median

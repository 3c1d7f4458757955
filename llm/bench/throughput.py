"""Training throughput: tokens a second against transformers' GPT-2, and against what the machine multiplies at."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from llm.bench.timing import CPU, MIDDLE, NO_DROPOUT, SMALL, Where, finished, matmul_rate, taking_turns, twin_of
from llm.config import ModelConfig, TrainConfig
from llm.model import GPT
from llm.training.flops import flops_per_token
from llm.training.hardware import autocast, compiled
from llm.training.optim import make_adamw

STEPS = 5
"""In each turn."""


def run(rounds: int) -> None:
    """Print both sizes: the small one against transformers, the middle one against the rate of products, too."""
    for title, config, batch_size in (("4 x 128", SMALL, 12), ("6 x 384", MIDDLE, 8)):
        sides = {
            "ours": ours(config, batch_size),
            "transformers, its defaults": theirs(twin_of(config), config, batch_size),
            "transformers, no dropout": theirs(twin_of(config, **NO_DROPOUT), config, batch_size),
        }
        times = taking_turns(sides, rounds)
        rate = matmul_rate(rounds)
        tokens = STEPS * batch_size * config.n_ctx
        print(f"  {title}, context {config.n_ctx}, batch {batch_size}, AdamW; products at {rate / 1e9:.0f} GFLOP/s")
        for name, (each, _, _) in times.items():
            share = tokens / each * flops_per_token(config) / rate
            print(
                f"    {name:28}{tokens / each:9,.0f} tokens/s, {100 * share:.0f} % of the rate of products; "
                f"ours is {each / times['ours'].median:.2f} times as fast"
            )


def ours(config: ModelConfig, batch_size: int, where: Where = CPU, *, compile: bool = False) -> Callable[[], None]:
    """What trains a new model of ours for some steps."""
    model = GPT(config).to(where.device).train()
    optimizer = make_adamw(model, TrainConfig())
    x_BT, y_BT = _batch(config, batch_size, where)
    loss = compiled(model.loss, x_BT, y_BT, where.dtype) if compile else model.loss
    return lambda: _train(model, optimizer, lambda: loss(x_BT, y_BT), where)


def theirs(model: nn.Module, config: ModelConfig, batch_size: int, where: Where = CPU) -> Callable[[], None]:
    """What trains somebody else's model for some steps."""
    optimizer = torch.optim.AdamW(model.to(where.device).train().parameters())
    ids_BT, _ = _batch(config, batch_size, where)
    return lambda: _train(model, optimizer, lambda: model(ids_BT, labels=ids_BT).loss, where)


def _batch(config: ModelConfig, batch_size: int, where: Where) -> tuple[Tensor, Tensor]:
    ids_BT1 = torch.randint(config.vocab_size, (batch_size, config.n_ctx + 1), device=where.device)
    return ids_BT1[:, :-1].contiguous(), ids_BT1[:, 1:].contiguous()


def _train(model: nn.Module, optimizer: torch.optim.Optimizer, loss_of: Callable[[], Tensor], where: Where) -> None:
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        with autocast(*where):
            loss = loss_of()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    finished(where.device)

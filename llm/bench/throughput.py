"""Training throughput: tokens a second against transformers' GPT-2, and against what the machine multiplies at."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from llm.bench.timing import MIDDLE, SMALL, matmul_rate, taking_turns, twin_of
from llm.config import ModelConfig, TrainConfig
from llm.model import GPT
from llm.training.flops import flops_per_token
from llm.training.optim import make_adamw

STEPS = 5
"""In each turn."""


def run(rounds: int) -> None:
    """Print both sizes: the small one against transformers, the middle one against the rate of products, too."""
    for title, config, batch_size in (("4 x 128", SMALL, 12), ("6 x 384", MIDDLE, 8)):
        sides = {
            "ours": _ours(config, batch_size),
            "transformers, its defaults": _theirs(twin_of(config), config, batch_size),
            "transformers, no dropout": _theirs(
                twin_of(config, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0), config, batch_size
            ),
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


def _batch(config: ModelConfig, batch_size: int) -> tuple[Tensor, Tensor]:
    ids_BT1 = torch.randint(config.vocab_size, (batch_size, config.n_ctx + 1))
    return ids_BT1[:, :-1].contiguous(), ids_BT1[:, 1:].contiguous()


def _ours(config: ModelConfig, batch_size: int) -> Callable[[], None]:
    model = GPT(config).train()
    optimizer = make_adamw(model, TrainConfig())
    x_BT, y_BT = _batch(config, batch_size)
    return lambda: _train(model, optimizer, lambda: model.loss(x_BT, y_BT))


def _theirs(model: nn.Module, config: ModelConfig, batch_size: int) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.train().parameters())
    ids_BT, _ = _batch(config, batch_size)
    return lambda: _train(model, optimizer, lambda: model(ids_BT, labels=ids_BT).loss)


def _train(model: nn.Module, optimizer: torch.optim.Optimizer, loss_of: Callable[[], Tensor]) -> None:
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        loss_of().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

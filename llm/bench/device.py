"""What a card does, in one table within ten minutes: `python -m llm bench --device cuda`.

Training in bfloat16 with and without torch.compile, writing, and what the page waits for when a model is looked at
there, each beside `transformers` where it does the same. A processor runs the same code, to show that it works.

Shapes: H heads, P side of a thumbnail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from llm.bench.decoding import writers
from llm.bench.throughput import STEPS, ours, theirs
from llm.bench.timing import NO_DROPOUT, Where, finished, matmul_rate, taking_turns, twin_of
from llm.config import GPT2_SIZES, ModelConfig
from llm.inside.head_pictures import pooled_pattern
from llm.inside.trace import trace
from llm.model import GPT
from llm.training.flops import flops_per_token
from llm.training.hardware import devices

PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12, "RTX 4090": 165e12}
"""Dense bfloat16 operations a second that makers state, by a part of a card's name."""
THUMBNAIL = 48


class Row(NamedTuple):
    """A line of the table."""

    what: str
    figure: str
    beside: str = ""
    """What it is measured against."""


def run(device: torch.device, rounds: int) -> None:
    """Print the table for GPT-2 small."""
    title = next((found.title for found in devices() if found.name in (str(device), f"{device}:0")), str(device))
    print(f"  {title}; {rounds} rounds, medians")
    for row in table(Where(device, torch.bfloat16), title, GPT2_SIZES["gpt2"], rounds):
        print(f"    {row.what:44}{row.figure:>22}  {row.beside}", flush=True)


def table(
    where: Where, title: str, config: ModelConfig, rounds: int, *, batch_size: int = 16, new_tokens: int = 64
) -> Iterator[Row]:
    """The rows, as they come."""
    yield from _training(where, title, config, rounds, batch_size)
    yield from _writing(where, config, rounds, new_tokens)
    yield from _looking(where.device, config, rounds)


def _training(where: Where, title: str, config: ModelConfig, rounds: int, batch_size: int) -> Iterator[Row]:
    rate = matmul_rate(rounds, side=8192 if where.device.type == "cuda" else 256, where=where)
    peak = next((peak for name, peak in PEAKS.items() if name in title), None)
    yield Row(
        "products", f"{rate / 1e12:.3g} TFLOP/s", f"{100 * rate / peak:.0f} % of what its maker states" if peak else ""
    )
    sides = {
        "transformers, no dropout": theirs(twin_of(config, **NO_DROPOUT), config, batch_size, where),
        "ours": ours(config, batch_size, where),
        "ours, compiled": ours(config, batch_size, where, compile=True),
    }
    times = taking_turns(sides, rounds)
    tokens = STEPS * batch_size * config.n_ctx
    for name, (each, _, _) in times.items():
        speed = tokens / each
        flops = speed * flops_per_token(config)
        mfu = f"MFU {100 * flops / peak:.0f} %, " if peak else ""
        yield Row(
            f"training, {name}",
            f"{speed:,.0f} tokens/s",
            f"{mfu}{100 * flops / rate:.0f} % of products, {times['transformers, no dropout'].median / each:.2f} times "
            "transformers",
        )


def _writing(where: Where, config: ModelConfig, rounds: int, new_tokens: int) -> Iterator[Row]:
    for dtype in (torch.float32, where.dtype):
        model = GPT(config).to(where.device, dtype).eval()
        times = taking_turns(writers(model, new_tokens), rounds)
        for name, (each, _, _) in times.items():
            yield Row(
                f"writing in {str(dtype).removeprefix('torch.')}, {name}",
                f"{new_tokens / each:,.0f} tokens/s",
                f"{times['transformers'].median / each:.2f} times transformers",
            )


def _looking(device: torch.device, config: ModelConfig, rounds: int) -> Iterator[Row]:
    model = GPT(config).to(device).eval()
    for length in sorted({min(length, config.n_ctx) for length in (64, 256, 1_024)}):
        ids = torch.arange(length, device=device)[None] % config.vocab_size
        times = taking_turns({"pass": _passing(model, ids), "heads": lambda ids=ids: _head_grid(model, ids)}, rounds)  # type: ignore[misc]
        yield Row(
            f"{length} tokens to {config.n_layer} x {config.n_head} heads",
            f"{times['heads'].median * 1e3:.2f} ms",
            f"a plain pass takes {times['pass'].median * 1e3:.2f} ms",
        )


def _passing(model: GPT, ids: torch.Tensor) -> Callable[[], None]:
    @torch.no_grad()
    def read() -> None:
        model(ids)
        finished(model.device)

    return read


def _head_grid(model: GPT, ids: torch.Tensor) -> list[torch.Tensor]:
    """All heads as the page shows them, brought to the processor."""
    seen = trace(model, ids, ["blocks.*.attn.hook_q", "blocks.*.attn.hook_k"], last_only=True)
    pictures = []
    for layer in range(model.config.n_layer):
        q_HTD, k_HTD = (seen[f"blocks.{layer}.attn.hook_{name}"][0].transpose(0, 1).contiguous() for name in "qk")
        picture_HPP, _ = pooled_pattern(q_HTD, k_HTD, THUMBNAIL)
        pictures.append(picture_HPP.cpu())
    return pictures

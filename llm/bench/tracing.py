"""What looking inside costs a forward pass."""

from __future__ import annotations

import torch

from llm.bench.timing import MIDDLE, taking_turns
from llm.inside.trace import trace
from llm.model import GPT


def run(rounds: int) -> None:
    """Print a pass over 256 tokens: plain, through `trace` with nothing asked for, all patterns, everything."""
    model, ids = GPT(MIDDLE).eval(), torch.arange(256)[None]

    def plain() -> None:
        with torch.no_grad():
            model(ids)

    times = taking_turns(
        {
            "plain": plain,
            "tracing nothing": lambda: trace(model, ids, []),
            "all patterns": lambda: trace(model, ids, ["*.hook_pattern"]),
            "everything": lambda: trace(model, ids),
        },
        3 * rounds,
    )
    print("  6 x 384, 256 tokens")
    for name, (each, _, _) in times.items():
        print(f"    {name:16}{each * 1e3:8.2f} ms{each / times['plain'].median:7.2f} times a plain pass")

"""What counts as a parameter. The exponent of N moves with it: embeddings are most of a small model, little of a
large one (Kaplan et al., 2020, leave them out; Hoffmann et al., 2022, count them)."""

from __future__ import annotations

from collections.abc import Callable

from llm.config import ModelConfig


def _blocks(config: ModelConfig) -> int:
    one = config.replace(n_layer=2).n_params - config.replace(n_layer=1).n_params
    return config.n_layer * one


COUNTS: dict[str, Callable[[ModelConfig], int]] = {
    "all": lambda config: config.n_params,
    "blocks and head": lambda config: _blocks(config) + config.vocab_size * config.n_embd,
    "blocks": _blocks,
}
"""Ways to count, by what they count."""

"""What counts as a parameter. The exponent of N moves with it: embeddings are most of a small model, little of a
large one (Kaplan et al., 2020, leave them out; Hoffmann et al., 2022, count them)."""

from __future__ import annotations

from collections.abc import Callable

from llm.config import ModelConfig


def _blocks(config: ModelConfig) -> int:
    without = config.replace(n_layer=1)
    one = without.n_params - _outside(without)
    return config.n_layer * one


def _outside(config: ModelConfig) -> int:
    """Token embedding, positions, an untied head and the last LayerNorm."""
    tables = config.vocab_size if config.tie_word_embeddings else 2 * config.vocab_size
    return (tables + config.n_ctx) * config.n_embd + (2 if config.bias else 1) * config.n_embd


COUNTS: dict[str, Callable[[ModelConfig], int]] = {
    "all": lambda config: config.n_params,
    "blocks and head": lambda config: _blocks(config) + config.vocab_size * config.n_embd,
    "blocks": _blocks,
}
"""Ways to count, by what they count."""

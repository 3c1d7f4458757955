"""What the form may hold, and the presets it starts from."""

from __future__ import annotations

from typing import Any

from llm.config import ModelConfig, TrainConfig
from llm.scaling import grokking
from llm.settings import settings_of
from llm.ui.page_settings import narrowed

_OWN: dict[str, dict[str, Any]] = {
    "n_layer": {"high": 12, "default": 4},
    "n_head": {"high": 16, "default": 4},
    "n_embd": {"low": 8, "high": 768, "default": 128},
    "n_ctx": {"low": 8, "high": 1024, "default": 64},
    "dropout": {},
    "vocab_size": {"low": 257, "high": 8192, "default": 1024, "label": "Vocabulary, at most"},
    "batch_size": {"high": 512, "default": 12},
    "learning_rate": {"low": 1e-5, "high": 1e-1, "default": 2e-3},
    "matrix_learning_rate": {"low": 1e-4, "high": 0.2},
    "min_lr_ratio": {},
    "max_steps": {"high": 100_000, "default": 1500},
    "warmup_steps": {"high": 10_000},
    "weight_decay": {"high": 2},
    "eval_interval": {"high": 10_000},
    "max_seconds": {"high": 86_400},
    "target_loss": {"high": 20},
    "patience": {"high": 10_000},
    "seed": {"high": 2**31},
    "optimizer": {},
    "loss_on": {},
    "schedule": {},
    "layer_stats": {"default": True},
}
"""The settings that the form has, with the ends of a slider or a default where they aren't the configs' own.
Layers are measured unless somebody says no: it costs next to nothing (tests/benchmarks/layer_stats.py)."""
FORM = narrowed({**settings_of(ModelConfig), **settings_of(TrainConfig)}, _OWN)
"""By name. The low and high of each are a slider's or field's ends in the page, and a clamp here."""


def _named(config: ModelConfig | TrainConfig) -> dict[str, Any]:
    """What the form has of a whole config."""
    return {name: value for name, value in config.to_dict().items() if name in FORM}


_MUON = {"optimizer": "muon", "schedule": "linear", "min_lr_ratio": 0, "warmup_steps": 0, "weight_decay": 0}
_TALES = {"corpus": "tales", "tokenizer": "bpe", "vocab_size": 2048}
PRESETS: list[dict[str, Any]] = [
    {
        "name": "tales",
        "title": "Tales in a minute",
        "about": "Short stories whose lowest possible loss is known: watch spelling, grammar and plot arrive.",
        "settings": {**_MUON, **_TALES, "n_layer": 2, "n_embd": 96, "learning_rate": 1e-2, "max_steps": 1200},
    },
    {
        "name": "characters",
        "title": "Characters of Shakespeare",
        "about": "Letter by letter: first frequencies, then words, then who speaks.",
        "settings": {
            **_MUON, "corpus": "tinyshakespeare",
            "batch_size": 24, "learning_rate": 6e-3, "max_steps": 600,
        },
    },
    {
        "name": "induction",
        "title": "Induction heads in two minutes",
        "about": "Random strings, said twice. To repeat one, a head has to look up what came next the first time.",
        "settings": {
            **_MUON, "corpus": "task:copy", "n_layer": 2, "n_embd": 64,
            "batch_size": 24, "learning_rate": 6e-3, "max_steps": 1500,
        },
    },
    {
        "name": "sorting",
        "title": "Sorting",
        "about": "Digits in any order, then in ascending order. Right and wrong are shown below, question by question.",
        "settings": {
            **_MUON, "corpus": "task:sort", "n_layer": 2, "n_embd": 64,
            "batch_size": 24, "learning_rate": 6e-3, "max_steps": 1500,
        },
    },
    {
        "name": "grokking",
        "title": "Grokking",
        "about": "Sums modulo 97, six of seven never shown: all known by heart in 300 steps, understood in a thousand.",
        "settings": {
            **_named(grokking.MODEL), **_named(grokking.TRAIN),
            "corpus": grokking.CORPUS, "tokenizer": "bpe", "vocab_size": grokking.VOCAB_SIZE,
        },
    },
    {
        "name": "gpt2",
        "title": "GPT-2's own shape, small",
        "about": "Twelve layers of twelve heads, AdamW and a cosine, as GPT-2 was trained; a quarter of its width.",
        "settings": {
            **_TALES, "n_layer": 12, "n_head": 12, "n_embd": 192, "n_ctx": 128,
            "batch_size": 8, "learning_rate": 1e-3, "max_steps": 2000, "warmup_steps": 100,
        },
    },
    {
        "name": "seconds",
        "title": "Seconds: one head, one layer",
        "about": "The smallest GPT that still learns something; for a first try, and for slow computers.",
        "settings": {"corpus": "pydoc", "n_layer": 1, "n_head": 1, "n_embd": 32, "max_steps": 1000},
    },
]  # fmt: skip
"""What the form starts from; what a preset doesn't name has its default."""

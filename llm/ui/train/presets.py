"""What the form may hold: the limits of its numbers, its choices, and the presets it starts from."""

from __future__ import annotations

from typing import Any

from llm.config import OPTIMIZERS, SCHEDULES

LIMITS: dict[str, tuple[float, float, float]] = {
    "n_layer": (1, 12, 4),
    "n_head": (1, 16, 4),
    "n_embd": (8, 768, 128),
    "n_ctx": (8, 1024, 64),
    "dropout": (0, 0.9, 0),
    "vocab_size": (257, 8192, 1024),
    "batch_size": (1, 128, 12),
    "learning_rate": (1e-5, 1e-1, 2e-3),
    "matrix_learning_rate": (1e-4, 0.2, 0.03),
    "min_lr_ratio": (0, 1, 0.1),
    "max_steps": (1, 100_000, 1500),
    "warmup_steps": (0, 10_000, 50),
    "weight_decay": (0, 2, 0.1),
    "eval_interval": (1, 10_000, 50),
    "max_seconds": (0, 86_400, 0),
    "target_loss": (0, 20, 0),
    "patience": (0, 10_000, 0),
    "seed": (0, 2**31, 1337),
}
"""Each is a slider's or field's end in the page and a clamp here: name -> (low, high, default)."""
FRACTIONS = (
    "dropout",
    "learning_rate",
    "matrix_learning_rate",
    "min_lr_ratio",
    "weight_decay",
    "max_seconds",
    "target_loss",
)
"""The others are whole numbers."""
CHOICES = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES}
SWITCHES = ("layer_stats",)
SHAPE = ("n_layer", "n_head", "n_embd", "n_ctx", "dropout")
"""The settings that are the model's."""

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
        "about": "Sums modulo 97, half of them never shown: learnt by heart first, understood a few minutes later.",
        "settings": {
            **_MUON, "corpus": "task:modular", "tokenizer": "bpe", "vocab_size": 360,  # a token for each number
            "n_layer": 2, "n_embd": 128, "n_ctx": 24, "batch_size": 64, "learning_rate": 3e-3,
            "matrix_learning_rate": 0.02, "min_lr_ratio": 1, "warmup_steps": 10, "weight_decay": 0.02,
            "max_steps": 3000, "eval_interval": 100,
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

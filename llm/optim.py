"""The optimiser and its schedule: AdamW, linear warm-up, cosine.

AdamW is Loshchilov & Hutter, "Decoupled Weight Decay Regularization" (2017); the schedule is that
of Brown et al., "Language Models are Few-Shot Learners" (2020).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from llm.config import TrainConfig


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups for the optimiser: matrices (embeddings too), which decay, and vectors, which don't.

    Pulling a bias or a LayerNorm's gain towards zero limits what the model can say and saves nothing.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]


def make_adamw(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW as `config` says. `fused` updates each tensor in one pass: a tenth of a small step on a CPU."""
    groups = parameter_groups(model, config.weight_decay)
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=True)


def learning_rate(step: int, config: TrainConfig) -> float:
    """The learning rate of the update after `step` updates.

    Rises linearly over `warmup_steps`, then falls along half a cosine from the peak to
    `min_lr_ratio` of it, which it reaches at `max_steps` and keeps.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / (config.warmup_steps + 1)
    done = min(1.0, (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps))
    lowest = config.learning_rate * config.min_lr_ratio
    return lowest + (config.learning_rate - lowest) * 0.5 * (1.0 + math.cos(math.pi * done))

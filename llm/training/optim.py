"""The optimiser and its schedule: AdamW or Muon, linear warm-up, then a cosine or a straight line down.

AdamW is Loshchilov & Hutter, "Decoupled Weight Decay Regularization" (2017); Muon has a file of its
own; the schedule is that of Brown et al., "Language Models are Few-Shot Learners" (2020).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from llm.config import TrainConfig
from llm.training.muon import Muon


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser that `config` names. `set_learning_rates` gives each of its groups the rate of a step."""
    return make_muon(model, config) if config.optimizer == "muon" else make_adamw(model, config)


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


def make_muon(model: nn.Module, config: TrainConfig) -> Muon:
    """Muon for the matrices inside the blocks. Embeddings and head look tokens up and stay with AdamW."""
    inside = [p for name, p in model.named_parameters() if p.dim() == 2 and name.startswith("h.")]
    chosen = {id(p) for p in inside}
    rest = [
        {**group, "params": [p for p in group["params"] if id(p) not in chosen]}
        for group in parameter_groups(model, config.weight_decay)
    ]
    matrices = {"params": inside, "weight_decay": config.weight_decay, "muon": True}
    return Muon([matrices, *rest], (config.beta1, config.beta2))


def state_shapes(optimizer: torch.optim.Optimizer) -> dict[nn.Parameter, dict[str, tuple[int, ...]]]:
    """For each parameter, what the optimiser remembers of it after a step, by name, and in what shape."""
    shapes = {}
    for group in optimizer.param_groups:
        moments = ("momentum",) if group.get("muon") else ("exp_avg", "exp_avg_sq")
        for p in group["params"]:
            shapes[p] = {"step": (), **dict.fromkeys(moments, tuple(p.shape))}
    return shapes


def learning_rate(step: int, config: TrainConfig) -> float:
    """AdamW's learning rate for the update after `step` updates.

    Rises linearly over `warmup_steps`, then falls, along half a cosine or straight, from the peak
    to `min_lr_ratio` of it, which it reaches at `max_steps` and keeps.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / (config.warmup_steps + 1)
    done = min(1.0, (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps))
    lowest = config.learning_rate * config.min_lr_ratio
    left = 1.0 - done if config.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
    return lowest + (config.learning_rate - lowest) * left


def set_learning_rates(optimizer: torch.optim.Optimizer, step: int, config: TrainConfig) -> float:
    """Give each group its rate for the update after `step` updates: Muon's rises and falls with AdamW's, returned."""
    rate = learning_rate(step, config)
    for group in optimizer.param_groups:
        group["lr"] = rate * (config.matrix_learning_rate / config.learning_rate if group.get("muon") else 1.0)
    return rate

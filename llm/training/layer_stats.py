"""How each part of a model fares in training: the size of its weights, gradient and last update, and its attention.

Shapes: B batch, T time, H heads.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from llm.data import eval_windows
from llm.inside.trace import trace
from llm.model import GPT
from llm.training.events import LayerStats

ENTROPY_TOKENS = 256
"""Tokens of text on which attention is measured: enough for two digits, and little work even for GPT-2."""


class LayerProbe:
    """Measures one step: call `before_update` when the gradient is there, then `after_update`, then `measured`."""

    def __init__(self, model: GPT) -> None:
        self._model = model
        self._parts: dict[str, list[nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            names = name.split(".")
            self._parts.setdefault(".".join(names[:2]) if names[0] == "h" else names[0], []).append(parameter)
        self._before: list[list[Tensor]] = []
        self._grad_norms: list[float] = []
        self.norms: list[tuple[float, float]] = []
        """For each part, those of its gradient and its update in the last step; none if that was not measured."""

    def before_update(self) -> None:
        """Note the gradients, and keep a copy of the weights."""
        self._grad_norms = _norms([p.grad for p in part if p.grad is not None] for part in self._parts.values())
        self._before = [[p.detach().clone() for p in part] for part in self._parts.values()]

    def after_update(self) -> None:
        """Compare the weights with those before."""
        pairs = zip(self._parts.values(), self._before, strict=True)
        update_norms = _norms([p.detach() - q for p, q in zip(part, old, strict=True)] for part, old in pairs)
        self.norms = list(zip(self._grad_norms, update_norms, strict=True))
        self._before = []

    def measured(self, tokens: Tensor) -> tuple[LayerStats, ...]:
        """All parts in the order of the forward pass; none unless the last step was measured.

        Attention is that on fixed windows of `tokens`, a 1-D text that is longer than the context.
        """
        if not self.norms:
            return ()
        weight_norms = _norms([p.detach() for p in part] for part in self._parts.values())
        entropies = {f"h.{n}": values for n, values in enumerate(attention_entropies(self._model, tokens))}
        return tuple(
            LayerStats(name, weight_norm, grad_norm, update_norm, entropies.get(name, ()))
            for name, weight_norm, (grad_norm, update_norm) in zip(self._parts, weight_norms, self.norms, strict=True)
        )


def attention_entropies(model: GPT, tokens: Tensor) -> list[tuple[float, ...]]:
    """For each layer, each head's mean entropy, in nats, of where a token looks; over windows of `tokens`.

    0: at one token alone. At most ln T for the T-th token, when it looks at all before it evenly.
    """
    T = min(model.config.n_ctx, ENTROPY_TOKENS)
    ids_BT, _ = eval_windows(tokens, T, ENTROPY_TOKENS // T)
    seen = trace(model, ids_BT, names=["blocks.*.attn.hook_pattern"], last_only=True)
    return [tuple(torch.special.entr(p_BHTT).sum(3).mean((0, 2)).tolist()) for p_BHTT in seen.tensors.values()]


def _norms(parts: Iterable[list[Tensor]]) -> list[float]:
    return torch.stack([torch.nn.utils.get_total_norm(tensors) for tensors in parts]).tolist()

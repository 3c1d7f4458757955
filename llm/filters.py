"""What is done to the logits before a token is drawn from them.

`filter_logits` is a pure function that takes the samplers of a `SamplingConfig` in its `order`. The
default is Hugging Face's, and order matters, because temperature changes which tokens the later
samplers keep. Each equals transformers' processor of that name.

A new sampler is a field of `_Samplers` in llm/config.py (its bounds, its off value, its place in the
order), a function here under `@sampler`, and its twin, a row in assets/shared/sampler.js.

Shapes: B batch, T time, V vocabulary, K the tokens that may be kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from llm.config import SAMPLERS, SamplingConfig


class Sampler(NamedTuple):
    """What a sampler does."""

    apply: Callable[..., Tensor]
    """(logits_BV, value) -> logits_BV, and before the value previous_BT where it needs that."""
    needs_previous: bool
    """Whether it looks at the tokens read so far."""


FUNCTIONS: dict[str, Sampler] = {}
"""The samplers by the names of their settings."""


def sampler(setting: str, *, needs_previous: bool = False) -> Callable[[Any], Any]:
    """Makes a function what a setting of SamplingConfig does."""

    def keep(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        FUNCTIONS[setting] = Sampler(function, needs_previous)
        return function

    return keep


def filter_logits(logits_BV: Tensor, config: SamplingConfig, previous_BT: Tensor | None = None) -> Tensor:
    """The logits to draw from, in float32: -inf for every token ruled out, so their softmax is the odds.

    `previous_BT` holds the ids read so far, prompt included, for the samplers that look at them; without it
    those do nothing. Raises ValueError when a logit is NaN or +inf, or when a row has nothing left to choose.
    """
    return _filtered(logits_BV, _acting(config), config, previous_BT)


def most_likely(logits_1V: Tensor, config: SamplingConfig, previous_1T: Tensor | None = None) -> int:
    """The token that `filter_logits` leaves at temperature 0, in half of its time. Raises ValueError as it does."""
    names = _acting(config)
    left_1V = _filtered(logits_1V, names[: names.index("temperature")], config, previous_1T)
    return int(left_1V[0].cpu().numpy().argmax())  # ten times as fast as torch's


def _filtered(logits_BV: Tensor, names: list[str], config: SamplingConfig, previous_BT: Tensor | None) -> Tensor:
    logits_BV = logits_BV.float()
    for name in names:
        function, value = FUNCTIONS[name], getattr(config, name)
        if not function.needs_previous:
            logits_BV = function.apply(logits_BV, value)
        elif previous_BT is not None:
            logits_BV = function.apply(logits_BV, previous_BT, value)
    # No sampler makes a broken row whole, and amax passes NaN on.
    if not all(map(math.isfinite, logits_BV.amax(dim=-1).tolist())):
        raise ValueError("The logits hold NaN or infinity, so no token can be chosen; go back to an earlier snapshot.")
    return logits_BV


def needs_previous(config: SamplingConfig) -> bool:
    """Whether one of the samplers that act looks at the tokens read so far."""
    return any(FUNCTIONS[name].needs_previous for name in _acting(config))


def _acting(config: SamplingConfig) -> list[str]:
    """The samplers that are not off, in order."""
    return [name for name in config.order if getattr(config, name) != SAMPLERS[name].default]


@sampler("repetition_penalty", needs_previous=True)
def penalise_repetition(logits_BV: Tensor, previous_BT: Tensor, penalty: float) -> Tensor:
    """Push down the logit of every token already read, once however often it was (Keskar et al., 2019)."""
    seen_BV = torch.zeros_like(logits_BV, dtype=torch.bool).scatter(1, previous_BT, True)
    # Dividing a negative logit would raise it, so that one is multiplied.
    penalised_BV = torch.where(logits_BV < 0, logits_BV * penalty, logits_BV / penalty)
    return torch.where(seen_BV, penalised_BV, logits_BV)


@sampler("temperature")
def apply_temperature(logits_BV: Tensor, temperature: float) -> Tensor:
    """Divide by the temperature: below 1 sharpens the odds, above 1 evens them out, 0 is greedy."""
    if temperature == 0.0:
        return keep_first_most_likely(logits_BV)
    scaled_BV = logits_BV / temperature
    finite_B1 = scaled_BV.amax(dim=-1, keepdim=True).isfinite()
    # A quotient too large for float32 means a temperature that is zero in all but name.
    return scaled_BV if finite_B1.all() else torch.where(finite_B1, scaled_BV, keep_first_most_likely(logits_BV))


def keep_first_most_likely(logits_BV: Tensor) -> Tensor:
    """Keep the most likely token alone; of several equal ones, that with the lowest id."""
    best_B1 = logits_BV.argmax(dim=-1, keepdim=True)
    return torch.full_like(logits_BV, -math.inf).scatter(1, best_B1, logits_BV.gather(1, best_B1))


@sampler("top_k")
def keep_top_k(logits_BV: Tensor, k: int) -> Tensor:
    """Keep the k most likely tokens, and every token equal to the k-th (Fan et al., 2018)."""
    kth_B1 = logits_BV.topk(min(k, logits_BV.size(-1)), dim=-1).values[:, -1:]
    return logits_BV.masked_fill(logits_BV < kth_B1, -math.inf)


@sampler("top_p")
def keep_top_p(logits_BV: Tensor, p: float) -> Tensor:
    """Keep the most likely tokens until they hold the share p, the crossing one too (Holtzman et al., 2020).

    Read from the other end: drop the least likely tokens while what was dropped is at most 1 - p.
    """
    odds_BV = logits_BV.softmax(dim=-1)
    # Tokens less likely than this hold less than 1 - p all together. So they go, and only the others
    # need sorting: a few hundred or thousand of GPT-2's 50,257. Rows with NaN keep everything.
    near_BV = ~(odds_BV < (1.0 - p) / (2 * odds_BV.size(-1)))
    near_K = near_BV.any(dim=0).nonzero()[:, 0]
    # A stable sort, because torch's default breaks ties differently from one processor to the next.
    _, at_BK = logits_BV[:, near_K].sort(dim=-1, stable=True)
    ids_BK = near_K[at_BK]
    odds_BK = odds_BV.gather(1, ids_BK).double()
    far_B1 = odds_BV.sum(dim=-1, keepdim=True, dtype=torch.float64) - odds_BK.sum(dim=-1, keepdim=True)
    drop_BK = (far_B1 + odds_BK.cumsum(dim=-1)).float() <= 1.0 - p
    drop_BK[:, -1] = False
    return logits_BV.masked_fill(torch.ones_like(near_BV).scatter(1, ids_BK, drop_BK), -math.inf)


@sampler("min_p")
def keep_min_p(logits_BV: Tensor, min_p: float) -> Tensor:
    """Drop tokens whose probability is less than `min_p` times that of the most likely (Nguyen et al., 2024)."""
    probabilities_BV = logits_BV.softmax(dim=-1)
    threshold_B1 = min_p * probabilities_BV.amax(dim=-1, keepdim=True)
    return logits_BV.masked_fill(probabilities_BV < threshold_B1, -math.inf)


@sampler("typical_p")
def keep_typical(logits_BV: Tensor, p: float) -> Tensor:
    """Keep the tokens about as surprising as expected, until they hold the share p (Meister et al., 2022).

    The expected surprise is the entropy, and tokens are taken by how far theirs is from it. The
    crossing token stays, and all that are as far away as it is; the most likely token may go.
    """
    surprise_BV = -logits_BV.log_softmax(dim=-1)
    entropy_B1 = (surprise_BV * (-surprise_BV).exp()).nansum(dim=-1, keepdim=True)  # 0 x infinity is none
    away_BV, ids_BV = (surprise_BV - entropy_B1).abs().sort(dim=-1, stable=True)
    held_BV = logits_BV.gather(1, ids_BV).softmax(dim=-1).cumsum(dim=-1)
    crossing_B1 = (held_BV < p).sum(dim=-1, keepdim=True).clamp(max=logits_BV.size(-1) - 1)
    drop_BV = away_BV > away_BV.gather(1, crossing_B1)
    return logits_BV.masked_fill(drop_BV.scatter(1, ids_BV, drop_BV), -math.inf)

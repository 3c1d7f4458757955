"""The 8-bit copy of a loaded model, for writing: made in the background at first need, shared by all visitors.

The exact weights write until it is there. What it changes is measured once, on text that the model writes itself,
so that every model can say it, whatever it learnt from.

Shapes: T time, V vocabulary.
"""

from __future__ import annotations

import logging
import math
import threading
from typing import NamedTuple

import torch
import torch.nn.functional as F

from llm.config import SamplingConfig
from llm.int8_decoder import Int8Decoder, Int8Weights, why_not
from llm.model import GPT
from llm.sampler import generate
from llm.ui.memory import Memory, Shelf

LARGE = 50_000_000
"""From so many parameters on a person waits for the exact weights, so the fast ones write unless told otherwise."""
POSITIONS = 256
"""How many tokens the two are compared at."""

log = logging.getLogger(__name__)


class Cost(NamedTuple):
    """What rounding changes."""

    positions: int
    agreement: float
    """Share of positions where the same token is the likeliest."""
    perplexity: float
    """That of the exact weights."""
    change: float
    """How much more it is with the rounded ones, as a share of it."""


def why_not_fast(model: GPT) -> str | None:
    """Why 8-bit weights can't write with this model; hooks on it are those of visitors who look inside meanwhile."""
    return why_not(model, hooks_matter=False)


def usually_fast(model: GPT) -> bool:
    """Whether 8-bit weights write unless a person says otherwise."""
    return model.config.n_params >= LARGE and why_not_fast(model) is None


class FastCopies:
    """One copy of each model that somebody wants written with so, as long as there is room."""

    def __init__(self, memory: Memory) -> None:
        self._shelf = Shelf[FastCopy](memory, anchor=lambda copy: copy.weights or copy)
        self._lock = threading.Lock()

    def of(self, model: GPT) -> FastCopy:
        """The model's copy; with the first call it begins to be made.

        Raises ValueError, in one sentence, where there can be none or is no room for one.
        """
        if reason := why_not_fast(model):
            raise ValueError(reason)
        with self._lock:
            copy = self._shelf.get(id(model))
            if copy is None or copy.model is not model:
                size = sum(weight.numel() for weight in model.parameters())
                copy = self._shelf.make(id(model), size, lambda: FastCopy(model))
        if copy.failed:
            raise ValueError("8-bit weights could not be made here; the server's log says why.")
        return copy


class FastCopy:
    """One model's, made by a thread of its own."""

    def __init__(self, model: GPT) -> None:
        self.model = model
        self.weights: Int8Weights | None = None
        """None until they are there."""
        self.cost: Cost | None = None
        """None until it is measured."""
        self.failed = False
        threading.Thread(target=self._make, name="8-bit weights", daemon=True).start()

    def _make(self) -> None:
        try:
            weights = Int8Weights(self.model, hooks_matter=False)
            Int8Decoder(weights).step([0])  # compiles the loops, unless an earlier start has
            self.weights = weights
            self.cost = measured(weights)
        except Exception:  # whatever a compiler may raise: the exact weights go on writing
            log.exception("8-bit weights of %s parameters can't be made", f"{self.model.config.n_params:,}")
            self.failed = True


def measured(weights: Int8Weights) -> Cost:
    """Compare both over tokens that the exact weights draw, as many texts of them as the context needs."""
    model = weights.model
    n, seed = min(POSITIONS, model.config.n_ctx), 0
    exact = rounded = agreeing = 0.0
    decoder = Int8Decoder(weights)
    count = 0
    while count < POSITIONS:
        choices = list(generate(model, [0], SamplingConfig(seed=seed, max_new_tokens=n)))
        ids_T = torch.tensor([choice.id for choice in choices])
        exact_TV = torch.stack([choice.logits_V for choice in choices])
        decoder.rows[0].truncate(0)
        rounded_TV = torch.stack([decoder.step([id])[0].clone() for id in [0, *ids_T.tolist()[:-1]]])
        exact += F.cross_entropy(exact_TV, ids_T, reduction="sum").item()
        rounded += F.cross_entropy(rounded_TV, ids_T, reduction="sum").item()
        agreeing += (exact_TV.argmax(-1) == rounded_TV.argmax(-1)).sum().item()
        count, seed = count + n, seed + 1
    return Cost(count, agreeing / count, math.exp(exact / count), math.expm1((rounded - exact) / count))

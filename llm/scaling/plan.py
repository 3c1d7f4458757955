"""What a sweep trains: a family of sizes, on one text, for the same number of tokens, with several seeds.

Each training is evaluated on the way, and every evaluation counts as a point: losses along the way say more than
final ones alone (Choshen et al., "A Hitchhiker's Guide to Scaling Law Estimation", 2024, arXiv 2410.11840). So that
they can be compared, the learning rate stays as it is after the warm-up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from llm.config import Config, ModelConfig, TrainConfig
from llm.settings import About
from llm.training.flops import flops_per_token

HEAD_SIZE = 16
BASE_WIDTH = 64
"""The width whose learning rate is the plan's own."""


class Point(NamedTuple):
    """One training of the sweep."""

    id: str
    """Its run's, too: the same point has the same name every time."""
    model: ModelConfig
    train: TrainConfig

    @property
    def tokens(self) -> int:
        """Tokens that it reads in all."""
        return self.train.max_steps * self.train.batch_size * self.model.n_ctx

    @property
    def flops(self) -> int:
        """Floating-point operations in all, forwards and backwards."""
        return self.tokens * flops_per_token(self.model)


@dataclass(frozen=True)
class Plan(Config):
    """A sweep."""

    _what = "Plan"

    corpus: Annotated[str, About("Text")] = "tales"
    """One of the corpora; where its floor is known, it is drawn, and the fit knows E."""
    vocab_size: Annotated[int, About("Vocabulary", 256, 50_257, unit="tokens")] = 1_024
    """Tokens of the byte-level BPE that is learnt from the text; a task is cut into characters instead."""
    n_ctx: Annotated[int, About("Context", 8, 1_024, unit="tokens")] = 128
    """Context of every model."""
    widths: Annotated[tuple[str, ...], About("Widths")] = ("16", "32", "48", "64", "96", "128", "160", "192")
    """One size for each; depth grows with width, one block for every 32 of it, heads are 16 wide."""
    steps: Annotated[int, About("Steps", 8, 1_000_000, unit="steps")] = 1_000
    """Steps of every training."""
    batch_size: Annotated[int, About("Batch", 1, 1_024, unit="sequences a step")] = 8
    """Sequences a step."""
    evaluations: Annotated[int, About("Evaluations", 3, 100)] = 8
    """Points of each training, evenly apart."""
    seeds: Annotated[int, About("Seeds", 1, 20)] = 3
    """Trainings of each size, from other weights and in another order of the text."""
    learning_rate: Annotated[float, About("Learning rate", 1e-6, 1, above=True)] = 3e-3
    """AdamW's at width 64; it falls with the square root of the width: checkpoints/scaling/rates.csv supports it."""
    rates: Annotated[tuple[str, ...], About("Learning rates")] = ("1",)
    """Factors on that learning rate, each a training of its own: 0.5, 1 and 2 show whether the rule holds."""

    def _at_odds(self) -> list[str]:
        problems = []
        for name, low, high in (("widths", HEAD_SIZE, 1_024), ("rates", 0.01, 100)):
            try:
                values = [float(value) for value in getattr(self, name)]
            except ValueError:
                values = [math.nan]
            if not values or not all(low <= value <= high for value in values) or len(set(values)) < len(values):
                problems.append(f"{name} must be different numbers from {low:g} to {high:g}")
        if not problems and any(float(width) % HEAD_SIZE for width in self.widths):
            problems.append(f"widths must be multiples of {HEAD_SIZE}")
        return problems

    @property
    def sizes(self) -> list[int]:
        """The widths, narrowest first."""
        return sorted(int(width) for width in self.widths)

    def rate_of(self, width: int) -> float:
        """The learning rate that the rule gives a width."""
        return self.learning_rate * math.sqrt(BASE_WIDTH / width)

    def points(self, vocab_size: int) -> list[Point]:
        """Every training, smallest first, so that a prediction of the largest can be made before it is run."""
        return [
            self._point(width, seed, float(rate), vocab_size)
            for width in self.sizes
            for rate in self.rates
            for seed in range(1, self.seeds + 1)
        ]

    def _point(self, width: int, seed: int, rate: float, vocab_size: int) -> Point:
        model = ModelConfig(
            vocab_size, n_ctx=self.n_ctx, n_embd=width, n_head=width // HEAD_SIZE, n_layer=max(1, round(width / 32))
        )
        train = TrainConfig(
            max_steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=min(10.0, rate * self.rate_of(width)),
            schedule="linear",
            min_lr_ratio=1.0,
            warmup_steps=min(100, self.steps // 10),
            eval_interval=math.ceil(self.steps / self.evaluations),
            eval_windows=128,
            sample_tokens=32,
            seed=seed,
        )
        name = f"width-{width}-seed-{seed}" + (f"-rate-{rate:g}".replace(".", "_") if rate != 1 else "")
        return Point(name, model, train)

"""What each part of GPT-2 is for, by training without it: one change of the model or the training at a time.

A study is a sweep (`llm.scaling.sweep`) whose plan has, for each size and seed, the full model and every change of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from llm.scaling.plan import Plan, Point
from llm.settings import About

if TYPE_CHECKING:
    from llm.scaling.sweep import Row

_ID = re.compile(r"(?:(.+)-)?width-(\d+)-seed-(\d+)(?:-rate-([\w+-]+))?")
"""What `Plan.points` and `AblationPlan.points` call their trainings."""

FULL = "full"
"""What the whole model is called among them."""


@dataclass(frozen=True)
class Ablation:
    """One change of the full model or of its training."""

    title: str
    does: str
    """What is different, in a sentence."""
    learnt: str
    """What the study that ships says about it; tests/scaling/test_ablations.py holds it against the table."""
    model: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ModelConfig that it sets."""
    train: Mapping[str, Any] = field(default_factory=dict)
    """Fields of TrainConfig that it sets."""
    rate: float = 1.0
    """Factor on the learning rate."""


ABLATIONS: dict[str, Ablation] = {
    "no-positions": Ablation(
        "No positions",
        "Tokens get no vector for where they stand; the causal mask alone tells early from late.",
        "Nothing is lost so early: the mask alone shows a token how many stand before it.",
        model={"without": ("positions",)},
    ),
    "no-norms": Ablation(
        "No LayerNorm",
        "Attention, MLP and head read the stream as it is.",
        "Costs more than a nat: without it the same learning rate gets nowhere near as far.",
        model={"without": ("norms",)},
    ),
    "no-residual": Ablation(
        "No residual connections",
        "Each part replaces the stream by what it writes, instead of adding to it.",
        "Costs the most: it ends where counting single tokens does.",
        model={"without": ("residual",)},
    ),
    "one-head": Ablation(
        "One head",
        "One head as wide as all others together, with as many parameters.",
        "No difference at this size that another seed would not make.",
        model={"n_head": 1},
    ),
    "no-mlp": Ablation(
        "No MLP",
        "Blocks of attention alone.",
        "Costs more than a nat, with half of the parameters gone too.",
        model={"without": ("mlp",)},
    ),
    "relu": Ablation(
        "ReLU",
        "The MLP's GELU is a ReLU.",
        "So early a little better than GELU, with each seed.",
        model={"activation_function": "relu"},
    ),
    "untied": Ablation(
        "Untied head",
        "The output head learns a matrix of its own.",
        "Better in so short a training, for a quarter more parameters.",
        model={"tie_word_embeddings": False},
    ),
    "muon": Ablation(
        "Muon",
        "Muon moves the matrices of the blocks, AdamW the rest.",
        "The best of all: after so few steps well ahead of AdamW.",
        train={"optimizer": "muon"},
    ),
    "rate-tenth": Ablation(
        "Learning rate × 0.1",
        "AdamW's learning rate is a tenth.",
        "Too slow: more than a nat and a half behind when the steps are over.",
        rate=0.1,
    ),
    "rate-tenfold": Ablation(
        "Learning rate × 10",
        "AdamW's learning rate is ten times as high.",
        "Too fast: more than a nat behind.",
        rate=10.0,
    ),
}
"""By name."""


@dataclass(frozen=True)
class AblationPlan(Plan):
    """A study of ablations: every training of a sweep as it is, and with each change."""

    _what = "Study"

    widths: Annotated[tuple[str, ...], About("Widths")] = ("64",)
    """One size for each; heads are 16 wide."""
    steps: Annotated[int, About("Steps", 8, 1_000_000, unit="steps")] = 300
    """Steps of every training, the learning rate falling along a cosine."""
    evaluations: Annotated[int, About("Evaluations", 3, 100)] = 16
    """Points of each curve, evenly apart."""
    seeds: Annotated[int, About("Seeds", 1, 20)] = 2
    """Trainings of each, from other weights and in another order of the text; what is changed begins with the same."""
    n_layer: Annotated[int, About("Layers", 1, 64, unit="blocks")] = 4
    """Blocks of every model."""
    ablations: Annotated[tuple[str, ...], About("Ablations")] = tuple(ABLATIONS)
    """What is changed, one after the other."""

    def _at_odds(self) -> list[str]:
        known = set(self.ablations) <= set(ABLATIONS) and len(set(self.ablations)) == len(self.ablations) > 0
        return super()._at_odds() + ([] if known else [f"ablations must be different ones of {', '.join(ABLATIONS)}"])

    def points(self, vocab_size: int) -> list[Point]:
        """Every training, seed by seed: the full model first, then one change after the other."""
        whole = [self._deep(point) for point in super().points(vocab_size)]
        return [
            point._replace(id=f"{FULL}-{point.id}") if name == FULL else _changed(point, name)
            for point in whole
            for name in (FULL, *self.ablations)
        ]

    def _deep(self, point: Point) -> Point:
        return point._replace(
            model=point.model.replace(n_layer=self.n_layer),
            train=point.train.replace(schedule="cosine", min_lr_ratio=0.1, eval_windows=48),
        )


def _changed(point: Point, name: str) -> Point:
    change, rate = ABLATIONS[name], point.train.learning_rate
    return Point(
        f"{name}-{point.id}",
        point.model.replace(**change.model),
        point.train.replace(**change.train, learning_rate=min(10.0, rate * change.rate)),
    )


def ablation_of(point: str) -> str:
    """The name of the change that a training of a study has, or FULL, from its id."""
    return point.partition("-width-")[0]


def title_of(point: str) -> str:
    """What a person calls a training of a sweep or of a study, from its id: "width-16-seed-1" is "Width 16, seed 1"."""
    found = _ID.fullmatch(point)
    if found is None:
        return point
    change, width, seed, rate = found.groups()
    title = f"width {width}, seed {seed}" + (f", learning rate × {rate.replace('_', '.')}" if rate else "")
    if change is None:
        return title.capitalize()
    return f"{ABLATIONS[change].title if change in ABLATIONS else 'Full model'}, {title}"


class Outcome(NamedTuple):
    """How a change ended, over all seeds that got so far."""

    loss: float
    """Nats a token of the validation text, at the last evaluation."""
    apart: float | None
    """By how much that is more than the full model's with the same seeds; None while that isn't there."""
    least: float
    """The least and the most of these differences over the seeds."""
    most: float
    seeds: int


def outcomes(rows: Sequence[Row]) -> dict[str, Outcome]:
    """By name, of what was trained to its end; the full model among them."""
    ends: dict[str, dict[int, float]] = {}
    for row in rows:
        if row.last:
            ends.setdefault(ablation_of(row.point), {})[row.seed] = row.loss
    full = ends.get(FULL, {})
    found = {}
    for name, by_seed in ends.items():
        apart = [loss - full[seed] for seed, loss in by_seed.items() if seed in full]
        found[name] = Outcome(
            mean(by_seed.values()),
            mean(apart) if apart else None,
            min(apart, default=0.0),
            max(apart, default=0.0),
            len(by_seed),
        )
    return found

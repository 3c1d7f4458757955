"""Which learning rate each size learns best with, from a sweep that tries several, beside that of the rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llm.scaling.plan import Plan
from llm.scaling.sweep import Row


class Tried(NamedTuple):
    """A learning rate, and the loss it ended at: the mean over the seeds."""

    rate: float
    loss: float


class BestRate(NamedTuple):
    """What came of the learning rates of one size."""

    width: int
    tried: tuple[Tried, ...]
    """Lowest rate first; those that all diverged are missing."""
    best: float
    rule: float
    """The rate that the plan gives this width."""

    @property
    def off(self) -> float:
        """How far the rule is from the best that was tried, as a factor of 1 or more."""
        return max(self.best / self.rule, self.rule / self.best)


def best_rates(rows: Sequence[Row], plan: Plan) -> list[BestRate]:
    """One for each width of which a training has ended, narrowest first."""
    ends: dict[int, dict[float, list[float]]] = {}
    for row in rows:
        if row.last:
            ends.setdefault(row.width, {}).setdefault(row.learning_rate, []).append(row.loss)
    found = []
    for width, by_rate in sorted(ends.items()):
        tried = tuple(Tried(rate, sum(losses) / len(losses)) for rate, losses in sorted(by_rate.items()))
        found.append(BestRate(width, tried, min(tried, key=lambda one: one.loss).rate, plan.rate_of(width)))
    return found

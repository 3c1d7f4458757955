"""The size on which a budget of compute is best spent (Hoffmann et al., 2022, their second approach).

For each budget: the loss that every size had reached for so many floating-point operations, a parabola through these
losses over the logarithm of the parameters, and its lowest point. Through the lowest points of all budgets goes the
frontier, a power law. Where the losses don't show a lowest point, the budget says why, and none is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from llm.scaling.sweep import Row

BUDGETS = 6
MIN_SIZES = 3
"""Fewer don't fix a parabola."""
NEAR = 2
"""Sizes on each side of the best one that count: farther away losses are no parabola, and would move its lowest."""
MIN_LOWEST = 3
"""Lowest points that a frontier needs: through two there is always a line."""


class Reached(NamedTuple):
    """What one size had reached for a budget: the mean over its seeds, at the best of its learning rates."""

    width: int
    params: int
    tokens: float
    loss: float


@dataclass(frozen=True)
class Lowest:
    """The lowest point of a parabola: the size that the budget is best spent on."""

    params: float
    tokens: float
    loss: float
    bend: float
    """How fast the loss rises beside it."""
    between: tuple[int, int]
    """The parameters of the smallest and the largest size that count."""

    def loss_of(self, params: float) -> float:
        """The parabola: loss + bend * ln(N / N_lowest)^2."""
        return self.loss + self.bend * math.log(params / self.params) ** 2


@dataclass(frozen=True)
class Budget:
    """What the sizes made of one budget."""

    flops: float
    reached: tuple[Reached, ...]
    """Smallest size first."""
    lowest: Lowest | None
    why_not: str
    """Why there is no lowest point, in a sentence; else empty."""


@dataclass(frozen=True)
class Frontier:
    """The best size grows with compute as factor * C^exponent."""

    factor: float
    exponent: float
    low: float
    high: float
    """Between `low` and `high` lies the exponent, whichever one budget is left out."""

    def params(self, flops: float) -> float:
        """The best size for a budget."""
        return float(self.factor * flops**self.exponent)


def spread_budgets(rows: Sequence[Row], number: int = BUDGETS) -> list[float]:
    """Budgets evenly apart on a log axis, over all compute for which enough sizes have a loss, if any does."""
    spans: dict[int, tuple[float, float]] = {}
    for row in rows:
        low, high = spans.get(row.width, (math.inf, 0.0))
        spans[row.width] = min(low, row.flops), max(high, row.flops)
    ends = sorted(flops for span in spans.values() for flops in span)
    shared = [c for c in ends if sum(low <= c <= high for low, high in spans.values()) >= MIN_SIZES]
    if not (ends := shared or ends):
        return []
    apart = math.log(ends[-1] / ends[0]) / number
    return [ends[0] * math.exp(apart * (i + 0.5)) for i in range(number)]


def weigh(rows: Sequence[Row], flops: float, count: str = "all") -> Budget:
    """The sizes of a sweep at one budget, parameters counted as `count` says.

    A loss between two evaluations of a training is read off the straight line between them on log axes. Trainings
    that went wrong, and those that don't reach so far or began beyond, don't count.
    """
    reached = _reached(rows, flops, count)
    if len(reached) < MIN_SIZES:
        few = {0: "No size has", 1: "One size alone has"}.get(len(reached), f"Only {len(reached)} sizes have")
        return Budget(flops, reached, None, f"{few} a loss for so much compute; a parabola needs {MIN_SIZES}.")
    best = min(range(len(reached)), key=lambda i: reached[i].loss)
    near = reached[max(0, best - NEAR) : best + NEAR + 1]
    x, losses = np.log([one.params for one in near]), [one.loss for one in near]
    middle = float(x.mean())
    bend, slope, height = (float(c) for c in np.polyfit(x - middle, losses, 2))
    at = middle - slope / (2 * bend) if bend else math.inf
    if bend <= 0 or not x[0] <= at <= x[-1]:
        end = "largest" if losses[-1] < losses[0] else "smallest"
        return Budget(
            flops, reached, None, f"No lowest point lies between these sizes: the best is the {end}, or beyond."
        )
    tokens = math.exp(np.interp(at, x, np.log([one.tokens for one in near])))
    least = height - slope**2 / (4 * bend)
    return Budget(flops, reached, Lowest(math.exp(at), tokens, least, bend, (near[0].params, near[-1].params)), "")


def frontier(budgets: Sequence[Budget]) -> Frontier | None:
    """The power law through the lowest points, by least squares of the logarithms; None through fewer than three."""
    lows = [(math.log(one.flops), math.log(one.lowest.params)) for one in budgets if one.lowest]
    if len(lows) < MIN_LOWEST:
        return None
    exponent, log_factor = _line(lows)
    others = [_line([*lows[:i], *lows[i + 1 :]])[0] for i in range(len(lows))]
    return Frontier(math.exp(log_factor), exponent, min(others), max(others))


def operations_each(rows: Sequence[Row], count: str) -> tuple[float, float]:
    """The fewest and the most floating-point operations that a token costs for each parameter; about 6 of both if
    all are counted and the model is large."""
    each = [row.flops / row.tokens / row.params[count] for row in rows]
    return min(each), max(each)


def _reached(rows: Sequence[Row], flops: float, count: str) -> tuple[Reached, ...]:
    trainings: dict[tuple[int, float, int], list[Row]] = {}
    for row in rows:
        if math.isfinite(row.loss) and row.loss > 0:
            trainings.setdefault((row.width, row.learning_rate, row.seed), []).append(row)
    losses: dict[int, dict[float, list[float]]] = {}
    for (width, rate, _), one in trainings.items():
        one.sort(key=lambda row: row.flops)
        if one[0].flops <= flops <= one[-1].flops:
            log_loss = np.interp(math.log(flops), np.log([r.flops for r in one]), np.log([r.loss for r in one]))
            losses.setdefault(width, {}).setdefault(rate, []).append(math.exp(log_loss))
    any_of = {row.width: row for row in rows}
    return tuple(
        Reached(width, (row := any_of[width]).params[count], flops * row.tokens / row.flops, min(map(_mean, rates)))
        for width, rates in sorted((width, list(by_rate.values())) for width, by_rate in losses.items())
    )


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and height of the straight line through points, by least squares."""
    slope, height = np.polyfit([x for x, _ in points], [y for _, y in points], 1)
    return float(slope), float(height)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

"""A scaling law through measured losses: L(N, D) = E + A / N^a + B / D^b.

N counts parameters, D the tokens seen, L is in nats a token. E is what even an endless model and text would leave:
free, or the known floor of a corpus. The fit is that of Hoffmann et al. ("Training Compute-Optimal Large Language
Models", 2022, appendix D.3): least squares on the logarithm of the loss, robust against a run that went wrong, from
many starts. The bands come from drawing the seeds anew (bootstrap); Besiroglu et al. (2024) showed how far off
intervals are that don't.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares
from scipy.special import logsumexp

HUBER = 1e-2
"""Differences of the logarithms beyond this count linearly and no longer as squares: a point that is 1 % off."""
STARTS = tuple(product((0.2, 0.5, 0.9), (0.2, 0.5, 0.9), (0.3, 0.9)))
"""Exponents a and b, and E as a share of the least loss, from which the search sets out."""
MOST_LOOKS = 120
"""Of one search at the losses: where they obey a law a hundred are enough; where they don't it would go on for long."""
MIN_POINTS = 3
"""More than this many points of a kind make sense of an exponent; fewer leave it to chance."""


class Measured(NamedTuple):
    """One loss that a training reached."""

    params: float
    tokens: float
    loss: float
    seed: int = 0


@dataclass(frozen=True)
class Law:
    """The constants of one fit."""

    E: float
    A: float
    a: float
    B: float
    b: float

    def loss(self, params: float, tokens: float) -> float:
        """What it expects of a model of that size after so many tokens."""
        return float(self.E + self.A / params**self.a + self.B / tokens**self.b)

    def optimal(self, flops: float, each: float = 6.0) -> tuple[float, float]:
        """Parameters and tokens that reach the least loss for a compute of `each` N D (Hoffmann et al., 3.3)."""
        share = self.a * self.A / (self.b * self.B)
        params = share ** (1 / (self.a + self.b)) * (flops / each) ** (self.b / (self.a + self.b))
        return params, flops / each / params


class Interval(NamedTuple):
    """Between `low` and `high` lie 99 of 100 bootstrapped values."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Fit:
    """A law, and those of the bootstrap around it."""

    law: Law
    others: tuple[Law, ...]
    floor_known: bool
    points: int

    def interval(self, name: str) -> Interval:
        """A constant with its band."""
        return _interval(getattr(self.law, name), [getattr(law, name) for law in self.others])

    def predict(self, params: float, tokens: float) -> Interval:
        """The loss of a point that the fit hasn't seen."""
        return _interval(self.law.loss(params, tokens), [law.loss(params, tokens) for law in self.others])


def fit(points: Sequence[Measured], *, floor: float | None = None, bootstrap: int = 100, seed: int = 0) -> Fit:
    """The law through these points, with E fixed to `floor` if it is known.

    Points that are no numbers (a run that diverged) are left out. Raises ValueError, naming what is missing, when the
    rest can't tell: sizes and amounts of data must differ.
    """
    kept = [point for point in points if all(math.isfinite(v) and v > 0 for v in point[:3])]
    if floor is not None:
        kept = [point for point in kept if point.loss > floor]
    _check(kept)
    law = _best(kept, floor, STARTS)
    generator = np.random.default_rng(seed)
    errors = _errors(kept, law)
    others = []
    for _ in range(bootstrap):
        drawn = [
            p._replace(loss=law.loss(p.params, p.tokens) * math.exp(e))
            for p, e in zip(kept, generator.choice(errors, len(kept)), strict=True)
        ]
        others.append(_best(drawn, floor, (_start_of(law, kept),)))
    return Fit(law, tuple(others), floor is not None, len(kept))


def _check(points: Sequence[Measured]) -> None:
    for what, values in (("sizes", {p.params for p in points}), ("amounts of data", {p.tokens for p in points})):
        if len(values) < MIN_POINTS:
            raise ValueError(
                f"A law needs losses of at least {MIN_POINTS} {what}, and here are {len(values)}; add some to the plan."
            )


def _errors(points: Sequence[Measured], law: Law) -> np.ndarray:
    """How far seeds, or where each point has but one, the points from the law, scatter: logarithms, spread for what
    the mean or the law has fitted away."""
    cells: dict[tuple[float, float], list[float]] = {}
    for point in points:
        off = math.log(point.loss) - math.log(law.loss(point.params, point.tokens))
        cells.setdefault((point.params, point.tokens), []).append(off)
    several = [np.array(cell) for cell in cells.values() if len(cell) > 1]
    if several:
        return np.concatenate([(cell - cell.mean()) * math.sqrt(len(cell) / (len(cell) - 1)) for cell in several])
    alone = np.concatenate([np.array(cell) for cell in cells.values()])
    return alone * math.sqrt(len(alone) / max(1, len(alone) - 5))


Start = tuple[float, float, float]


def _start_of(law: Law, points: Sequence[Measured]) -> Start:
    return law.a, law.b, min(0.99, law.E / min(p.loss for p in points))


def _best(points: Sequence[Measured], floor: float | None, starts: Sequence[Start]) -> Law:
    """The law with the least cost of those that the search finds from these starts."""
    params, tokens, losses = (np.log(np.array(values, dtype=float)) for values in list(zip(*points, strict=True))[:3])

    def expected(x: np.ndarray) -> np.ndarray:
        log_A, a, log_B, b, *log_E = x
        known = math.log(floor) if floor else -math.inf
        terms = [log_A - a * params, log_B - b * tokens, np.full_like(params, log_E[0] if log_E else known)]
        result: np.ndarray = logsumexp(terms, axis=0)
        return result

    def slopes(x: np.ndarray) -> np.ndarray:
        """Of `expected`, by each constant: the search is several times quicker with them than by trying."""
        log_A, a, log_B, b, *log_E = x
        whole = expected(x)
        of_size, of_data = np.exp(log_A - a * params - whole), np.exp(log_B - b * tokens - whole)
        columns = [of_size, -params * of_size, of_data, -tokens * of_data]
        return np.stack([*columns, *(np.exp(one - whole) for one in log_E)], axis=1)

    found = []
    for a, b, share in starts:
        least = math.exp(float(losses.min()))
        E = floor if floor is not None else share * least
        rest = math.log(max(least - E, 1e-3) / 2)
        x = [rest + a * float(params.mean()), a, rest + b * float(tokens.mean()), b]
        low, high = [-50.0, 0.0, -50.0, 0.0], [100.0, 3.0, 100.0, 3.0]
        if floor is None:
            x.append(math.log(max(E, 1e-6)))
            low.append(-20.0)
            high.append(float(losses.min()))
        start = np.clip(x, np.array(low) + 1e-9, np.array(high) - 1e-9)
        found.append(
            least_squares(
                lambda x: expected(x) - losses,
                start,
                jac=slopes,
                bounds=(low, high),
                loss="huber",
                f_scale=HUBER,
                x_scale="jac",
                xtol=1e-12,
                ftol=1e-12,
                gtol=1e-12,
                max_nfev=MOST_LOOKS,
            )
        )
    log_A, a, log_B, b, *log_E = min(found, key=lambda one: one.cost).x
    E = math.exp(log_E[0]) if log_E else floor or 0.0
    return Law(E=float(E), A=math.exp(log_A), a=float(a), B=math.exp(log_B), b=float(b))


def _interval(value: float, others: Sequence[float]) -> Interval:
    if not others:
        return Interval(value, value, value)
    low, high = np.quantile(others, (0.005, 0.995))
    return Interval(value, float(low), float(high))

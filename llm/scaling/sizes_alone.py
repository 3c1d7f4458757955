"""The law of size alone, L(N) = E + A / N^a, through what trainings ended with that read equally much.

`llm.scaling.fit` adds a term for the data, the same at every size. Where trainings are short that is not so: how fast
the loss still falls differs from size to size. Final losses at one amount of data need no such term; E then holds what
more data would still take away, so it is no floor of the text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

from llm.scaling.fit import HUBER
from llm.scaling.sweep import Row

MIN_SIZES = 4
"""Of three constants fewer leave nothing to judge by."""
STARTS = tuple((share, a) for share in (0.2, 0.5, 0.9) for a in (0.2, 0.5, 0.9))
"""E as a share of the least loss, and exponents, from which the search sets out."""


class Foreseen(NamedTuple):
    """The final loss of a size, by all narrower ones and as it was, the mean over its seeds."""

    width: int
    value: float
    measured: float


def foreseen(rows: Sequence[Row], count: str = "all") -> list[Foreseen]:
    """Each size from those below it, as far as enough of them were trained to their end; narrowest first."""
    ends = [row for row in rows if row.last and math.isfinite(row.loss)]
    widths = sorted({row.width for row in ends})
    return [_foreseen(ends, width, count) for width in widths[MIN_SIZES:]]


def _foreseen(ends: Sequence[Row], width: int, count: str) -> Foreseen:
    below = [(row.params[count], row.loss) for row in ends if row.width < width]
    params, losses = np.log(np.array(below, dtype=float)).T
    least, middle = float(losses.min()), float(params.mean())

    def off(x: np.ndarray) -> np.ndarray:
        result: np.ndarray = np.logaddexp(x[0], x[1] - x[2] * params) - losses
        return result

    found = [
        least_squares(off, (least + math.log(share), least + a * middle, a), loss="huber", f_scale=HUBER)
        for share, a in STARTS
    ]
    log_E, log_A, a = min(found, key=lambda one: one.cost).x
    here = [row for row in ends if row.width == width]
    value = math.exp(float(np.logaddexp(log_E, log_A - a * math.log(here[0].params[count]))))
    return Foreseen(width, value, sum(row.loss for row in here) / len(here))

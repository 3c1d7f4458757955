"""Balanced brackets of two kinds, the Dyck language D2: the answer closes all that is open, in the right order."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from llm.corpora.tasks.base import Example, Task
from llm.settings import About

CLOSING = {"(": ")", "[": "]"}


@dataclass(frozen=True)
class Brackets(Task):
    """`([()[=])`: all balanced strings of so many pairs are equally likely, split after the last opening one."""

    pairs: Annotated[int, About("Pairs", 1, 200)] = 8
    """How many pairs of brackets there are."""
    max_depth: Annotated[int, About("Most open at once", 1, 200)] = 8
    """How many may be open at once: how much has to be remembered."""

    name = "brackets"
    title = "Brackets"
    description = "Brackets of two kinds, then all that is still open closed in the right order."

    def draw(self, rng: random.Random, *, held_out: bool = False) -> Example:
        open_brackets: list[str] = []
        written = ""
        left = self.pairs
        while left:
            depth = len(open_brackets)
            opening = 2 * _ways(left - 1, depth + 1, self.max_depth)
            if rng.randrange(_ways(left, depth, self.max_depth)) < opening:
                open_brackets.append(rng.choice("(["))
                written += open_brackets[-1]
                left -= 1
            else:
                written += CLOSING[open_brackets.pop()]
        return Example(f"{written}=", "".join(CLOSING[bracket] for bracket in reversed(open_brackets)))

    @property
    def nats_per_example(self) -> float:
        """ln of the number of balanced strings; without a limit Catalan(pairs) * 2 ** pairs of them."""
        return math.log(_ways(self.pairs, 0, self.max_depth))

    @property
    def mean_characters(self) -> float:
        return 2 * self.pairs + 2


@cache
def _ways(left: int, depth: int, max_depth: int) -> int:
    """Balanced endings when `left` brackets are still to be opened and `depth` are open."""
    if depth > max_depth:
        return 0
    if left == 0:
        return 1
    closing = _ways(left, depth - 1, max_depth) if depth else 0
    return 2 * _ways(left - 1, depth + 1, max_depth) + closing

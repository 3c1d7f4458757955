"""Arithmetic modulo a prime: the task on which models learn by heart first and understand much later.

Grokking: Power et al., "Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets", 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from llm.corpora.tasks.base import Example
from llm.corpora.tasks.pool import PoolTask
from llm.settings import About

OPERATIONS = ("+", "-", "*", "/")


@dataclass(frozen=True)
class Modular(PoolTask):
    """`12+90=05` modulo 97. Division is by the inverse, so nothing is divided by zero."""

    modulus: Annotated[int, About("Modulus", 2, 499)] = 97
    """A prime."""
    operation: Annotated[str, About("Operation", choices=OPERATIONS)] = "+"
    """One of + - * /."""
    train_share: Annotated[float, About("Share shown", 0, 1, above=True)] = 0.15
    """Share of all pairs that training shows; with fewer it takes longer to understand, or for ever."""
    split_seed: Annotated[int, About("Seed of the split", 0, 2**63 - 1)] = 1
    """Decides which pairs these are."""

    name = "modular"
    title = "Modular arithmetic"
    description = "Sums modulo 97, 85 % of them kept back: learnt by heart first, understood much later (grokking)."

    def _at_odds(self) -> list[str]:
        prime = all(self.modulus % i for i in range(2, self.modulus))
        divisible = [] if prime else [f"modulus is {self.modulus}; it must be a prime, such as 97"]
        return [*divisible, *super()._at_odds()]

    def all_examples(self) -> list[Example]:
        p, width = self.modulus, len(str(self.modulus - 1))
        return [
            Example(f"{a:0{width}}{self.operation}{b:0{width}}=", f"{self.result(a, b):0{width}}")
            for a in range(p)
            for b in range(1 if self.operation == "/" else 0, p)
        ]

    def result(self, a: int, b: int) -> int:
        """The answer, from 0 to one less than the modulus."""
        match self.operation:
            case "+":
                return (a + b) % self.modulus
            case "-":
                return (a - b) % self.modulus
            case "*":
                return a * b % self.modulus
        return a * pow(b, -1, self.modulus) % self.modulus

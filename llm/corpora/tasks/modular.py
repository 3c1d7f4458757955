"""Arithmetic modulo a prime: the task on which models learn by heart first and understand much later.

Grokking: Power et al., "Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets", 2022.
"""

from __future__ import annotations

from dataclasses import dataclass

from llm.corpora.tasks.base import Checks, Example
from llm.corpora.tasks.pool import PoolTask

OPERATIONS = ("+", "-", "*", "/")


@dataclass(frozen=True)
class Modular(PoolTask):
    """`12+90=05` modulo 97. Division is by the inverse, so nothing is divided by zero."""

    modulus: int = 97
    """A prime."""
    operation: str = "+"
    """One of + - * /."""
    train_share: float = 0.5
    """Share of all pairs that training shows; with fewer it takes longer to understand, or for ever."""
    split_seed: int = 1
    """Decides which pairs these are."""

    name = "modular"
    title = "Modular arithmetic"
    description = "Sums modulo 97, half of them kept back: learnt by heart first, understood much later (grokking)."

    def __post_init__(self) -> None:
        checks = Checks(self.title)
        checks.whole("modulus", self.modulus, 2, 499)
        if checks:
            prime = all(self.modulus % i for i in range(2, self.modulus))
            checks.that(prime, f"modulus is {self.modulus}; it must be a prime, such as 97")
        checks.that(self.operation in OPERATIONS, f"operation is {self.operation!r}; choose one of + - * /")
        checks.share("train_share", self.train_share)
        checks.whole("split_seed", self.split_seed, 0, 2**63 - 1)
        checks.refuse()

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

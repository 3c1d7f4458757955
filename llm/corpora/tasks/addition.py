"""Addition of two numbers, digit by digit with carries."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Annotated

from llm.corpora.tasks.base import Example, Task
from llm.settings import About


@dataclass(frozen=True)
class Addition(Task):
    """`027+058=0085`, written with leading zeros so that digits of equal worth stand at equal places."""

    digits: Annotated[int, About("Digits", 1, 12)] = 3
    """Digits of each number; the sum has one more."""
    min_carries: Annotated[int, About("Least carries", 0, 12)] = 0
    """Only sums in which at least so many digits carry."""
    backwards: Annotated[bool, About("Sum from its ones on")] = False
    """Write the sum from its ones on. Then each digit needs only what is already there, which is far
    easier to learn (Lee et al., "Teaching Arithmetic to Small Transformers", 2023)."""

    name = "addition"
    title = "Addition"
    description = "Sums of two three-digit numbers: the carries decide."

    def _at_odds(self) -> list[str]:
        if self.min_carries <= self.digits:
            return []
        return [f"min_carries is {self.min_carries}, but only {self.digits} digits can carry; use fewer"]

    def draw(self, rng: random.Random, *, held_out: bool = False) -> Example:
        while True:  # drawing again until the carries suffice is uniform over the sums that we want
            a, b = rng.randrange(10**self.digits), rng.randrange(10**self.digits)
            if carries(a, b) >= self.min_carries:
                break
        answer = f"{a + b:0{self.digits + 1}}"
        return Example(f"{a:0{self.digits}}+{b:0{self.digits}}=", answer[::-1] if self.backwards else answer)

    @property
    def nats_per_example(self) -> float:
        """All pairs of numbers with enough carries are equally likely."""
        return math.log(self.pairs)

    @property
    def mean_characters(self) -> float:
        return 3 * self.digits + 4

    @property
    def pairs(self) -> int:
        """How many pairs of numbers have enough carries."""
        counts = {(0, False): 1}  # pairs of the digits so far, by their carries and whether one is pending
        for _ in range(self.digits):
            longer: dict[tuple[int, bool], int] = {}
            for (done, pending), ways in counts.items():
                carrying = 55 if pending else 45  # pairs of digits, of 100, whose sum is 10 or more
                for carry, pairs in ((True, carrying), (False, 100 - carrying)):
                    key = (done + carry, carry)
                    longer[key] = longer.get(key, 0) + ways * pairs
            counts = longer
        return sum(ways for (done, _), ways in counts.items() if done >= self.min_carries)


def carries(a: int, b: int) -> int:
    """How many digits carry when `a` and `b` are added."""
    digit_sum = sum(map(int, str(a))) + sum(map(int, str(b))) - sum(map(int, str(a + b)))
    return digit_sum // 9  # each carry turns ten of one digit into one of the next

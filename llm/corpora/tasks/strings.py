"""Tasks on random strings: say it again, say it backwards, say it in order."""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from dataclasses import dataclass
from string import ascii_lowercase, digits
from typing import Annotated, ClassVar

from llm.corpora.tasks.base import Example, Task
from llm.settings import About

Shortest = Annotated[int, About("Shortest", 1, 1000)]
Longest = Annotated[int, About("Longest", 1, 1000)]


@dataclass(frozen=True)
class _Strings(Task):
    """A string of random characters, then what is to be made of it."""

    min_length: Shortest = 4
    max_length: Longest = 12
    """Every length between the two is equally likely: longer is harder."""
    alphabet: str = ascii_lowercase
    """Each character is as likely as any other."""

    sign: ClassVar[str]
    """Stands between the string and the answer."""

    def _at_odds(self) -> list[str]:
        problems = []
        if self.min_length > self.max_length:
            problems.append("min_length is above max_length; exchange them")
        if not (self.alphabet.isascii() and self.alphabet.isalnum()):
            problems.append(f"alphabet is {self.alphabet!r:.40}; it must be plain letters and digits")
        elif len(set(self.alphabet)) < len(self.alphabet):
            problems.append("a character is in the alphabet twice; remove one")
        return problems

    @abstractmethod
    def answer(self, string: str) -> str:
        """What is to be made of the string; of the same length."""

    def draw(self, rng: random.Random, *, held_out: bool = False) -> Example:
        string = "".join(rng.choices(self.alphabet, k=rng.randint(self.min_length, self.max_length)))
        return Example(string + self.sign, self.answer(string))

    @property
    def nats_per_example(self) -> float:
        """One choice of the length, and one of each character."""
        return math.log(self.max_length - self.min_length + 1) + self._mean_length * math.log(len(self.alphabet))

    @property
    def mean_characters(self) -> float:
        return 2 * self._mean_length + len(self.sign) + 1

    @property
    def _mean_length(self) -> float:
        return (self.min_length + self.max_length) / 2


@dataclass(frozen=True)
class Copy(_Strings):
    """The string once more: what induction heads are for (Olsson et al., 2022).

    Long strings of so many lengths can't be copied by counting places.
    """

    min_length: Shortest = 8
    max_length: Longest = 24

    name = "copy"
    title = "Copy"
    description = "A string of random letters, then the same once more: what induction heads are for."
    sign = "|"

    def answer(self, string: str) -> str:
        return string


@dataclass(frozen=True)
class Reverse(_Strings):
    """The string from its end to its start."""

    name = "reverse"
    title = "Reverse"
    description = "A string of random letters, then the same from its end to its start."
    sign = "<"

    def answer(self, string: str) -> str:
        return string[::-1]


@dataclass(frozen=True)
class Sort(_Strings):
    """The characters in ascending order, as many times as they occur."""

    alphabet: str = digits
    name = "sort"
    title = "Sort"
    description = "A string of random digits, then the same digits in ascending order."
    sign = ">"

    def answer(self, string: str) -> str:
        return "".join(sorted(string))

"""Tasks on random strings: say it again, say it backwards, say it in order."""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from dataclasses import dataclass
from string import ascii_lowercase, digits
from typing import ClassVar

from llm.corpora.tasks.base import Checks, Example, Task


@dataclass(frozen=True)
class _Strings(Task):
    """A string of random characters, then what is to be made of it."""

    min_length: int = 4
    max_length: int = 12
    """Every length between the two is equally likely: longer is harder."""
    alphabet: str = ascii_lowercase
    """Each character is as likely as any other."""

    sign: ClassVar[str]
    """Stands between the string and the answer."""

    def __post_init__(self) -> None:
        checks = Checks(self.title)
        checks.whole("min_length", self.min_length, 1, 1000)
        checks.whole("max_length", self.max_length, 1, 1000)
        if checks:
            checks.that(self.min_length <= self.max_length, "min_length is above max_length; exchange them")
        known = isinstance(self.alphabet, str) and self.alphabet.isascii() and self.alphabet.isalnum()
        checks.that(known, f"alphabet is {self.alphabet!r}; it must be plain letters and digits")
        if known:
            checks.that(len(set(self.alphabet)) == len(self.alphabet), "a character is in the alphabet twice")
        checks.refuse()

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

    min_length: int = 8
    max_length: int = 24

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

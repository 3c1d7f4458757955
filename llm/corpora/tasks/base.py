"""What every task has: examples with a prompt and an answer, an exact floor, and a score of right and wrong."""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import ClassVar

from llm.settings import Checked


@dataclass(frozen=True)
class Example:
    """A question and its only right answer, on a line of their own."""

    prompt: str
    """All that is given, with the sign that asks for the answer."""
    answer: str

    @property
    def text(self) -> str:
        """The line as a model reads it in training."""
        return f"{self.prompt}{self.answer}\n"


@dataclass(frozen=True)
class Accuracy:
    """How many answers were exactly right."""

    correct: int
    total: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.correct / self.total

    @property
    def standard_error(self) -> float:
        """How far the share may be off because only so many questions were asked."""
        return math.sqrt(self.share * (1 - self.share) / self.total)


class Task(Checked, ABC):
    """A frozen dataclass with the settings that make it easier or harder.

    The answer follows from the prompt, so the whole entropy of a line lies in its prompt: the best
    possible model still has to guess the question, and is then sure of every letter of the answer.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    """A sentence for people, with the default settings in mind."""
    holds_out: ClassVar[bool] = False
    """Whether some questions are kept from training. Other tasks have so many that few ever come twice."""

    @property
    def _what(self) -> str:
        return self.title

    @abstractmethod
    def draw(self, rng: random.Random, *, held_out: bool = False) -> Example:
        """A random example; `held_out` ones are those that training never shows."""

    @property
    @abstractmethod
    def nats_per_example(self) -> float:
        """The exact entropy of an example that training shows: the floor of its summed loss."""

    @property
    @abstractmethod
    def mean_characters(self) -> float:
        """Exactly how long an example that training shows is on average, with its line end."""

    @property
    def nats_per_character(self) -> float:
        """The floor of the loss for a model that reads characters."""
        return self.nats_per_example / self.mean_characters

    def examples(self, seed: int, *, held_out: bool = False) -> Iterator[Example]:
        """Examples without end, the same ones for the same seed.

        Raises ValueError when held-out ones are asked for and the task keeps none.
        """
        if held_out and not self.holds_out:
            raise ValueError(f"{self.title} holds no questions out; ask with another seed instead.")
        rng = random.Random(seed)
        return (self.draw(rng, held_out=held_out) for _ in count())

    def text(self, size_bytes: int, seed: int, *, held_out: bool = False) -> str:
        """Lines to train on, of at least `size_bytes` in all (they are ASCII); or of questions `held_out`.

        Raises ValueError as `examples` does.
        """
        lines: list[str] = []
        size = 0
        for example in self.examples(seed, held_out=held_out):
            lines.append(example.text)
            size += len(example.text)
            if size >= size_bytes:
                break
        return "".join(lines)

    def exact_match(
        self, complete: Callable[[str], str], n_examples: int = 200, seed: int = 1, *, held_out: bool | None = None
    ) -> Accuracy:
        """Ask `complete` for what follows each of `n_examples` prompts, and count the right answers.

        Only the first line of what it says counts. Held-out questions are asked where the task has
        some, unless `held_out` says otherwise. Raises ValueError as `examples` does.
        """
        asked = self.questions(n_examples, seed, held_out=held_out)
        correct = sum(complete(example.prompt).partition("\n")[0] == example.answer for example in asked)
        return Accuracy(correct, n_examples)

    def questions(self, n_examples: int, seed: int = 1, *, held_out: bool | None = None) -> list[Example]:
        """What `exact_match` asks. Raises ValueError when nothing is to be asked, or as `examples` does."""
        if n_examples < 1:
            raise ValueError("There is nothing to score; ask at least one question.")
        return list(islice(self.examples(seed, held_out=self.holds_out if held_out is None else held_out), n_examples))

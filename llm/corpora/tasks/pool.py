"""Tasks with a limited number of questions, some of which training never shows."""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from llm.corpora.tasks.base import Example, Task


class Pool(NamedTuple):
    """All questions of a task, in two parts."""

    train: Sequence[Example]
    held_out: Sequence[Example]


class PoolTask(Task):
    """Draws each question of the part asked for with equal probability."""

    train_share: float
    """Share of all questions that training shows."""
    split_seed: int
    """Decides which ones these are."""

    holds_out = True

    def _at_odds(self) -> list[str]:
        if self.train_share < 1:
            return []
        return ["train_share is 1; it must be less, so that some questions are held out"]

    @abstractmethod
    def all_examples(self) -> list[Example]:
        """Every question once, in a fixed order."""

    @cached_property
    def pool(self) -> Pool:
        """The two parts. At least one question is in each."""
        examples = self.all_examples()
        random.Random(self.split_seed).shuffle(examples)
        n_train = min(max(1, round(len(examples) * self.train_share)), len(examples) - 1)
        return Pool(examples[:n_train], examples[n_train:])

    def draw(self, rng: random.Random, *, held_out: bool = False) -> Example:
        return rng.choice(self.pool.held_out if held_out else self.pool.train)

    @property
    def nats_per_example(self) -> float:
        """Each question that training shows is equally likely."""
        return math.log(len(self.pool.train))

    @property
    def mean_characters(self) -> float:
        return sum(len(example.text) for example in self.pool.train) / len(self.pool.train)

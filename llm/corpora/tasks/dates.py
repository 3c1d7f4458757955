"""Which day of the week a date is: months of unequal length, leap years and a cycle of seven."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from llm.corpora.tasks.base import Example
from llm.corpora.tasks.pool import PoolTask
from llm.settings import About

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Dates(PoolTask):
    """`2024-02-29=Thursday`, in the Gregorian calendar."""

    first_year: Annotated[int, About("First year", 1583, 2999)] = 2000
    last_year: Annotated[int, About("Last year", 1583, 2999)] = 2027
    """After 28 years the calendar repeats (within a century); more years are harder."""
    train_share: Annotated[float, About("Share shown", 0, 1, above=True)] = 0.8
    """Share of all dates that training shows."""
    split_seed: Annotated[int, About("Seed of the split", 0, 2**63 - 1)] = 1
    """Decides which dates these are."""

    name = "dates"
    title = "Day and date"
    description = "Which day of the week a date is: unequal months, leap years and a cycle of seven."

    def _at_odds(self) -> list[str]:
        early = ["first_year is after last_year; exchange them"] if self.first_year > self.last_year else []
        return [*early, *super()._at_odds()]

    def all_examples(self) -> list[Example]:
        first = date(self.first_year, 1, 1)
        n_days = (date(self.last_year, 12, 31) - first).days + 1
        days = (first + timedelta(i) for i in range(n_days))
        return [Example(f"{day.isoformat()}=", DAYS[day.weekday()]) for day in days]

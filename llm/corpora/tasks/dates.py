"""Which day of the week a date is: months of unequal length, leap years and a cycle of seven."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from llm.corpora.tasks.base import Checks, Example
from llm.corpora.tasks.pool import PoolTask

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Dates(PoolTask):
    """`2024-02-29=Thursday`, in the Gregorian calendar."""

    first_year: int = 2000
    last_year: int = 2027
    """After 28 years the calendar repeats (within a century); more years are harder."""
    train_share: float = 0.8
    """Share of all dates that training shows."""
    split_seed: int = 1
    """Decides which dates these are."""

    name = "dates"
    title = "Day and date"
    description = "Which day of the week a date is: unequal months, leap years and a cycle of seven."

    def __post_init__(self) -> None:
        checks = Checks(self.title)
        checks.whole("first_year", self.first_year, 1583, 2999)
        checks.whole("last_year", self.last_year, 1583, 2999)
        if checks:
            checks.that(self.first_year <= self.last_year, "first_year is after last_year; exchange them")
        checks.share("train_share", self.train_share)
        checks.whole("split_seed", self.split_seed, 0, 2**63 - 1)
        checks.refuse()

    def all_examples(self) -> list[Example]:
        first = date(self.first_year, 1, 1)
        n_days = (date(self.last_year, 12, 31) - first).days + 1
        days = (first + timedelta(i) for i in range(n_days))
        return [Example(f"{day.isoformat()}=", DAYS[day.weekday()]) for day in days]

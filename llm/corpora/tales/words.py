"""All tables by the names that the plots use."""

from __future__ import annotations

from llm.corpora.tales import deeds, people, places, things
from llm.corpora.tales.tables import Table

TABLES: dict[str, Table] = {
    name.lower(): value
    for module in (deeds, people, places, things)
    for name, value in vars(module).items()
    if isinstance(value, Table)
} | {"heroes": people.GIRLS + people.BOYS}

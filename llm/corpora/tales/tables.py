"""Tables of people and things, written as text: a row for each, with the forms a sentence may need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias, Union


@dataclass(frozen=True, slots=True)
class Mention:
    """Writes a column of what a role stands for."""

    role: str
    column: str


Cell: TypeAlias = Union[str, "tuple[str | Mention, ...]", "Table"]
"""Plain text, a text that mentions roles, or a table of its own."""
Entry: TypeAlias = dict[str, Cell]
"""A row, by the names of its columns."""

SLOT = re.compile(
    r"(?P<space> ?)<(?P<maybe>\w+)\?>"
    r"|<(?P<rule>\w+)>"
    r"|\{(?P<role>\w+)(?:=(?P<source>\w+(?:\.\w+)?)(?P<leave_out>(?:-\w+)*)(?::(?P<shown>\w+))?|\.(?P<column>\w+))?\}"
)
"""What may stand in a line besides plain English; the grammar says what each form means."""


class Table:
    """Entries that a role can be drawn from."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries

    def __add__(self, other: Table) -> Table:
        return Table(self.entries + other.entries)

    @classmethod
    def read(cls, text: str) -> Table:
        """A table written as lines of cells between bars, the names of the columns first.

        The first column is also called `name`; one that is called `noun` or `adj` gets a companion
        `a` with its article. `spots*` marks a column whose cells are tables: texts between
        semicolons. Other cells may mention roles, `{hero.she}`. Every text has a form with a capital
        letter, under its column's name with a capital letter. Raises ValueError when a row has too
        many cells or too few.
        """
        header, *rows = ([" ".join(cell.split()) for cell in line.split("|")] for line in text.strip().splitlines())
        entries: list[Entry] = []
        for row in rows:
            if len(row) != len(header):
                raise ValueError(f"The row {' | '.join(row)!r} has {len(row)} cells; its table needs {len(header)}.")
            texts = {"name": row[0], **dict(zip(header, row, strict=True))}
            if header[0] in ("noun", "adj"):
                texts.setdefault("a", with_article(row[0]))
            entry: Entry = {}
            for column, cell in texts.items():
                if column.endswith("*"):
                    entry[column[:-1]] = cls.read("\n".join(["name", *cell.split(";")]))
                else:
                    entry[column] = _compiled(cell)
                    entry[capital(column)] = _compiled(capital(cell))
            entries.append(entry)
        return cls(entries)


def with_article(noun: str) -> str:
    """The noun after "a" or "an"."""
    vowel = noun[0].lower() in "aeiou" and not noun.startswith(("uni", "use", "one"))
    return f"{'an' if vowel else 'a'} {noun}"


def capital(text: str) -> str:
    """The text with its first letter a capital; a slot at its start is told to write one."""
    if text.startswith("{"):
        role, dot, column = text[1 : text.index("}")].partition(".")
        column = capital(column) if dot else "Name"
        return f"{{{role}.{column}{text[text.index('}') :]}"
    return text[:1].upper() + text[1:]


def mention(slot: re.Match[str]) -> Mention:
    """What `{thing.a}`, `{thing}` or `{Thing.a}` stands for."""
    return Mention(slot["role"].lower(), cased(slot["column"] or "name", slot["role"]))


def cased(column: str, role: str) -> str:
    """The column to write: its capital form when the role was written with a capital letter."""
    return capital(column) if role[0].isupper() else column


def _compiled(cell: str) -> Cell:
    parts: list[str | Mention] = []
    end = 0
    for slot in SLOT.finditer(cell):
        parts += [cell[end : slot.start()], mention(slot)]
        end = slot.end()
    parts.append(cell[end:])
    return tuple(part for part in parts if part != "") if end else cell

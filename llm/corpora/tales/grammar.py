"""A probabilistic grammar with a memory: what it writes, and how probable exactly that was.

It is a context-free grammar whose sentences may draw something from a table, call it by a role, and
mention it again later: who "she" is, what was lost, what was promised. A rule is a text with one
alternative a line, and a line is plain English with

    <Search>                another rule;
    <Search?>               another rule or, half of the time, nothing, and no space before it either;
    {thing=things}          draws an entry of a table, calls it `thing`, and writes its first column;
    {thing=things:a}        writes another column of it instead, here "a kite";
    {spot=place.spots}      draws from the table that is a column of another role;
    {other=things-thing}    draws, leaving out what `thing` is;
    {thing.a}, {thing}      mentions a column, or the first one, of what was drawn before;
    {Thing.a}, {Thing=...}  the same with a capital letter;
    3* ...                  at its start: this line counts three times.

Runs of spaces count as one, so a line may go on after a backslash.

All draws are uniform, and a draw writes a column in which no two entries agree: the text shows what
was drawn. Rules whose names begin with a capital letter write whole sentences, the others parts of
one. Every text begins with the rule `Story`.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from llm.corpora.tales.tables import SLOT, Cell, Entry, Mention, Table, cased, mention

START = "Story"
_LINE = re.compile(r"(?:(?P<weight>\d+)\* )?(?P<text>.+)")


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Chooses what a role stands for, and writes a column of it."""

    role: str
    source: Table | Mention
    """A table, or the role and column where one is found."""
    leave_out: tuple[str, ...]
    """Roles whose entries are not drawn again."""
    column: str


@dataclass(frozen=True, slots=True, eq=False)
class Alternative:
    """One line of a rule."""

    items: tuple[Item, ...]
    nats: float
    """-ln of its probability within the rule."""


class Rule:
    """A choice between alternatives."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alternatives: list[Alternative] = []
        self.picks: list[Alternative] = []
        """Each alternative as often as it counts, so that one uniform number chooses."""

    @property
    def writes_sentences(self) -> bool:
        """Whether it writes whole sentences rather than parts of one."""
        return self.name[0].isupper()

    def fill(self, lines: Sequence[tuple[int, tuple[Item, ...]]]) -> None:
        """Give the rule its alternatives, each after its weight."""
        total = sum(weight for weight, _ in lines)
        for weight, items in lines:
            alternative = Alternative(items, math.log(total / weight))
            self.alternatives.append(alternative)
            self.picks += [alternative] * weight


Item: TypeAlias = str | Mention | Draw | Rule


class Grammar:
    """Rules and tables, ready to write."""

    def __init__(self, rules: Mapping[str, str], tables: Mapping[str, Table]) -> None:
        """Raises ValueError for a line that can't be read or that names a rule, table, role or column not there."""
        self._tables = tables
        self._draws: dict[str, list[Draw]] = {}
        self.rules = {name: Rule(name) for name in rules}
        for name, text in rules.items():
            lines = [match for line in text.strip().splitlines() if (match := _LINE.fullmatch(" ".join(line.split())))]
            self.rules[name].fill([(int(line["weight"] or 1), self._compiled(line["text"])) for line in lines])
        self._check()

    def write(self, rng: random.Random) -> tuple[str, float]:
        """A text, and -ln of its probability."""
        out: list[str] = []
        nats = _write((self.rules[START],), {}, out, rng.random)
        return "".join(out), nats

    def roles(self) -> dict[str, tuple[Entry, ...]]:
        """Everything that each role can stand for."""
        return {role: self._entries(role) for role in self._draws}

    def _entries(self, role: str) -> tuple[Entry, ...]:
        entries: list[Entry] = []
        for draw in self._draws.get(role, []):
            if isinstance(draw.source, Table):
                entries += draw.source.entries
            else:
                entries += [e for owner in self._entries(draw.source.role) for e in table_of(owner, draw.source)]
        return tuple({id(entry): entry for entry in entries}.values())

    def _compiled(self, line: str) -> tuple[Item, ...]:
        items: list[Item] = []
        end = 0
        for slot in SLOT.finditer(line):
            items.append(_plain(line[end : slot.start()], line))
            end = slot.end()
            if slot["maybe"]:
                maybe = Rule(slot["maybe"])
                space = (slot["space"],) if slot["space"] else ()
                maybe.fill([(1, ()), (1, (*space, self._rule(slot["maybe"], line)))])
                items.append(maybe)
            elif slot["rule"]:
                items.append(self._rule(slot["rule"], line))
            elif slot["source"]:
                items.append(self._draw(slot, line))
            else:
                items.append(mention(slot))
        items.append(_plain(line[end:], line))
        return tuple(item for item in items if item != "")

    def _rule(self, name: str, line: str) -> Rule:
        if name not in self.rules:
            raise ValueError(f"There is no rule {name!r}, but {line!r} uses it.")
        return self.rules[name]

    def _draw(self, slot: re.Match[str], line: str) -> Draw:
        owner, dot, column = slot["source"].partition(".")
        if not dot and owner not in self._tables:
            raise ValueError(f"There is no table {owner!r}, but {line!r} draws from it.")
        draw = Draw(
            slot["role"].lower(),
            Mention(owner, column) if dot else self._tables[owner],
            tuple(slot["leave_out"].split("-")[1:]),
            cased(slot["shown"] or "name", slot["role"]),
        )
        self._draws.setdefault(draw.role, []).append(draw)
        return draw

    def _check(self) -> None:
        """Refuse what would make a text impossible, or its probability other than the one we state."""
        for role, draws in self._draws.items():
            for draw in draws:
                for i, other in enumerate(draw.leave_out):
                    before = set(draw.leave_out[:i])  # roles left out together must differ from one another
                    for drawn in self._draws.get(other, [None]):
                        if drawn is None or drawn.source != draw.source or not before <= set(drawn.leave_out):
                            raise ValueError(f"{role!r} can't leave out {other!r}: they must be drawn from one table.")
                if isinstance(draw.source, Table):
                    tables = [draw.source.entries]
                else:
                    tables = [table_of(owner, draw.source) for owner in self._entries(draw.source.role)]
                for entries in tables:
                    shown = {entry[draw.column] for entry in entries if draw.column in entry}
                    if len(shown) <= max(len(draw.leave_out), len(entries) - 1):
                        raise ValueError(f"Column {draw.column!r} must tell apart all that {role!r} can be.")
        texts: list[Sequence[object]] = [a.items for rule in self.rules.values() for a in rule.alternatives]
        texts += [cell for t in self._tables.values() for e in t.entries for cell in e.values() if type(cell) is tuple]
        for item in (item for text in texts for item in text):
            if isinstance(item, Mention):
                found = self._entries(item.role)
                if not found or any(item.column not in entry for entry in found):
                    raise ValueError(f"{item.role}.{item.column} is mentioned, but not all it can be has that.")


def table_of(owner: Entry, source: Mention) -> list[Entry]:
    """The entries of the table that is a column of `owner`."""
    table = owner[source.column]
    if not isinstance(table, Table):
        raise ValueError(f"{source.role}.{source.column} is not a table; mark its column with an asterisk.")
    return table.entries


def _plain(text: str, line: str) -> str:
    if any(sign in text for sign in "<>{}"):
        raise ValueError(f"{line!r} has a slot that can't be read.")
    return text


def _write(items: Sequence[Item], roles: dict[str, Entry], out: list[str], uniform: Callable[[], float]) -> float:
    """Append the text of `items` to `out`; -ln of the probability of the choices made."""
    nats = 0.0
    for item in items:
        if isinstance(item, str):
            out.append(item)
        elif isinstance(item, Mention):
            _write_cell(roles[item.role][item.column], roles, out)
        elif isinstance(item, Rule):
            alternative = item.picks[int(uniform() * len(item.picks))]
            nats += alternative.nats + _write(alternative.items, roles, out, uniform)
        else:
            source = item.source
            entries = source.entries if isinstance(source, Table) else table_of(roles[source.role], source)
            left_out = [roles[role] for role in item.leave_out]
            entry = entries[int(uniform() * len(entries))]
            while entry in left_out:  # drawing again is uniform over the others
                entry = entries[int(uniform() * len(entries))]
            roles[item.role] = entry
            nats += math.log(len(entries) - len(left_out))
            _write_cell(entry[item.column], roles, out)
    return nats


def _write_cell(cell: Cell, roles: dict[str, Entry], out: list[str]) -> None:
    if isinstance(cell, str):
        out.append(cell)
    elif isinstance(cell, tuple):
        for part in cell:
            if isinstance(part, str):
                out.append(part)
            else:
                _write_cell(roles[part.role][part.column], roles, out)

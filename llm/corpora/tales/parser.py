"""The grammar read backwards: which choices lead to a text, and which sentences it could ever write.

A recursive-descent parser with backtracking that follows every possibility. What a role stands for
is kept as the set of entries that it still can be: one when a whole story is read, since a draw shows
what was drawn; any number when a sentence is read by itself, and nobody said who "she" is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from llm.corpora.tales.grammar import START, Draw, Grammar, Item, Rule, table_of
from llm.corpora.tales.tables import Cell, Entry, Mention, Table

Roles: TypeAlias = dict[str, tuple[Entry, ...]]
Found: TypeAlias = tuple[int, Roles, float]
"""Where a match ends, what the roles are then, and the nats of the choices on the way."""

_END = re.compile(r'[.!?]"?(?=\s+[^\sa-z]|\s*$)')
_BREAK = "\ue000"  # stands for whole sentences of another rule
_SLOT = "\ue001"  # stands for anything else that a template fills in


def derivations(grammar: Grammar, text: str) -> list[float]:
    """-ln of the probability of each way in which the grammar writes exactly `text`."""
    return [nats for end, _, nats in _match((grammar.rules[START],), 0, text, 0, {}) if end == len(text)]


def sentences(text: str) -> list[str]:
    """The sentences of a text. Speech belongs to the sentence that it stands in, and no sentence goes on
    after an empty line."""
    return [part[start:end].strip() for part in text.split("\n\n") for start, end in _spans(part)]


class SentenceAcceptor:
    """Knows the sentences that a grammar can write, whatever came before them in the story."""

    def __init__(self, grammar: Grammar) -> None:
        self._roles = grammar.roles()
        self._templates = [
            template
            for rule in grammar.rules.values()
            if rule.writes_sentences
            for alternative in rule.alternatives
            for template in _split(alternative.items)
        ]

    def accepts(self, sentence: str) -> bool:
        """Whether some story holds this sentence."""
        return any(
            end == len(sentence)
            for template in self._templates
            for end, _, _ in _match(template, 0, sentence, 0, self._roles)
        )


def _spans(text: str) -> list[tuple[int, int]]:
    spans = []
    start = 0
    for match in _END.finditer(text):
        if text.count('"', start, match.end()) % 2 == 0:  # not within speech
            spans.append((start, match.end()))
            start = match.end()
    if text[start:].strip():
        spans.append((start, len(text)))
    return spans


def _split(items: Sequence[Item]) -> list[tuple[Item, ...]]:
    """The sentences of a line; those that other rules write are left to them."""
    parts: list[Item] = []
    masked = ""
    for item in items:
        if isinstance(item, str):
            parts += item
            masked += item
        elif isinstance(item, Rule) and item.writes_sentences:
            parts.append(_BREAK)
            masked += _BREAK
        else:
            parts.append(item)
            masked += _SLOT
    found = []
    offset = 0
    for piece in masked.split(_BREAK):
        for start, end in _spans(piece):
            found.append(_joined(parts[offset + start : offset + end]))
        offset += len(piece) + 1
    return found


def _joined(parts: Sequence[Item]) -> tuple[Item, ...]:
    """Single letters joined to texts again, without the space that a sentence may begin with."""
    items: list[Item] = []
    for part in parts:
        if isinstance(part, str) and items and isinstance(items[-1], str):
            items[-1] += part
        elif part != " " or items:
            items.append(part)
    return tuple(items)


def _match(items: Sequence[Item], i: int, text: str, pos: int, roles: Roles) -> Iterator[Found]:
    """All ways in which items[i:] can write what stands at text[pos:]."""
    while i < len(items) and isinstance(item := items[i], str):
        if not text.startswith(item, pos):
            return
        pos += len(item)
        i += 1
    if i == len(items):
        yield pos, roles, 0.0
        return
    for middle, known, nats in _match_item(items[i], text, pos, roles):
        for end, known_then, more in _match(items, i + 1, text, middle, known):
            yield end, known_then, nats + more


def _match_item(item: Item, text: str, pos: int, roles: Roles) -> Iterator[Found]:
    if isinstance(item, Rule):
        for alternative in item.alternatives:
            for end, known, nats in _match(alternative.items, 0, text, pos, roles):
                yield end, known, nats + alternative.nats
    elif isinstance(item, Mention):
        yield from _match_entries(item, roles[item.role], text, pos, roles)
    elif isinstance(item, Draw):
        shown = Mention(item.role, item.column)
        left_out = [roles[role][0] for role in item.leave_out if len(roles[role]) == 1]
        if isinstance(item.source, Table):
            choices = [(roles, item.source.entries)]
        else:
            owner = item.source.role
            choices = [({**roles, owner: (entry,)}, table_of(entry, item.source)) for entry in roles[owner]]
        for known, table in choices:
            entries = tuple(entry for entry in table if entry not in left_out)
            for end, known_then, _ in _match_entries(shown, entries, text, pos, known):
                yield end, known_then, math.log(len(entries))


def _match_entries(shown: Mention, entries: Sequence[Entry], text: str, pos: int, roles: Roles) -> Iterator[Found]:
    """All texts in the column shown, each with the entries that have it."""
    by_cell: dict[Cell, list[Entry]] = {}
    for entry in entries:
        cell = entry[shown.column]
        if not isinstance(cell, str) or text.startswith(cell, pos):
            by_cell.setdefault(cell, []).append(entry)
    for cell, agreeing in by_cell.items():
        known = {**roles, shown.role: tuple(agreeing)}
        if isinstance(cell, str):
            yield pos + len(cell), known, 0.0
        elif isinstance(cell, tuple):
            yield from _match(cell, 0, text, pos, known)
